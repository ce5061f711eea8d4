"""The kinds of values that an option can take: read from text, or checked when read from a file."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from fnn.errors import did_you_mean


class Kind(NamedTuple):
    """What an option's values must be."""

    expected: str  # "an integer in 1..10"
    read: Callable[[str], Any]  # from text; raises ValueError for another form
    admits: Callable[[Any], bool]  # whether a value is one of them
    examples: Sequence[str] = ()
    choices: Sequence[str] = ()  # all values, if they are a few names

    def value(self, text: str) -> Any:
        """The value of a text; ValueError says what was expected and found."""
        found = self.read(text)
        if not self.admits(found):
            raise ValueError(f"expected {self.expected}, found {text[:40]}")
        return found


class About(NamedTuple):
    """What --help says about an option, and the kind of its values."""

    help: str  # %(default)s stands for the default
    kind: Kind
    metavar: str | None = None


def whole(low: int, high: int = 10**9) -> Kind:
    """An integer in low..high.

    >>> whole(1).value("12")
    12
    """

    def read(text: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise ValueError(f"expected an integer, found {text[:40]!r}") from None

    return Kind(
        f"an integer in {low}..{high}",
        read,
        lambda v: type(v) is int and low <= v <= high,
        (str(low), str(min(low + 1, high))),
    )


POWERS = tuple(1 << k for k in range(11))
POWER_OF_TWO = whole(1, POWERS[-1])._replace(
    expected="a power of two in 1..1024", admits=lambda v: type(v) is int and v in POWERS
)


def one_of(names: Collection[str]) -> Kind:
    """One of a few names."""
    known = tuple(names)
    expected = f"one of {', '.join(known)}"
    return Kind(expected, str, lambda v: type(v) is str and v in known, known, known)


def one_of_or_own(names: Collection[str]) -> Kind:
    """One of a few names, or FILE.py:NAME."""
    known = tuple(names)
    expected = f"one of {', '.join(known)}, or FILE.py:NAME"

    def read(text: str) -> str:
        if text not in known and ":" not in text:
            raise ValueError(f"expected {expected}, found {text[:40]!r}{did_you_mean(text, known)}")
        return text

    return Kind(expected, read, lambda v: type(v) is str and (v in known or ":" in v), known)


def parts_of(names: Collection[str], *examples: str) -> Kind:
    """Names with commas between them, and several such lists with slashes between them; or none."""

    def wrong(text: str) -> str | None:
        parts = (part for turn in text.split("/") if turn != "none" for part in turn.split(","))
        return next((part for part in parts if part not in names), None)

    def read(text: str) -> str | None:
        if (part := wrong(text)) is not None:
            raise ValueError(f"expected names of {', '.join(names)}, or none, found {part!r}")
        return None if text == "none" else text

    return Kind(
        f"names of {', '.join(names)}, with commas or slashes between them",
        read,
        lambda v: v is None or (type(v) is str and wrong(v) is None),
        ("none", *examples),
    )


def _number(expected: str, admits: Callable[[float], bool], *examples: str) -> Kind:
    def read(text: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"expected a number, found {text[:40]!r}") from None

    return Kind(expected, read, lambda v: type(v) in (int, float) and admits(v), examples)


POSITIVE = _number("a finite number above 0", lambda v: 0 < v < math.inf, "1", "0.05", "1e30")
NOT_NEGATIVE = _number("a finite number of 0 or more", lambda v: 0 <= v < math.inf, "0", "1e9")
PROPER_SHARE = _number("a number above 0 and below 1", lambda v: 0 < v < 1, "0.1", "0.5")
SHARE = _number("a number from 0 to below 1", lambda v: 0 <= v < 1, "0", "0.1", "0.5")
FLAG = Kind("true or false", bool, lambda v: type(v) is bool)  # --name and --no-name
SWITCH = Kind("true", bool, lambda v: type(v) is bool)  # --name alone
OWN = Kind(
    "FILE.py:NAME, a function that makes a network",
    str,
    lambda v: type(v) is str and ":" in v,
    ("mine.py:net",),
)
TEXT = Kind("a name or a path", str, lambda v: type(v) is str and v != "")


def _written(expected: str, pattern: str, *examples: str) -> Kind:
    """A text of a form, which stays a text."""
    form = re.compile(pattern)
    return Kind(expected, str, lambda v: type(v) is str and bool(form.fullmatch(v)), examples)


SIZE = _written(
    "HEIGHTxWIDTH, such as 64x48, or one number for both, 1..9999",
    r"[1-9][0-9]{0,3}(x[1-9][0-9]{0,3})?",
    "8",
    "6x5",
)
ARRAYS = _written(
    "two or four names with commas between them",
    r"[^,]+,[^,]+(,[^,]+,[^,]+)?",
    "x,y",
    "x_train,y_train,x_test,y_test",
)
