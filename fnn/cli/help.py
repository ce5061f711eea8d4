"""How --help looks: paragraphs, groups of options, an example and environment variables."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable

Variable = tuple[str, str]  # the name of an environment variable, and what it says

DATA_HOME = ("FNN_DATA", "the directory of data sets (default: in the user's cache)")
THREADS = ("FNN_THREADS", "threads of the array code (default: as many as cores)")


class Formatter(argparse.HelpFormatter):
    """argparse's formatter, which keeps line breaks and indents in description and epilog.

    A pair of options --name and --no-name is shown as --[no-]name.
    """

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(
            textwrap.fill(
                line,
                width,
                subsequent_indent=" " * (len(line) - len(line.lstrip())),
                break_on_hyphens=False,
            )
            for line in text.splitlines()
        )

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if isinstance(action, argparse.BooleanOptionalAction):
            return f"--[no-]{action.option_strings[0].removeprefix('--')}"
        return super()._format_action_invocation(action)


def epilog(example: str, environment: Iterable[Variable], more: str = "") -> str:
    """What --help ends with.

    >>> print(epilog("fnn-loss", [THREADS]))
    example: fnn-loss
    <BLANKLINE>
    environment:
      FNN_THREADS  threads of the array code (default: as many as cores)
    """
    lines = [
        f"  {name:{max(len(n) for n, _ in environment)}}  {about}" for name, about in environment
    ]
    parts = [f"example: {example}", more, "\n".join(["environment:", *lines]) if lines else ""]
    return "\n\n".join(part for part in parts if part)
