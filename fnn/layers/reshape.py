"""Layers that rearrange numbers without computing anything."""

import math

from fnn.arrays import Array, Shape, check_float
from fnn.layers.layer import Cache, Layer, empty
from fnn.tree import Tree


def flatten() -> Layer:
    """Lays out an example of any shape as a vector: (N, H, W, C) becomes (N, H*W*C).

    Source: course, section 5.7.4.

    >>> flatten().shape((28, 28, 1))
    (784,)
    """

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_float("flatten", x)
        return _reshaped(x, (len(x), math.prod(x.shape[1:]))), Cache(x.shape, state)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        return _reshaped(dy, cache.saved), {}

    return Layer(empty, apply, vjp, shape=lambda s: (math.prod(s),), name="flatten")


def identity() -> Layer:
    """Passes its input on; the shortcut of `residual`."""

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_float("identity", x)
        return x.copy(order="K"), Cache((), state)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        return dy.copy(order="K"), {}

    return Layer(empty, apply, vjp, name="identity")


def _reshaped(x: Array, shape: Shape) -> Array:
    # A copy in x's own memory order can often be reshaped without a second copy.
    return x.copy(order="K").reshape(shape)
