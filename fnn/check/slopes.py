"""Derivatives along directions, by vjp and by central differences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from toolz import assoc_in

from fnn import tree
from fnn.arrays import Array
from fnn.check.calls import Problem, Unsure, apply, place
from fnn.check.cases import SMALL, Start, normal_like
from fnn.check.snapshots import frozen
from fnn.keys import Key, child
from fnn.layers.layer import Cache, Layer
from fnn.tree import Tree

STEPS = (1.0, 0.1, 0.01, 10.0, 1e-4)  # times eps: smaller near a kink, larger against rounding


class Point(NamedTuple):
    """Where a gradient is looked at, and what the layer says there."""

    layer: Layer
    train: bool
    start: Start
    dy: Array
    y: Array
    cache: Cache
    gradient: Tree  # {"x": dx, "params": grads}


class Precision(NamedTuple):
    eps: float
    tolerance: float
    kinks: bool  # whether x may lie on one, where a layer may choose its gradient


def expect_directions(point: Point, rng: Key, n: int, precision: Precision) -> None:
    """Raise Problem unless the gradient is right along n random directions."""
    for i in range(n):
        way = normal_like(child(rng, i), point.gradient)
        try:
            _expect(point, "a random direction", way, precision)
        except Problem:  # where?
            if sum(leaf.size for leaf in tree.leaves(way)) <= SMALL:
                expect_axes(point, precision)
            for name, part in _parts(way):
                _expect(point, name, part, precision)
            raise


def expect_axes(point: Point, precision: Precision) -> None:
    """Raise Problem unless the gradient is right along every axis."""
    none = tree.map(np.zeros_like, point.gradient)
    for where, leaf in tree.items(point.gradient):
        axes = np.eye(leaf.size).reshape(-1, *leaf.shape)
        for at, axis in zip(np.ndindex(leaf.shape), axes, strict=True):
            along = f"{place(where)}{list(at)}"
            _expect(point, along, assoc_in(none, where, axis), precision)


def _parts(way: Tree) -> Iterator[tuple[str, Tree]]:
    """A direction cut into those of x and of each parameter."""
    none = tree.map(np.zeros_like, way)
    for where, leaf in tree.items(way):
        yield place(where), assoc_in(none, where, leaf)


def _expect(point: Point, along: str, way: Tree, precision: Precision) -> None:
    """Raise Problem, or Unsure, unless the slopes agree for one of the steps."""
    by_vjp = float(sum(tree.leaves(tree.map(np.vdot, point.gradient, way))))
    differences, kinks = [], []
    for step in STEPS:
        left, right = _slopes(point, way, precision.eps * step)
        differences.append((left + right) / 2)
        largest = max(1, abs(by_vjp), abs(differences[-1]))
        if abs(by_vjp - differences[-1]) <= precision.tolerance * largest:
            return
        kinks.append(not abs(left - right) <= 1e-4 * max(1, abs(left), abs(right)))
    if all(kinks) and precision.kinks:
        return
    # In a large network, maxima may be tied over a dead region: each of them gets the gradient.
    large = sum(leaf.size for leaf in tree.leaves(way)) > SMALL
    raise (Unsure if large or all(kinks) else Problem)(
        f"the gradient along {along} is wrong",
        f"vjp says {by_vjp:.10g}, central differences say {differences[0]:.10g}",
    )


def _slopes(point: Point, way: Tree, h: float) -> tuple[float, float]:
    """The slopes of <dy, y> to the left and to the right."""
    here = {"x": point.start.x, "params": point.start.params}

    def y(h: float) -> Array:
        there = frozen(tree.map(lambda p, d: np.asarray(p + h * d), here, way))
        return apply(point.layer, there["params"], point.start.state, there["x"], point.train)[0]

    low, high = y(-h), y(h)
    return float(np.vdot(point.dy, point.y - low)) / h, float(np.vdot(point.dy, high - point.y)) / h
