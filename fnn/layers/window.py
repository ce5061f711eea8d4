"""Options of layers that put a window on an image: `size`, `stride` and `pad`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from fnn.arrays import Shape
from fnn.errors import whole
from fnn.kernels.window import Pair, Window, places
from fnn.layers.checks import check_rank

Sides: TypeAlias = int | Pair  # one number for both, or rows' and columns'
Pad: TypeAlias = int | tuple[Sides, Sides]  # of a pair: before and after


def window(name: str, size: Sides, stride: Sides, pad: Pad | None) -> Window:
    """These options, checked; a `pad` of None is half of the size."""
    high, wide = both(f"{name}: size", size)
    given = (high // 2, wide // 2) if pad is None else pad
    around = _two(f"{name}: pad", given, lambda what, side: both(what, side, 0))
    return Window((high, wide), both(f"{name}: stride", stride), around)


def both(what: str, value: Any, low: int = 1) -> Pair:
    """An integer of at least `low` as a pair, or a pair of such integers."""
    first, second = _two(what, value, lambda what, side: whole(what, side, low))
    return first, second


def _two(what: str, value: Any, checked: Callable[[str, Any], Any]) -> Any:
    if not isinstance(value, tuple | list) or len(value) != 2:
        return (checked(what, value),) * 2
    return tuple(checked(what, side) for side in value)


def brief(value: Any) -> Any:
    """One number for a pair of equal ones, as in the options.

    >>> brief((3, 3)), brief(((0, 1), (2, 2)))
    (3, ((0, 1), 2))
    """
    if not isinstance(value, tuple):
        return value
    first, second = map(brief, value)
    return first if first == second and not isinstance(first, tuple) else (first, second)


def shape_of(name: str, at: Window, part: str) -> Callable[[Shape], Pair]:
    """The function from an image's shape to the number of places for a window.

    Raises ValueError for an image that is smaller than the window, which is called a `part`.
    """

    def sides(s: Shape) -> Pair:
        check_rank(name, s, "(H, W, C)", "give it images")
        high, wide = places(at, s)
        if min(high, wide) < 1:
            even = ", even padded" if any(map(any, at.pad)) else ""
            raise ValueError(f"{name}: an image of shape {s} is smaller than a {part}{even}")
        return high, wide

    return sides
