"""Test-time augmentation: the mean of a network's answers to an image and to views of it.

A view is a pure function from images, (N, H, W) or (N, H, W, C), to images of the same shape. The
mean of logits is, after softmax, the geometric mean of the probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import NamedTuple, TypeAlias

import numpy as np
from toolz import compose_left, identity

from fnn.arrays import Array
from fnn.losses import softmax

View: TypeAlias = Callable[[Array], Array]


class Weighted(NamedTuple):
    """A view and its weight in the mean; the weights of all views sum to 1."""

    weight: float
    view: View


def averaged(answer: Callable[[Array], Array], views: Sequence[Weighted]) -> View:
    """The function from images to the weighted mean of the answers to their views.

    >>> one, two = Weighted(0.25, lambda x: x), Weighted(0.75, lambda x: x + 4)
    >>> averaged(lambda x: 10 * x, [one, two])(np.array([1.0]))
    array([40.])
    """

    def of(x: Array) -> Array:
        return reduce(add, (part.weight * answer(part.view(x)) for part in views))

    return of


def unless_sure(answer: View, second: View, sure: float) -> View:
    """`answer`, but `second` for images whose likeliest class has a probability below `sure`.

    Both map images to logits, (N, classes). On easy data, few images need all views.
    """

    def of(x: Array) -> Array:
        logits = answer(x)
        again = np.flatnonzero(softmax(logits).max(axis=1) < sure)
        if len(again):
            logits = logits.copy()
            logits[again] = second(x[again])
        return logits

    return of


def mirrored(x: Array) -> Array:
    """The images mirrored left to right."""
    return x[:, :, ::-1]


def moved(down: int, right: int) -> View:
    """All images shifted by whole pixels, with 0 at the edges.

    >>> moved(0, 1)(np.array([[[1, 2, 3]]]))
    array([[[0, 1, 2]]])
    """

    def both(by: int, side: int) -> tuple[slice, slice]:
        """Where pixels come to lie along a side, and where they were."""
        start, length = max(by, 0), max(side - abs(by), 0)
        return slice(start, start + length), slice(start - by, start - by + length)

    def view(x: Array) -> Array:
        y = np.zeros_like(x)
        (i, from_i), (j, from_j) = both(down, x.shape[1]), both(right, x.shape[2])
        y[:, i, j] = x[:, from_i, from_j]
        return y

    return view


_DIAGONAL = (moved(1, 1), moved(-1, -1))

VIEWS: dict[str, tuple[Weighted, ...]] = {
    "one": (Weighted(1.0, identity),),
    # an image, and the image moved by a pixel in four directions
    "shifted": tuple(
        Weighted(0.2, view)
        for view in (identity, moved(1, 0), moved(-1, 0), moved(0, 1), moved(0, -1))
    ),
    # half the weight for an image and its mirror image, half for both moved along the diagonal, as
    # in Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024
    "mirrored": (
        Weighted(0.25, identity),
        Weighted(0.25, mirrored),
        *(Weighted(0.125, view) for view in _DIAGONAL),
        *(Weighted(0.125, compose_left(mirrored, view)) for view in _DIAGONAL),
    ),
}
"""The views of each image by name, and what each answer counts: `--views` of fnn-train."""
