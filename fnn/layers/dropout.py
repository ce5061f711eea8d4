"""Dropout: in training, nodes chosen at random are set to 0."""

from __future__ import annotations

import math

import numpy as np

from fnn.arrays import Array, Shape
from fnn.errors import real
from fnn.kernels.rows import where
from fnn.keys import Key, child, generator, path
from fnn.layers.checks import check_dy, check_input, check_leaves
from fnn.layers.layer import Cache, Layer, constructor, empty, same_shape
from fnn.tree import Tree


@constructor
def dropout(rho: float, *, inverted: bool = False) -> Layer:
    """Sets round(rho * M) of an example's M node outputs to 0, a new choice for each example.

        y = x where a node is kept, 0 where it is ignored, in training       equations (26)-(27)
        y = (1 - rho) x in testing

    M counts all numbers of an example, `H*W*C` for an image. With `inverted`, those kept are
    divided by 1 - rho in training instead, and testing changes nothing. The state holds the key of
    the choice and a count of its uses. Raises ValueError unless 0 <= rho < 1.

    Source: Srivastava et al., "Dropout", JMLR 2014; course, section 5.3.
    """
    rho = real("dropout: rho", rho)
    if not 0 <= rho < 1:
        raise ValueError(f"dropout: expected 0 <= rho < 1, found {rho}")

    def state(rng: Key, shape: Shape) -> Tree:
        return {"key": path(rng), "count": 0}

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_input("dropout", x, same_shape)
        check_leaves("dropout", "params", params, {}, x)
        check_leaves("dropout", "state", state, {"key": (), "count": ()}, x)
        if not train:
            factor = 1.0 if inverted else 1 - rho
            return x * factor, Cache((x.shape, None, factor), state)
        kept = np.empty_like(x, bool)  # in the memory order of x
        kept[...] = _kept(child(state["key"], state["count"]), rho, x.shape)
        y = where(kept, x)
        factor = 1 / (1 - rho) if inverted else 1.0
        y *= factor
        return y, Cache((x.shape, kept, factor), {**state, "count": state["count"] + 1})

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        shape, kept, factor = cache.saved
        check_dy("dropout", dy, shape)
        if kept is None:
            return dy * factor, {}
        dx = where(kept, dy)
        dx *= factor
        return dx, {}

    return Layer(empty, apply, vjp, state=state, name=f"dropout({rho})")


def _kept(rng: Key, rho: float, shape: Shape) -> Array:
    """Which nodes are kept: all but round(rho * M) of each example."""
    n, m = shape[0], math.prod(shape[1:])
    kept = np.ones((n, m), bool)
    ignored = round(rho * m)
    if ignored:
        draws = generator(rng).random((n, m), np.float32)
        places = np.argpartition(draws, ignored - 1, axis=1)[:, :ignored]
        np.put_along_axis(kept, places, False, axis=1)
    return kept.reshape(shape)
