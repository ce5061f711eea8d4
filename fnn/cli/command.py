"""fnn: lists the programs, runs one of them, and writes what shells need for completion."""

from __future__ import annotations

import sys
from argparse import SUPPRESS
from collections.abc import Sequence
from importlib import import_module

from fnn.cli.help import DATA_HOME, THREADS
from fnn.cli.program import Parser, main_of, parser
from fnn.cli.programs import PROGRAMS, SHELLS
from fnn.errors import InputError, did_you_mean, one_line

INSTALLING = """completion of words by a shell, for its start-up file:
  bash  eval "$(fnn --print-completion bash)"
  zsh   eval "$(fnn --print-completion zsh)"  (after compinit)
  tcsh  fnn --print-completion tcsh > ~/.fnn.tcsh; source ~/.fnn.tcsh"""


def arguments() -> Parser:
    wide = max(map(len, PROGRAMS))
    p = parser(
        "fnn",
        "Image-recognition networks made of nothing but pure functions on NumPy arrays. COMMAND is "
        "one of these; fnn COMMAND --help tells more, and fnn-COMMAND is the same program.\n\n"
        + "\n".join(f"  {name:{wide}}  {about}" for name, about in PROGRAMS.items()),
        "fnn train --model conv",
        environment=(DATA_HOME, THREADS),
        ending=INSTALLING,
        usage="fnn COMMAND [option ...]",
    )
    p.add_argument("command", nargs="?", choices=tuple(PROGRAMS), help=SUPPRESS)
    p.add_argument(
        "--print-completion",
        metavar="SHELL",
        choices=SHELLS,
        help=f"write the completion of all programs for {', '.join(SHELLS)}, and end; needs shtab",
    )
    return p


def body(argv: Sequence[str]) -> None:
    args = arguments().parse_args(argv)
    if args.print_completion is None:
        arguments().print_help()
        return
    if args.command is not None:
        raise InputError("--print-completion: covers all programs; leave the command out")
    from fnn.cli.completion import script

    print(script(args.print_completion))


def main(argv: Sequence[str] | None = None) -> int:
    """fnn's exit status, which is that of the program it runs."""
    given = list(sys.argv[1:] if argv is None else argv)
    if not given or given[0].startswith("-"):
        return main_of("fnn", body)(given)
    if given[0] not in PROGRAMS:
        return main_of("fnn", unknown)(given)
    return int(import_module(f"fnn.cli.{given[0]}").main(given[1:]))


def unknown(argv: Sequence[str]) -> None:
    word = argv[0].removeprefix("fnn-")
    raise InputError(
        f"there is no command '{one_line(argv[0], 40)}'{did_you_mean(word, PROGRAMS)} "
        "(fnn alone lists them)"
    )
