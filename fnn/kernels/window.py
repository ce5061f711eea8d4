"""Where a filter or a pool is put on an image, on arrays (H, W, ...)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple, TypeAlias

import numpy as np

from fnn.arrays import Array

Pair: TypeAlias = tuple[int, int]
Part: TypeAlias = tuple[slice, slice]  # rows and columns


class Window(NamedTuple):
    """The sides of a window, the steps between its places, and how far it may extend outside.

    Each is for rows, then for columns; `pad` is ((top, bottom), (left, right)).
    """

    size: Pair
    stride: Pair
    pad: tuple[Pair, Pair]


def square(size: int, stride: int = 1, pad: int = 0) -> Window:
    """The same for rows and columns."""
    return Window((size, size), (stride, stride), ((pad, pad), (pad, pad)))


def places(at: Window, shape: tuple[int, ...]) -> Pair:
    """How many places there are for a window along the sides of an image, (H, W, ...).

    >>> [places(square(*given), (28, 28)) for given in ((3, 1, 1), (3, 2, 1), (2, 1, 1))]
    [(28, 28), (14, 14), (29, 29)]
    """
    high, wide = (
        (side + sum(pad) - size) // stride + 1
        for side, size, stride, pad in zip(shape[:2], *at, strict=True)
    )
    return high, wide


def padded(x: Array, at: Window) -> Array:
    """x, (H, W, N, C), with zeros around each image."""
    (top, bottom), (left, right) = at.pad
    if not (top or bottom or left or right):
        return x
    h, w, n, c = x.shape
    p = np.zeros((h + top + bottom, w + left + right, n, c), x.dtype)
    p[top : top + h, left : left + w] = x
    return p


def taps(
    at: Window, outputs: tuple[Pair, Pair], pixels: tuple[Pair, Pair]
) -> Iterator[tuple[int, Part, Part]]:
    """For each place in a window, by number: outputs, and the pixels that they see there.

    Both are limited to the given rows and columns (start, stop) and of the same shape, which is not
    empty. What an output or a pixel is part of comes in the same order for any limits.
    """
    for number, place in enumerate(product(*map(range, at.size))):
        sides = [
            _reach(k - pad[0], stride, *limits)
            for k, stride, pad, *limits in zip(
                place, at.stride, at.pad, outputs, pixels, strict=True
            )
        ]
        if all(out.stop > out.start for out, _ in sides):
            (rows, in_rows), (columns, in_columns) = sides
            yield number, (rows, columns), (in_rows, in_columns)


def _reach(offset: int, stride: int, outputs: Pair, pixels: Pair) -> tuple[slice, slice]:
    """The outputs i whose pixel i * stride + offset is in the range, and these pixels."""
    first = max(outputs[0], -((offset - pixels[0]) // stride))
    last = min(outputs[1], (pixels[1] - 1 - offset) // stride + 1)
    start = first * stride + offset
    return slice(first, last), slice(start, start + (last - first - 1) * stride + 1, stride)
