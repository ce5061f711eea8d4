"""Runs the notebook from top to bottom, and stores it with its outputs:

python tests/notebook/execute.py
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import nbclient
import nbformat
from jupyter_client.kernelspec import KernelSpecManager

NOTEBOOK = Path(__file__).with_name("course.ipynb")
BIN = Path(__file__).resolve().parents[2] / "bin"
ANSWER = re.compile(r"<details>\n<summary>Answer</summary>\n\n```python\n(.*?)\n```\n", re.DOTALL)


def answer_in(cell):
    """The code of the folded answer in a cell, if there is one."""
    found = ANSWER.search(cell.source) if cell.cell_type == "markdown" else None
    return found[1] if found else None


def execute(notebook, directory):
    """Run a notebook's cells in a directory, with the Python and the programs of this checkout."""
    client = nbclient.NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=600,  # seconds per cell
        record_timing=False,
        resources={"metadata": {"path": str(directory)}},
    )
    # Without directories, the only kernel is the Python that runs this.
    client.create_kernel_manager().kernel_spec_manager = KernelSpecManager(kernel_dirs=[])
    path = os.pathsep.join([str(BIN), str(Path(sys.executable).parent), os.environ["PATH"]])
    settings = {
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OPENBLAS_NUM_THREADS": "1",  # more would wait for each other on a busy machine
        "PATH": path,
    }
    client.execute(env={**os.environ, **settings})


if __name__ == "__main__":
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with tempfile.TemporaryDirectory() as directory:
        execute(notebook, directory)
    nbformat.write(notebook, NOTEBOOK)
