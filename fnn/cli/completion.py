"""What shells need to complete the programs' options, names and files, made by shtab."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from fnn.cli.programs import PROGRAMS, SHELLS
from fnn.data.catalogue import KNOWN
from fnn.errors import InputError
from fnn.models import MODELS

# What a value may be, by what --help shows in its place: names, besides files or directories.
DIRECTORIES = {"DIR"}
FILES: Mapping[str, tuple[str, ...]] = {
    "FILE": (),
    "FILE.py:NAME": (),
    "DUMP": (),
    "OUT": (),
    "RUN": (),
    "NAME|DIR|FILE": tuple(KNOWN),
    "FILE|random|pretrained": ("random", "pretrained"),
}
FILES_OF_OPTIONS: Mapping[str, tuple[str, ...]] = {"--model": tuple(MODELS)}


def script(shell: str) -> str:
    """The completion of all programs and of `fnn COMMAND`; InputError without shtab."""
    try:
        import shtab
    except ModuleNotFoundError:
        raise InputError(
            "--print-completion: shtab is not installed: pip install 'fnn[completion]'"
        ) from None
    # a prefix of its own for each, since fnn train and fnn-train have the same letters
    made = [shtab.complete(marked(whole(), shtab), shell, root_prefix="fnn")]
    for name in PROGRAMS:
        parser = import_module(f"fnn.cli.{name}").arguments()
        made.append(shtab.complete(marked(parser, shtab), shell, root_prefix=f"program_{name}"))
    return "\n".join(made)


def whole() -> argparse.ArgumentParser:
    """The parser of fnn with each program as a command."""
    top = argparse.ArgumentParser("fnn", description="image-recognition networks")
    top.add_argument("--version", action="version")
    top.add_argument("--print-completion", choices=SHELLS, help="write this and end")
    commands = top.add_subparsers()
    for name, about in PROGRAMS.items():
        made = import_module(f"fnn.cli.{name}").arguments()
        commands.add_parser(
            name, parents=[made], help=about, description=about, add_help=False, usage=made.usage
        )
    return top


def marked(parser: argparse.ArgumentParser, shtab: ModuleType) -> argparse.ArgumentParser:
    """The parser, whose arguments now say which names and files complete them.

    What --help shows in place of a value is left out, since zsh would read its punctuation.
    """
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                marked(each, shtab)
            continue
        shown, option = str(action.metavar), "".join(action.option_strings)
        names = FILES_OF_OPTIONS.get(option) if shown == "NAME" else FILES.get(shown)
        completes: Any = None
        if shown in DIRECTORIES:
            completes = shtab.DIRECTORY
        elif names is not None:
            completes = names_and_files(names) if names else shtab.FILE
        if completes is not None:
            action.complete = completes  # type: ignore[attr-defined]
        action.metavar = None
        action.choices = action.choices and tuple(action.choices)  # earlier shtabs want a sequence
    return parser


def names_and_files(names: tuple[str, ...]) -> dict[str, Any]:
    """shtab's description of values that are one of a few names, or a file."""
    function = f"_fnn_names_or_file_{names[0].replace('-', '_')}"
    words = " ".join(names)
    bash = f'{function}() {{\n  compgen -W "{words}" -- "$1"\n  compgen -f -- "$1"\n}}\n'
    zsh = f'{function}() {{\n  _alternative "names:name:({words})" "files:file:_files"\n}}\n'
    return {"bash": function, "zsh": function, "tcsh": "f", "preamble": {"bash": bash, "zsh": zsh}}
