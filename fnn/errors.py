"""What is wrong, in one line: the exception for bad input, and how a line reaches the user."""

import sys
from contextlib import suppress


class InputError(ValueError):
    """A file, a value or an argument from the user cannot be used.

    The message is one line that names what was found, what was expected and what to do. The
    programs print it and exit with status 2.
    """


def say(line: str) -> None:
    """Print one printable line on standard error. If that is closed or full, do nothing."""
    if sys.stderr is not None:  # print would write to standard output instead
        with suppress(OSError):
            print(one_line(line), file=sys.stderr, flush=True)


def one_line(text: str, longest: int = 2000) -> str:
    """The text with unprintable characters escaped, and without its middle if it is too long.

    >>> one_line("a\\nb"), one_line("abcdefgh", 5)
    ('a\\\\nb', 'ab…gh')
    """
    half = longest // 2
    if len(text) > longest:
        text = f"{text[:half]}…{text[-half:]}"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
