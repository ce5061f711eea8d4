"""Starts a program of bin/* from a checkout, with a clear message if fnn is not installed.

    python fnn/cli/start.py fnn-train --model conv        is what mpiexec is given

`pip install` makes commands that call the same `main` functions.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path


def module_of(prog: str) -> str:
    """The module of a program.

    >>> module_of("fnn-train"), module_of("fnn")
    ('fnn.cli.train', 'fnn.cli.command')
    """
    return f"fnn.cli.{'command' if prog == 'fnn' else prog.removeprefix('fnn-')}"


def start(prog: str, argv: list[str] | None = None) -> int:
    """Run a program and return its exit status; its script put this folder first in sys.path."""
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    try:
        main = import_module(module_of(prog)).main
    except ModuleNotFoundError as error:
        print(f"{prog}: {error}; run '. .venv/bin/activate' first (see README.md)", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return int(main(argv))


if __name__ == "__main__":
    sys.exit(start(sys.argv[1], sys.argv[2:]))
