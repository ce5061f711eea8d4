"""Is the gradient right?"""

from __future__ import annotations

import numpy as np

from fnn import tree
from fnn.arrays import Shape
from fnn.check.calls import Problem, Refused, Unsure, apply, expect_layer, grads, place, vjp
from fnn.check.cases import (
    SMALL,
    Case,
    as_type,
    close,
    drawn,
    failure,
    in_order,
    plain_cases,
    simplest,
    start,
    varied,
)
from fnn.check.process import watched
from fnn.check.slopes import Point, Precision, expect_axes, expect_directions
from fnn.check.snapshots import arrays, frozen
from fnn.keys import Key, child
from fnn.layers.layer import Layer
from fnn.tree import Tree

DIRECTIONS = 2
REDRAWS = 5  # what a kink or the rounding of float32 explains is gone with other numbers


def check_vjp(
    layer: Layer,
    shape: Shape,
    rng: Key = 0,
    train: bool | None = None,
    batch_size: int | None = None,
    eps: float = 1e-6,
    tolerance: float = 1e-6,
) -> None:
    """Raise AssertionError unless `layer.vjp` is the gradient of `layer.apply`.

    In float64, for random x, dy and parameters and a state that has seen a batch, the derivative
    along random directions of x and the parameters is compared with the central difference of step
    `eps`:

        <dx, v> + <grads, w>   with   <dy, f(x + eps v, params + eps w) - f(x - eps v, ...)> / 2 eps

    within a relative `tolerance`; for a small layer also along every axis. If they differ, smaller
    and larger steps are tried, and other numbers, in case a kink is near.

    `shape` is one example's. By default this is done in both modes, for batches of 0, 1, 2, 3, 4
    and 9 examples; for neighboring shapes that the layer takes (those for which its functions
    raise something are left out); and for x normal, in 4.5..12, below 1e-3, and with many zeros.
    Results must be the same, up to rounding, in float32 and for x, dy and parameters in other
    memory orders. vjp must be linear in dy, `layer.grads` must agree with it, and every result
    must have the form that the contract in `fnn.layers.layer` says. In training, a layer may refuse
    fewer than two examples with a ValueError. `train` and `batch_size` select one mode and size.

    The AssertionError says what is wrong, where, and what to do. Raises TypeError unless `layer` is
    a Layer and `shape` a tuple, and what `layer.shape` raises if it does not take `shape`.

    Source: the method is that of autograd's `check_vjp` (Maclaurin et al., 2015).

    >>> from fnn.layers.dense import dense
    >>> check_vjp(dense(3), (4,))
    """
    expect_layer("check_vjp", layer, shape)
    with watched():
        layer.init(rng, shape), layer.shape(shape)  # what they raise is an answer about `shape`
        plain = plain_cases(shape, train, batch_size)
        first, *_ = plain

        def fails(case: Case, thorough: bool = False) -> Problem | None:
            """What is wrong, for each of several draws if other numbers could explain it."""
            found: Problem | None = None
            for redraw in range(REDRAWS):
                try:
                    _check_case(
                        layer, case, child(rng, redraw), thorough, train is None, (eps, tolerance)
                    )
                    return None
                except Unsure as this:
                    found = this
                except Problem as this:
                    return this
            return found

        def look(case: Case) -> None:
            if problem := fails(case, thorough=case in plain):
                case = simplest(case, first, fails)
                problem = fails(case) or problem
                raise failure(problem, case) from problem

        try:
            given = start(layer, first, rng)
            y, _ = apply(layer, given.params, given.state, given.x, first.train, may_refuse=True)
            then = y.tobytes()
            for case in plain:
                look(case)
            for case in varied(layer, shape, rng, train, batch_size):
                try:
                    look(case)
                except Refused:
                    look(case._replace(n=2))
            if batch_size is None:
                for case in plain:
                    _expect_nothing(layer, case._replace(n=0), rng)
            again, _ = apply(layer, *given, first.train)
            if again.tobytes() != then or y.tobytes() != then:
                raise Problem(
                    "the same call gives another y some calls later",
                    "keep nothing in the layer: what changes is the state",
                )
        except Problem as problem:
            raise failure(problem, first) from problem
        except Refused as refusal:
            raise refusal.__cause__ or refusal from None


