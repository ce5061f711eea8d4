"""The cases in which a layer is checked: mode, batch, shape, values, memory order and type."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from fnn import tree
from fnn.arrays import Array, Shape, hwnc, nhwc
from fnn.check.calls import Problem, Refused, apply, made
from fnn.keys import Key, child, generator
from fnn.layers.layer import Layer
from fnn.tree import Tree

SMALL = 200  # up to this many numbers in x and the parameters, checks are thorough
VALUES = ("normal", "large", "small", "sparse")


class Case(NamedTuple):
    """Where a layer is looked at."""

    train: bool
    n: int  # examples
    shape: Shape  # of one of them
    values: str = "normal"
    order: str = "C"
    dtype: Any = np.float64


class Start(NamedTuple):
    """The arguments for a layer's functions in a case, always in C order."""

    params: Tree
    state: Tree
    x: Array


def words(case: Case) -> str:
    """The case in words.

    >>> words(Case(False, 1, (5,), "large", dtype=np.float32))
    'in test mode, for 1 example of shape (5,), float32, |x| in 4.5..12'
    """
    values = {
        "normal": "",
        "large": ", |x| in 4.5..12",
        "small": ", |x| < 1e-3",
        "sparse": ", many x exactly 0",
    }
    return (
        f"in {'training' if case.train else 'test'} mode, for {case.n} "
        f"example{'' if case.n == 1 else 's'} of shape {case.shape}, {np.dtype(case.dtype)}"
        + ("" if case.order == "C" else f", arrays in {case.order} order")
        + values[case.values]
    )


def failure(problem: Problem, case: Case) -> AssertionError:
    return AssertionError(f"{problem.what} {words(case)}: {problem.advice}")


def plain_cases(shape: Shape, train: bool | None, batch_size: int | None) -> list[Case]:
    """One for each mode, or for the given one."""
    modes = (True, False) if train is None else (train,)
    return [Case(mode, 3 if batch_size is None else batch_size, shape) for mode in modes]


