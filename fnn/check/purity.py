"""Do a layer's functions change nothing, and depend on nothing but their arguments?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fnn import tree
from fnn.arrays import Array, Shape
from fnn.check import calls
from fnn.check.calls import Problem, Refused, expect_layer
from fnn.check.cases import (
    SMALL,
    Case,
    Start,
    close,
    drawn,
    failure,
    in_order,
    normal_like,
    plain_cases,
    start,
    varied,
)
from fnn.check.memory import check_memory
from fnn.check.process import blas_held, expect_unchanged, watched
from fnn.check.races import interleaved
from fnn.check.snapshots import arrays, snapshot
from fnn.keys import Key, child, path
from fnn.layers.layer import Cache, Layer
from fnn.tree import Tree

FRESH = "make a fresh array in each call, share none between calls"
MANY = 50  # calls of a small layer, in case something counts them
PLACES = 100  # where a call of a small layer is interrupted by another thread's


class Results(NamedTuple):
    """What a call of apply and one of vjp return."""

    y: Array
    cache: Cache
    dx: Array
    grads: Tree


class Call(NamedTuple):
    """Arguments, results, and the results as they were."""

    start: Start
    dy: Array
    results: Results
    then: Any


def check_pure(
    layer: Layer,
    shape: Shape,
    rng: Key = 0,
    batch_size: int | None = None,
    train: bool | None = None,
) -> None:
    """Raise AssertionError unless the layer's functions are pure, as `fnn.Layer` asks.

    They must give the same result for the same arguments: at once, after calls with other numbers,
    sizes and modes, in arrays that held something else before, and while another thread is in the
    layer. They must not write into an argument, read-only or not, nor into what an earlier call
    returned. No result may share memory with an argument, nor the state with x or y. The state
    keeps its keys, types and shapes and can be used again; a float32 result stays float32.
    init must heed its key, if it gives random numbers. No function may change NumPy's or Python's
    global random state, NumPy's error handling and print options, warning filters, the environment,
    the working directory, the recursion limit, gc or the number of BLAS threads.

    By default this is looked at in both modes; memory is also looked at for the batches, shapes,
    orders and types that `check_vjp` lists. `batch_size` and `train` select one of them.

    The AssertionError says what is wrong, where, and what to do. Raises TypeError unless `layer` is
    a Layer and `shape` a tuple, and what `layer.shape` raises if it does not take `shape`.

    >>> from fnn.layers.dense import dense
    >>> check_pure(dense(3), (4,))
    """
    expect_layer("check_pure", layer, shape)
    with watched() as before:
        layer.init(rng, shape), layer.shape(shape)  # what they raise is an answer about `shape`
        plain = [c._replace(dtype=np.float32) for c in plain_cases(shape, train, batch_size)]
        try:
            _in(plain[0], before, _check_start, layer, rng)
            made = [(case, _in(case, before, _check_calls, layer, rng)) for case in plain]
            for case in (*varied(layer, shape, rng, train, batch_size), *plain):
                try:
                    _in(case, before, check_memory, layer, rng)
                except Refused:
                    _in(case._replace(n=2), before, check_memory, layer, rng)
        except Refused as refusal:
            raise refusal.__cause__ or refusal from None
        for case, call in made:
            _in(case, before, _check_history, layer, call)


def _in(
    case: Case, before: dict[str, Any], check: Callable[..., Any], layer: Layer, given: Any
) -> Any:
    """check(layer, case, given), which leaves the process as it is; Problems say in which case."""
    try:
        result = check(layer, case, given)
        expect_unchanged(before)
        return result
    except Problem as problem:
        raise failure(problem, case) from problem


def _check_start(layer: Layer, case: Case, rng: Key) -> None:
    """init and state depend on the key and the shape, and on nothing else."""
    for name, f in (("init", layer.init), ("state", layer.state)):
        one, other = f(path(rng), case.shape), f(child(rng, 1), case.shape)
        before = snapshot(one)
        again = f(rng if name == "init" else path(rng), case.shape)
        if snapshot(again) != before:
            raise Problem(
                f"{name} called twice with the same key gives different results",
                "an int seed and the tuple (seed,) are the same key, see fnn.keys",
            )
        if snapshot(one) != before:
            raise Problem(f"a second call of {name} changes what the first one returned", FRESH)
        key = [leaf for where, leaf in tree.items(one) if where[-1:] == ("key",)]
        if snapshot(other) == before and (key or any(map(_looks_random, tree.leaves(one)))):
            raise Problem(
                f"{name} gives the same numbers for another key, as if it ignored it",
                "draw from fnn.keys.generator(rng)",
            )
    # as they are, which is float32 or at least does not show
    params, state = layer.init(rng, case.shape), layer.state(rng, case.shape)
    x = drawn(child(rng, 2), (case.n, *case.shape)).astype(np.float32)
    y, cache = _twice("apply", calls.apply, layer, params, state, x, case.train, True)
    calls.vjp(layer, params, cache, x, np.ones_like(y))


def _looks_random(leaf: Any) -> bool:
    """Not zeros, an identity matrix or a range: four or more numbers in disorder, no two equal."""
    if not isinstance(leaf, np.ndarray) or leaf.size < 4:
        return False
    values = leaf.ravel()
    steps = np.diff(values)
    return len(np.unique(values)) == leaf.size and not ((steps > 0).all() or (steps < 0).all())


def _check_calls(layer: Layer, case: Case, rng: Key) -> Call:
    """The same arguments give the same results, whatever is called before, between or meanwhile."""
    first, second = (start(layer, case, child(rng, i), used=False) for i in range(2))
    y, cache = _twice("apply", calls.apply, layer, *first, case.train, True)
    dy, dy2 = (normal_like(child(rng, 2, i), y).astype(case.dtype) for i in range(2))
    dx, grads = _twice("vjp", calls.vjp, layer, first.params, cache, first.x, dy)
    if layer.grads is not None:
        _twice("grads", calls.grads, layer, first.params, cache, first.x, dy)
    call = Call(first, dy, Results(y, cache, dx, grads), snapshot((y, cache, dx, grads)))

    with blas_held(3 if case.train else 2):  # the usual number, 1, might hide it
        other = _results(layer, case.train, second, dy2)
    for name, result, then in zip(Results._fields, call.results, call.then[1], strict=True):
        if snapshot(result) != then:
            raise Problem(f"a second call changes the {name} that the first one returned", FRESH)
    _expect_vjp_as_before(layer, call)
    if tree.leaves(cache.state):  # it can be used again
        calls.apply(layer, first.params, cache.state, first.x, case.train)

    again = Start(*(in_order(part, "C") for part in first)), dy.copy()
    _results(layer, case.train, *again)
    for old, new in zip(arrays(again), arrays((second, dy2)), strict=True):
        np.copyto(old, new)
    again = again[0]._replace(state=second.state), again[1]
    if not _alike(_results(layer, case.train, *again), other):
        raise Problem(
            "the results stay the same when the same arrays hold other numbers",
            "do not recognize arguments by their id: compute anew",
        )
    _check_threads(layer, case, call, lambda: _results(layer, case.train, second, dy2))
    return call


def _check_threads(layer: Layer, case: Case, call: Call, other: Callable[[], Any]) -> None:
    try:
        found = interleaved(
            lambda: _results(layer, case.train, call.start, call.dy),
            other,
            PLACES if _size(call) <= SMALL else PLACES // 4,
        )
    except Problem:
        found = None
    if found is None or not _alike(found, call.results):
        raise Problem("another thread in the layer changes the results", FRESH)


def _size(call: Call) -> int:
    return sum(a.size for a in arrays(call.start))


def _check_history(layer: Layer, case: Case, call: Call) -> None:
    for _ in range(MANY if _size(call) <= SMALL else 0):
        calls.called("apply", layer.apply, *call.start, case.train)
    results = calls.apply(layer, *call.start, case.train)
    if snapshot(results) != (tuple, call.then[1][:2]):
        raise Problem(
            "apply gives something else after calls with other arguments, modes and sizes",
            "keep nothing in the layer: what changes is the state, an argument and a result",
        )
    _expect_vjp_as_before(layer, call)


def _expect_vjp_as_before(layer: Layer, call: Call) -> None:
    params, _, x = call.start
    again = calls.vjp(layer, params, call.results.cache, x, call.dy)
    if snapshot(again) != (tuple, call.then[1][2:]):
        raise Problem(
            "vjp gives something else after another call of apply",
            "take what it needs from cache.saved, not from the layer",
        )


def _results(layer: Layer, train: bool, start: Start, dy: Array) -> Results:
    y, cache = calls.apply(layer, *start, train)
    return Results(y, cache, *calls.vjp(layer, start.params, cache, start.x, dy))


def _alike(found: Results, expected: Results) -> bool:
    """Equal up to rounding, which may depend on where arrays begin in memory."""
    pairs = zip(
        arrays((found.y, found.dx, found.grads)),
        arrays((expected.y, expected.dx, expected.grads)),
        strict=True,
    )
    return all(close(a, b, 1e-4) for a, b in pairs)


def _twice(name: str, f: Callable[..., Any], layer: Layer, *arguments: Any) -> Any:
    """What f returns in both of two calls that leave their arguments as they are."""
    given = snapshot(arguments)
    first = f(layer, *arguments)
    then = snapshot(first)
    if snapshot(arguments) != given:
        raise Problem(f"{name} changes its arguments", "return new arrays and dicts")
    if snapshot(f(layer, *arguments)) != then:
        raise Problem(
            f"{name} called twice with the same arguments gives different results",
            "random numbers come from a key in the state, nothing else may vary",
        )
    return first
