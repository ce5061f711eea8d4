"""Indices of images, read from standard input or typed at a terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from toolz import partition_all

from fnn.errors import InputError, say

LONGEST_LINE = 1000
CHUNK, BATCH = 1 << 16, 500  # bytes that are read, and images that are answered, at once


def indices(n: int) -> Iterator[list[int]]:
    """The indices on standard input, one per line: those that are there, then the next ones.

    A bad line raises InputError after the lines before it; at a terminal, it is asked for again.
    """
    if sys.stdin is None:
        raise InputError("standard input is closed: expected indices of test images, one per line")
    if sys.stdin.isatty():
        yield from typed_indices(n)
        return
    number, rest, ended = 0, b"", False
    while not ended:
        # what is there, as soon as there is something
        chunk = sys.stdin.buffer.read1(CHUNK)  # type: ignore[union-attr]
        ended = not chunk
        *lines, rest = (rest + chunk).split(b"\n")
        if (ended and rest) or len(rest) > LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        for some in partition_all(BATCH, lines):
            good = []
            for line in some:
                number += 1
                try:
                    good.append(parse_index(line.decode("utf-8", "backslashreplace"), n))
                except InputError as error:
                    yield good
                    raise InputError(f"standard input, line {number}: {error}") from None
            yield good
    if number == 0:
        raise InputError(
            f"standard input is empty: expected indices of test images, 0..{n - 1}, one per line"
        )


def typed_indices(n: int) -> Iterator[list[int]]:
    """The indices that are typed at a terminal, one by one."""
    sys.stdin.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    while True:
        print(f"index of a test image, 0..{n - 1}: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline(LONGEST_LINE)
        if not line:
            say("")  # end the line of the prompt
            return
        try:
            yield [parse_index(line, n)]
        except InputError as error:
            say(str(error))
            while line and not line.endswith("\n"):  # the rest of a long line
                line = sys.stdin.readline(LONGEST_LINE)


def parse_index(line: str, n: int) -> int:
    """An index in 0..n-1.

    >>> parse_index("42\\n", 100)
    42

    Raises InputError for anything else.
    """
    text = line.strip()
    if not re.fullmatch(r"[+-]?[0-9]{1,60}", text):
        raise InputError(f"expected an integer in 0..{n - 1}, found {text[:40]!r}")
    if not 0 <= int(text) < n:
        raise InputError(f"expected an integer in 0..{n - 1}, found {text}")
    return int(text)