def varied(
    layer: Layer, shape: Shape, rng: Key, train: bool | None, batch_size: int | None
) -> list[Case]:
    """Cases that differ from the plain ones in everything at once.

    A few calls see all that varies; the modes share out the shapes. `simplest` finds what matters.
    """
    plain = plain_cases(shape, train, batch_size)
    sizes = (2, 1, 9, 4) if batch_size is None else (batch_size,)
    shapes = [*neighbors(layer, shape, rng, train is True), shape]
    orders = (*(("H, W, N, C",) * (len(shape) == 3)), "Fortran", "reversed", "strided")
    return [
        Case(
            mode.train,
            sizes[i % len(sizes)],
            shapes[(len(plain) * i + m) % len(shapes)],
            VALUES[(i + 2 * m) % len(VALUES)],
            orders[(i // 2 + i + m) % len(orders)],
            (np.float32, np.float64)[(i + m) % 2],
        )
        for m, mode in enumerate(plain)
        for i in range(max(4, -(-len(shapes) // len(plain))))
    ]


def neighbors(layer: Layer, shape: Shape, rng: Key, train: bool) -> list[Shape]:
    """Shapes beside the given one that the layer takes, if all its functions do.

    A layer may be made for one shape alone and not say so in `shape`: what it raises is a refusal,
    and so is y in the shape for the given one.
    """
    sides, last = shape[:-1], shape[-1:]
    wanted = [
        *((*shape[:i], side + 1, *shape[i + 1 :]) for i, side in enumerate(shape)),
        tuple(max(1, side - 1) for side in shape),
        tuple(side + 2 if sides else 2 * side for side in shape),
        (*((max(sides),) * len(sides) if sides else ()), *last),
        (*sides, 1) if shape else (),
    ]
    found: list[Shape] = []
    for other in wanted:
        if other != shape and other not in found and _takes(layer, other, shape, rng, train):
            found.append(other)
    return found


def _takes(layer: Layer, other: Shape, shape: Shape, rng: Key, train: bool) -> bool:
    try:
        expected = tuple(layer.shape(other))
        x = np.zeros((2, *other))
        y, _ = layer.apply(layer.init(rng, other), layer.state(rng, other), x, train)
        return np.shape(y)[1:] == expected or np.shape(y)[1:] != tuple(layer.shape(shape))
    except Exception:  # whatever a layer for one shape happens to raise
        return False


def start(layer: Layer, case: Case, rng: Key, used: bool = True) -> Start:
    """Arguments for the case: parameters and, if `used`, state away from the initial ones.

    So a gamma of 1, a bias of 0 or a running variance of 1 hides no mistake. Float32 can hold all.
    """
    params = made(layer, child(rng, 1), case.shape)
    noise = normal_like(child(rng, 2), params)
    params = tree.map(lambda p, d: np.asarray(p + 0.3 * d, np.float32), params, noise)
    state = layer.state(child(rng, 0), case.shape)
    x = drawn(child(rng, 3), (case.n, *case.shape), case.values)
    if used and any(isinstance(leaf, np.ndarray) for leaf in tree.leaves(state)):
        seen = 1 + 2 * generator(child(rng, 4)).standard_normal((4, *case.shape), np.float32)
        with suppress(Problem):  # training mode has cases of its own
            state = apply(layer, params, state, seen, True)[1].state
    return Start(as_type(params, case.dtype), as_type(state, case.dtype), x.astype(case.dtype))


def drawn(rng: Key, shape: Shape, values: str = "normal") -> Array:
    """Random numbers in float64 that float32 can hold, too."""
    draw = generator(rng)
    x = draw.standard_normal(shape, np.float32).astype(np.float64)
    if values in ("large", "small"):
        low, high = (4.5, 12) if values == "large" else (1e-4, 9e-4)
        return np.copysign(draw.uniform(low, high, shape), x).astype(np.float32).astype(np.float64)
    return np.where(draw.random(shape) < 0.5, 0.0, x) if values == "sparse" else x


def normal_like(rng: Key, point: Tree) -> Tree:
    draw = generator(rng)
    return tree.map(lambda p: draw.standard_normal(np.shape(p)), point)


def as_type(point: Tree, dtype: Any) -> Tree:
    """A tree of copies of its arrays: those of floats, not a key or a count, in another type."""

    def copied(leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray):
            return leaf
        return leaf.astype(dtype) if leaf.dtype.kind == "f" else leaf.copy()

    return tree.map(copied, point)


def in_order(point: Tree, order: str) -> Tree:
    """A tree of copies of its arrays in another memory order."""
    return tree.map(lambda a: _ordered(a, order) if isinstance(a, np.ndarray) else a, point)


def _ordered(a: Array, order: str) -> Array:
    if order == "C" or a.ndim == 0:
        return a.copy("C")
    if order == "reversed":
        return np.flip(np.flip(a).copy())
    if order == "strided" or (order == "H, W, N, C" and a.ndim != 4):
        around = np.full((*a.shape[:-1], 2 * a.shape[-1]), np.nan, a.dtype)
        around[..., ::2] = a
        return around[..., ::2]
    return nhwc(hwnc(a).copy()) if order == "H, W, N, C" else a.copy("F")


def close(a: Array, b: Array, digits: float) -> bool:
    """Whether two arrays are equal within `digits` of the largest number."""
    if a.shape != b.shape or a.size == 0:
        return a.shape == b.shape
    largest = max(1.0, float(np.abs(b).max()))
    gap = float(np.abs(a - b).max())
    return bool(gap <= digits * largest)  # False for NaN


def simplest(case: Case, plain: Case, fails: Callable[[Case], Problem | None]) -> Case:
    """The failing case with all in it plain that does not matter."""
    for field in ("order", "dtype", "values", "shape", "n", "train"):
        simpler = case._replace(**{field: getattr(plain, field)})
        with suppress(Refused):
            if simpler != case and fails(simpler):
                case = simpler
    return case