def _check_case(
    layer: Layer, case: Case, rng: Key, thorough: bool, both: bool, precision: tuple[float, float]
) -> None:
    exact = case._replace(order="C", dtype=np.float64)
    given = frozen(start(layer, exact, rng))
    y, cache = apply(layer, given.params, given.state, given.x, case.train, may_refuse=True)
    dy = frozen(drawn(child(rng, 5), y.shape, "sparse" if case.values == "sparse" else "normal"))
    dx, gradients = vjp(layer, given.params, cache, given.x, dy)
    _expect_finite({"y": y, "dx": dx, "gradients": gradients})
    if layer.grads is not None:
        _expect_same_grads(grads(layer, given.params, cache, given.x, dy), gradients)

    point = Point(layer, case.train, given, dy, y, cache, {"x": dx, "params": gradients})
    exactly = Precision(*precision, kinks=case.values == "sparse")
    expect_directions(point, child(rng, 6), DIRECTIONS if thorough else 1, exactly)
    if thorough:
        _expect_linear(point)
        if _is_small(point) and (case.train or not both or not _as_in_training(point)):
            expect_axes(point, exactly)
    if case != exact:
        _expect_same_in(case, point)


def _expect_same_in(case: Case, point: Point) -> None:
    """Raise Problem unless the case's type and memory order give what float64 in C order does."""
    params, state, x, dy = (
        frozen(in_order(as_type(a, case.dtype), case.order)) for a in (*point.start, point.dy)
    )
    y, cache = apply(point.layer, params, state, x, case.train)
    dx, gradients = vjp(point.layer, params, cache, x, dy)
    digits = 1e-9
    if case.dtype == np.float32:
        digits = 1e-4 if _is_small(point) else 1e-2  # networks amplify the rounding
    exact = {"y": point.y, **point.gradient}
    found = {"y": y, "x": dx, "params": gradients}
    for (where, a), b in zip(tree.items(exact), tree.leaves(found), strict=True):
        if not close(b, a, digits):
            raise (Unsure if digits > 1e-6 else Problem)(
                f"{'y' if where == ('y',) else 'the gradient of ' + place(where)} is wrong",
                "it differs from that of the same numbers in float64, C order, "
                f"by {float(np.abs(a - b).max()):.3g}",
            )


def _is_small(point: Point) -> bool:
    return sum(leaf.size for leaf in arrays(point.gradient)) <= SMALL


def _as_in_training(point: Point) -> bool:
    """Whether training mode, which is looked at along every axis, gives the same gradient."""
    params, state, x = point.start
    y, cache = apply(point.layer, params, state, x, True)
    dx, gradients = vjp(point.layer, params, cache, x, point.dy)
    pairs = zip(
        tree.leaves({"x": dx, "params": gradients}), tree.leaves(point.gradient), strict=True
    )
    return np.array_equal(y, point.y) and all(np.array_equal(a, b) for a, b in pairs)


def _expect_linear(point: Point) -> None:
    params, _, x = point.start
    for factor in (1e3, 1e-3):
        dx, gradients = vjp(point.layer, params, point.cache, x, factor * point.dy)
        for (where, a), b in zip(
            tree.items({"x": dx, "params": gradients}), tree.leaves(point.gradient), strict=True
        ):
            if not close(a / factor, b, 1e-9):
                raise Problem(
                    f"the gradient of {place(where)} is wrong for dy times {factor:g}",
                    "vjp is linear in dy: that times as much",
                )


def _expect_nothing(layer: Layer, case: Case, rng: Key) -> None:
    """For no examples all is well that adds up to nothing; training mode may refuse them."""
    params, state, x = start(layer, case, rng)
    try:
        y, cache = apply(layer, params, state, x, case.train, may_refuse=True)
        _, gradients = vjp(layer, params, cache, x, np.zeros_like(y))
        if any(g.any() for g in tree.leaves(gradients)):  # NaN is something, too
            raise Problem("a gradient is not 0", "it is a sum over the examples, here none")
        _expect_finite({} if case.train else {"state": cache.state})
    except Refused:
        return
    except Problem as problem:
        raise failure(problem, case) from problem


def _expect_finite(results: Tree) -> None:
    for where, leaf in tree.items(results):
        if isinstance(leaf, np.ndarray) and not np.isfinite(leaf).all():
            raise Problem(f"{place(where)} is not finite", "see where it divides by 0 or overflows")


def _expect_same_grads(own: Tree, gradients: Tree) -> None:
    for a, b in zip(tree.leaves(own), tree.leaves(gradients), strict=True):
        if not np.allclose(a, b, rtol=1e-9, atol=1e-12):
            gap = float(np.abs(a - b).max())
            raise Problem(
                "the layer's grads and the gradients of its vjp differ",
                f"by {gap:.3g}; leave grads out, or let both be the same",
            )
