"""What all programs share: parsing, errors in one line, finding data and parameters."""

import argparse
import ctypes
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from fnn import __version__
from fnn.errors import InputError, one_line, say
from fnn.kernels import threads


class Parser(argparse.ArgumentParser):
    """argparse, with its errors in one line."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        for arg in sys.argv[1:] if args is None else args:
            # some versions of argparse take the "--" out and give an empty list instead of a value
            if arg.startswith("--") and arg.endswith("=--"):
                self.error(f"argument {arg[:-3]}: expected a value, found '--'")
            if not arg or (arg.startswith("--") and arg.endswith("=")):
                self.error(f"argument {arg[:-1] or repr(arg)}: is empty; is a variable not set?")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {one_line(message)} (see {self.prog} --help)\n")


def parser(prog: str, description: str, example: str) -> Parser:
    """A parser with --version, whose --help ends with an example."""
    made = Parser(
        prog=prog, description=description, epilog=f"example: {example}", allow_abbrev=False
    )
    made.add_argument("--version", action="version", version=f"{prog} {__version__}")
    return made


def run(prog: str, body: Callable[[Sequence[str]], None], argv: Sequence[str] | None) -> int:
    """The exit status of a program: 0, or 2 for bad input, or 130 for Ctrl-C.

    Bad input is one line on standard error. Any other exception is a bug, and shows itself.
    """
    try:
        # Numbers that overflow show in the results, and one line of ours tells of them.
        with np.errstate(all="ignore"):
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(errors="backslashreplace")  # file names may be any
            threads.count()  # a bad FNN_THREADS is told before any work
            body(sys.argv[1:] if argv is None else argv)
        if sys.stdout is not None:  # it may be closed from the start
            sys.stdout.flush()
    except InputError as error:
        say(f"{prog}: {one_line(str(error))}")
        return 2
    except BrokenPipeError:
        # The reader of our output has gone (`| head`). Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = error.filename or "input or output"
        say(one_line(f"{prog}: {where}: {error.strerror or error}"))
        return 2
    except MemoryError as error:
        say(f"{prog}: not enough memory ({error}); choose smaller sizes")
        return 2
    except KeyboardInterrupt:
        say(f"{prog}: interrupted")
        return 130
    return 0


def whole(low: int, high: int = 10**9) -> Callable[[str], int]:
    """An argument type: an integer in low..high."""
    bounds = f"in {low}..{high}"

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected an integer, found {text[:40]!r}") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"expected an integer {bounds}, found {text[:40]}")
        return value

    return parse


def positive(text: str) -> float:
    """An argument type: a finite number above 0."""
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a finite number above 0, found {text[:40]}")
    return value


def not_negative(text: str) -> float:
    """An argument type: a finite number of 0 or more."""
    value = _number(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(
            f"expected a finite number of 0 or more, found {text[:40]}"
        )
    return value


def share(text: str) -> float:
    """An argument type: a number of 0 or more, and below 1."""
    value = _number(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to below 1, found {text[:40]}")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, found {text[:40]!r}") from None


# From <malloc.h>: above which size a block is its own mapping, when free memory goes back to the
# system, and how much is asked for at a time.
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD = -3, -1, -2


def keep_freed_memory() -> bool:
    """Ask malloc to keep what is freed; whether it obeyed, which only glibc's does."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    settings = ((M_MMAP_THRESHOLD, 1 << 30), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 1 << 26))
    return all(mallopt(name, value) == 1 for name, value in settings)
