"""Layers that rearrange numbers without computing anything."""

from __future__ import annotations

import math

from fnn.arrays import Array, Shape
from fnn.layers.layer import Layer, constructor, plain


@constructor
def flatten() -> Layer:
    """Lays out an example of any shape as a vector: (N, H, W, C) becomes `(N, H*W*C)`.

    Source: course, section 5.7.4.

    >>> flatten().shape((28, 28, 1))
    (784,)
    """

    def forward(x: Array, train: bool) -> tuple[Array, Shape]:
        return _reshaped(x, (len(x), math.prod(x.shape[1:]))), x.shape

    return plain(
        "flatten", forward, lambda shape, dy: _reshaped(dy, shape), lambda s: (math.prod(s),)
    )


@constructor
def identity() -> Layer:
    """Passes its input on; the shortcut of `residual`."""
    return plain(
        "identity", lambda x, train: (x.copy(order="K"), ()), lambda saved, dy: dy.copy(order="K")
    )


def _reshaped(x: Array, shape: Shape) -> Array:
    # A copy in x's own memory order can often be reshaped without a second copy.
    return x.copy(order="K").reshape(shape)
