"""The notebook runs from top to bottom, and is stored with its outputs."""

import os
import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")
pytest.importorskip("matplotlib", reason="matplotlib is not installed")

NOTEBOOK = Path(__file__).with_name("course.ipynb")
LARGEST = 500_000  # bytes


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook, kind):
    """All outputs of one kind in a notebook, in order."""
    every = (output for cell in code_cells(notebook) for output in cell.outputs)
    return [output for output in every if output.output_type == kind]


def test_it_is_stored_as_it_ran(notebook):
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert len([o for o in outputs(notebook, "display_data") if "image/png" in o.data]) > 20
    assert outputs(notebook, "error") == []
    assert NOTEBOOK.stat().st_size < LARGEST
    # Nothing about the machine it ran on.
    assert not re.search("/home/|/tmp/|/root|[0-9] (ms|s)\\\\b", NOTEBOOK.read_text("utf-8"))


def test_it_runs_without_an_error_or_a_warning(notebook, tmp_path):
    from jupyter_client.kernelspec import KernelSpecManager

    client = nbclient.NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=600,  # seconds per cell
        resources={"metadata": {"path": str(tmp_path)}},
    )
    # Without directories, the only kernel is the Python that runs this test.
    client.create_kernel_manager().kernel_spec_manager = KernelSpecManager(kernel_dirs=[])
    settings = {
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OPENBLAS_NUM_THREADS": "1",  # more would wait for each other on a busy machine
    }
    client.execute(env={**os.environ, **settings})
    streams = outputs(notebook, "stream")
    assert [o.text for o in streams if o.name == "stderr"] == []
    text = "".join(o.text for o in streams)
    shares = [float(s) for s in re.findall(r"test accuracy[^:]*: ([\d.]+)%", text)]
    assert len(shares) == 6
    assert max(shares) > 98.5  # the network of two convolutions
    assert min(shares) > 60  # a single epoch on colored shapes
