"""What all programs share: parsing, one-line errors, exit statuses, signals and memory."""

from __future__ import annotations

import argparse
import ctypes
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

import numpy as np

from fnn import __version__
from fnn.cli.help import Formatter, Variable, epilog
from fnn.errors import InputError, did_you_mean, one_line, say
from fnn.kernels import threads
from fnn.training.kinds import FLAG, SWITCH, Kind
from fnn.training.options import About


class Parser(argparse.ArgumentParser):
    """argparse with one-line errors; `stray` says what to do with an argument {} of no option."""

    stray = ""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        args = [self.at_home(arg) for arg in (sys.argv[1:] if args is None else args)]
        for arg in args:
            # some versions of argparse drop the "--" and give an empty list instead of a value
            if arg.startswith("--") and arg.endswith("=--"):
                self.error(f"argument {arg[:-3]}: expected a value, found '--'")
            if not arg or (arg.startswith("--") and arg.endswith("=")):
                self.error(f"argument {arg[:-1] or repr(arg)}: is empty; is a variable not set?")
        return super().parse_known_args(args, namespace)

    def at_home(self, arg: str) -> str:
        """The argument with the home directory in place of ~, which shells leave in --run=~/a."""
        name, sign, value = arg.rpartition("=~")
        if sign and name.startswith("--") and "=" not in name:
            return f"{name}={self.at_home(f'~{value}')}"
        expanded = os.path.expanduser(arg)
        if expanded == arg and arg.startswith("~/"):
            self.error(f"{arg}: there is no home directory; name the place without ~")
        return expanded

    def error(self, message: str) -> NoReturn:
        told = f"{one_line(message)}{self.advice(message)}"
        self.exit(2, f"{self.prog}: {told} (see {self.prog} --help)\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse's own is silent when help or a version cannot be written
        if message and file is not None:
            print(message, end="", file=file, flush=True)

    def advice(self, message: str) -> str:
        """What an error about misspelt or stray arguments should add."""
        if found := re.match(r"unrecognized arguments: (\S+)", message):
            word = found[1].partition("=")[0]
            if word.startswith("-"):
                return did_you_mean(word, self._option_string_actions)
            return f"; {self.stray.format(found[1])}" if self.stray else ""
        if found := re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message):
            return did_you_mean(found[1], re.findall(r"[\w-]+", found[2]))
        return ""


def parser(
    prog: str,
    description: str,
    example: str,
    stray: str = "",
    environment: Sequence[Variable] = (),
    ending: str = "",
    **more: Any,
) -> Parser:
    """A parser with --version, whose --help ends with an example and environment variables."""
    made = Parser(
        prog=prog,
        description=description,
        epilog=epilog(example, environment, ending),
        allow_abbrev=False,
        formatter_class=Formatter,
        **more,
    )
    made.stray = stray
    made.add_argument("--version", action="version", version=f"{prog} {__version__}")
    return made


def argument(kind: Kind) -> Callable[[str], Any]:
    """The `type` of an argument with values of this kind."""
    return partial(_value, kind)


def _value(kind: Kind, text: str) -> Any:
    try:
        return kind.value(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_option(to: argparse._ActionsContainer, name: str, about: About, shown: object = "") -> None:
    """Add the option --its-name for a field; help shows a default."""
    option, kind = f"--{name.replace('_', '-')}", about.kind
    text = about.help.replace("%(default)s", str(shown)).replace("%", "%%")
    if kind is SWITCH:
        to.add_argument(option, action="store_true", help=text)
    elif kind is FLAG:
        to.add_argument(option, action=argparse.BooleanOptionalAction, help=text)
    elif kind.choices:
        to.add_argument(option, choices=kind.choices, metavar=about.metavar, help=text)
    else:
        to.add_argument(option, type=argument(kind), metavar=about.metavar, help=text)


def main_of(prog: str, body: Callable[[Sequence[str]], None]) -> Callable[..., int]:
    """The function `main(argv=None)` of a program: calls `body`, returns the exit status."""
    return lambda argv=None: run(prog, body, argv)


def run(prog: str, body: Callable[[Sequence[str]], None], argv: Sequence[str] | None) -> int:
    """Run a program and return its exit status: 0, 2 for bad input, or 130 for Ctrl-C.

    Bad input gives one line on standard error; a closed standard output gives status 1. Any other
    exception is a bug and shows its traceback.
    """
    try:
        # Overflow shows in the results, which are checked.
        with np.errstate(all="ignore"):
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(errors="backslashreplace")  # file names may contain anything
            threads.count()  # a bad FNN_THREADS is refused before any work
            body(sys.argv[1:] if argv is None else argv)
        if sys.stdout is not None:  # it may be closed from the start
            sys.stdout.flush()
    except InputError as error:
        say(f"{prog}: {error}")
        return 2
    except BrokenPipeError:
        # The reader of our output is gone (`| head`). Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = error.filename or "input or output"
        say(f"{prog}: {where}: {error.strerror or error}")
        return 2
    except MemoryError as error:
        say(f"{prog}: not enough memory ({error}); choose smaller sizes")
        return 2
    except KeyboardInterrupt:
        say(f"{prog}: interrupted")
        return 130
    return 0


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """A function that tells whether Ctrl-C, SIGTERM or a hangup came; a second ends the program.

    A signal that is ignored from the start, as in a script's background job, stays ignored.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set  # only the main thread may handle signals
        return

    def ask(number: int, frame: object) -> None:
        signal.signal(number, signal.default_int_handler)
        asked.set()

    named = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
    every = [getattr(signal, name) for name in named if hasattr(signal, name)]
    kinds = [kind for kind in every if signal.getsignal(kind) != signal.SIG_IGN]
    before = [signal.signal(kind, ask) for kind in kinds]
    try:
        yield asked.is_set
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


# From <malloc.h>: the size above which a block gets its own mapping, how much free memory is kept,
# and how much is requested at a time.
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD = -3, -1, -2


def keep_freed_memory() -> bool:
    """Ask malloc to keep freed memory; True if it will, as only glibc's can."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    settings = ((M_MMAP_THRESHOLD, 1 << 30), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 1 << 26))
    return all(mallopt(name, value) == 1 for name, value in settings)
