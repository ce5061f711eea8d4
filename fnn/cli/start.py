"""Starts a program from a checkout, with a plain word if fnn is not installed; bin/* use it.

`pip install` makes commands that call the same `main` functions.
"""

import sys
from importlib import import_module
from pathlib import Path


def start(prog: str) -> int:
    """The exit status of a program; its script has put this folder at the front of sys.path."""
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    try:
        main = import_module(f"fnn.cli.{prog.removeprefix('fnn-')}").main
    except ModuleNotFoundError as error:
        print(f"{prog}: {error}; say '. .venv/bin/activate' first (see README)", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return int(main())
