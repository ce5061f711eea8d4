"""What is wrong, in one line: the exception for bad input, and how a line reaches the user."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

import numpy as np


class InputError(ValueError):
    """A file, a value or an argument from the user cannot be used.

    The message is one line that names what was found, what was expected and what to do. The
    programs print it and exit with status 2.
    """


def whole(what: str, value: Any, low: int = 1) -> int:
    """An argument that must be an integer of at least `low`, as a Python int.

    NumPy's integers are integers; True and 3.0 are not. Raises TypeError or ValueError.

    >>> whole("conv: stride", np.int64(3))
    3
    """
    try:
        if isinstance(value, bool | np.bool_):  # before NumPy 2.3 that was an index, with a warning
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what}: expected an integer, found {kind(value)}") from None
    if number < low:
        raise ValueError(f"{what}: expected at least {low}, found {number}")
    return number


def real(what: str, value: Any, finite: bool = True) -> float:
    """An argument that must be a number, as a Python float: a NumPy scalar would widen float32.

    Raises TypeError for strings and booleans, ValueError for NaN and infinity if `finite`.
    """
    if type(value) is not float:
        if not isinstance(value, int | np.number | np.ndarray) or isinstance(value, bool):
            raise TypeError(f"{what}: expected a number, found {kind(value)}")
        if np.ndim(value) or np.asarray(value).dtype.kind not in "iuf":
            raise TypeError(f"{what}: expected a number, found {kind(value)}")
    number = float(value)
    if finite and not math.isfinite(number):
        raise ValueError(f"{what}: expected a finite number, found {number}")
    return number


def kind(value: Any) -> str:
    """What a value is, for a message.

    >>> kind("0.1"), kind(kind), kind([1, 2]), kind(np.zeros(3)), kind(2.5)
    ("'0.1'", 'the function kind', 'a list', 'an array of shape (3,)', '2.5')
    """
    if isinstance(value, int | float | str | np.generic | None):
        return one_line(repr(value), 80)
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if callable(value):
        return f"the function {getattr(value, '__name__', type(value).__name__)}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


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


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A few words about the names that are like a misspelt one; empty if there are none.

    >>> did_you_mean("--modle", ["--model", "--data"]), did_you_mean("x", ["mlp"])
    ('; did you mean --model?', '')
    """
    near = get_close_matches(word, list(known), n=2)
    return f"; did you mean {' or '.join(near)}?" if near else ""
