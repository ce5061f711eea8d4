"""Checks for layers, fnn's and your own: is the gradient right, is the layer pure?

    check_vjp(my_layer(), shape=(8, 8, 3))
    check_pure(my_layer(), shape=(8, 8, 3))

Both return None if all is well, and otherwise raise AssertionError with what they found.
"""

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits
from toolz import assoc_in

from fnn import tree
from fnn.arrays import Array, Shape
from fnn.keys import Key, child, generator
from fnn.layers.layer import Layer, parameter_grads
from fnn.tree import Tree

ELEMENTWISE = 200  # with up to this many numbers in x and the parameters, each one is checked
DIRECTIONS = 3
REDRAWS = 20


def check_vjp(
    layer: Layer,
    shape: Shape,
    rng: Key = 0,
    train: bool = True,
    batch_size: int = 3,
    eps: float = 1e-6,
    tolerance: float = 1e-6,
) -> None:
    """Raise AssertionError unless `layer.vjp` is the gradient of `layer.apply`.

    In float64, for random x and parameters (each moved away from its initial value, so that a
    gamma of 1 or a bias of 0 hides no mistake), the derivative along random directions of x and
    the parameters is compared with the central difference of step `eps`:

        <dx, v> + <grads, w>   with   <dy, f(x + eps v, params + eps w) - f(x - eps v, ...)> / 2 eps

    within a relative `tolerance`; for a small layer also along every axis. Points near a kink,
    where the one-sided differences disagree, are drawn again. It also checks the shapes of y, dx
    and grads, and that `layer.grads` agrees with vjp. `shape` is one example's; `train` is the
    mode.

    Source: the method is that of autograd's `check_vjp` (Maclaurin et al., 2015).

    >>> from fnn.layers.dense import dense
    >>> check_vjp(dense(3), (4,))
    """
    mode = f"in {'training' if train else 'test'} mode"
    for redraw in range(REDRAWS):
        params, state, x = _point(layer, shape, child(rng, redraw), batch_size)
        y, cache = layer.apply(params, state, x, train)
        expected = (batch_size, *layer.shape(shape))
        if y.shape != expected:
            raise AssertionError(f"y has shape {y.shape}, but layer.shape says {expected}")
        dy = _normal(child(rng, redraw, 3), y.shape)
        dx, grads = layer.vjp(params, cache, dy)
        _check_like(x, dx, "dx")
        tree.map(lambda p, g: _check_like(p, g, "a gradient"), params, grads)
        tree.map(_check_same, parameter_grads(layer, params, cache, dy), grads)

        def f(h: float, v: Array, w: Tree) -> float:
            moved = tree.map(lambda p, d: p + h * d, params, w)  # noqa: B023 - used at once
            return float(np.vdot(dy, layer.apply(moved, state, x + h * v, train)[0]))  # noqa: B023

        results = [
            (
                name,
                float(np.vdot(dx, v)) + sum(map(np.vdot, tree.leaves(grads), tree.leaves(w))),
                *_differences(f, v, w, eps),
            )
            for name, v, w in _directions(child(rng, redraw, 4), x, params)
        ]
        if all(smooth for *_, smooth in results) or redraw == REDRAWS - 1:
            break
    for name, analytic, numeric, _ in results:
        if not abs(analytic - numeric) <= tolerance * max(1.0, abs(analytic), abs(numeric)):
            raise AssertionError(
                f"the gradient along {name} is wrong {mode}: "
                f"vjp says {analytic:.10g}, central differences say {numeric:.10g}"
            )


def _point(layer: Layer, shape: Shape, rng: Key, n: int) -> tuple[Tree, Tree, Array]:
    def widen(a: Any) -> Any:
        return a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a

    params = tree.map(widen, layer.init(child(rng, 0), shape))
    noise = _like(child(rng, 1), params)
    state = tree.map(widen, layer.state(child(rng, 0, 1), shape))
    x = _normal(child(rng, 2), (n, *shape))
    return tree.map(lambda p, z: p + 0.3 * z, params, noise), state, x


def _normal(rng: Key, shape: Shape) -> Array:
    return generator(rng).standard_normal(shape)


def _like(rng: Key, params: Tree) -> Tree:
    draw = generator(rng)
    return tree.map(lambda p: draw.standard_normal(np.shape(p)), params)


def _directions(rng: Key, x: Array, params: Tree) -> Iterator[tuple[str, Array, Tree]]:
    none = tree.map(np.zeros_like, params)
    for i in range(DIRECTIONS):
        v, w = _normal(child(rng, i, 0), x.shape), _like(child(rng, i, 1), params)
        yield "a random direction", v, w
    leaves = list(tree.items(params))
    if x.size + sum(p.size for _, p in leaves) > ELEMENTWISE:
        return
    for at in np.ndindex(x.shape):
        yield f"x{list(at)}", _axis(x, at), none
    for where, p in leaves:
        for at in np.ndindex(p.shape):
            w = assoc_in(none, where, _axis(p, at)) if where else _axis(p, at)
            yield f"{'/'.join(map(str, where))}{list(at)}", np.zeros_like(x), w


def _axis(a: Array, i: tuple[int, ...]) -> Array:
    e = np.zeros_like(a)
    e[i] = 1
    return e


def _differences(
    f: Callable[[float, Array, Tree], float], v: Array, w: Tree, eps: float
) -> tuple[float, bool]:
    low, here, high = f(-eps, v, w), f(0.0, v, w), f(eps, v, w)
    left, right = (here - low) / eps, (high - here) / eps
    # They differ by eps * f'' where f is smooth, by the jump in slope at a kink.
    smooth = abs(left - right) <= 1e-4 * max(1.0, abs(left), abs(right))
    return (high - low) / (2 * eps), smooth


def _check_like(value: Array, gradient: Array, name: str) -> None:
    if gradient.shape != value.shape or gradient.dtype != value.dtype:
        raise AssertionError(
            f"{name} has shape {gradient.shape} and type {gradient.dtype}, "
            f"expected {value.shape} and {value.dtype}"
        )


def _check_same(a: Array, b: Array) -> None:
    if not np.allclose(a, b, rtol=1e-9, atol=1e-12):
        gap = float(np.abs(a - b).max())
        raise AssertionError(f"the layer's grads and the gradients of its vjp differ by {gap:.3g}")


def check_pure(layer: Layer, shape: Shape, rng: Key = 0, batch_size: int = 3) -> None:
    """Raise AssertionError unless the layer's functions are pure, in both modes.

    Every function is called twice with read-only float32 arguments. It must not write into an
    argument, return something else the second time, change the type to float64, return an array
    that shares memory with an argument, touch NumPy's global random state, or set the number of
    BLAS threads.

    >>> from fnn.layers.dense import dense
    >>> check_pure(dense(3), (4,))
    """
    before = _global_random_state()
    params = _frozen(_twice("init", lambda: layer.init(child(rng, 0), shape)))
    state = _frozen(_twice("state", lambda: layer.state(child(rng, 1), shape)))
    x = _frozen(generator(child(rng, 2)).standard_normal((batch_size, *shape), np.float32))
    given = _snapshot((params, state))
    for train in (True, False):
        y, cache = _twice("apply", lambda t=train: layer.apply(params, state, x, t))  # type: ignore[misc]
        if _snapshot((params, state)) != given:
            raise AssertionError("apply changes its params or state: return new ones")
        _check_result("y", y, {"x": x, "params": params, "state": state})
        cache = _frozen(cache)
        kept = _snapshot((params, cache))
        dy = _frozen(generator(child(rng, 3)).standard_normal(y.shape, np.float32))
        arguments = {"dy": dy, "params": params, "cache": cache.saved, "x": x}
        dx, grads = _twice("vjp", lambda c=cache, d=dy: layer.vjp(params, c, d))  # type: ignore[misc]
        _check_result("dx", dx, arguments)
        own = _twice("grads", lambda c=cache, d=dy: parameter_grads(layer, params, c, d))  # type: ignore[misc]
        for g in [*tree.leaves(grads), *tree.leaves(own)]:
            _check_result("a gradient", g, arguments)
        if _snapshot((params, cache)) != kept:
            raise AssertionError("vjp or grads changes its params or cache: return new ones")
    if _global_random_state() != before:
        raise AssertionError("the layer draws from NumPy's global random state")
    _check_blas(layer, params, state, x)


def _check_blas(layer: Layer, params: Tree, state: Tree, x: Array) -> None:
    """Raise AssertionError if a call sets BLAS threads; their usual number, 1, would hide it."""
    with threadpool_limits(limits=3, user_api="blas"):
        before = _blas_threads()
        y, cache = layer.apply(params, state, x, True)
        layer.vjp(params, cache, np.ones_like(y))
        if _blas_threads() != before:
            raise AssertionError("the layer sets the number of BLAS threads, for the whole process")


def _blas_threads() -> dict[str, int]:
    """The number of threads of every BLAS in the process."""
    found = threadpool_info()
    return {lib["filepath"]: lib["num_threads"] for lib in found if lib["user_api"] == "blas"}


def _global_random_state() -> bytes:
    return pickle.dumps(np.random.get_state())  # noqa: NPY002 - to see that nothing draws from it


def _twice(name: str, call: Callable[[], Any]) -> Any:
    try:
        first, second = call(), call()
    except ValueError as error:
        if "read-only" in str(error):
            raise AssertionError(f"{name} writes into an argument: {error}") from error
        raise
    a, b = _arrays(first), _arrays(second)
    if len(a) != len(b) or any(p.tobytes() != q.tobytes() for p, q in zip(a, b, strict=True)):
        raise AssertionError(f"{name} called twice with the same arguments gives different results")
    return first


def _check_result(name: str, result: Array, arguments: dict[str, Any]) -> None:
    if result.dtype != np.float32:
        raise AssertionError(f"{name} is {result.dtype} for float32 arguments, expected float32")
    for other, argument in arguments.items():
        if any(np.may_share_memory(result, a) for a in _arrays(argument)):
            raise AssertionError(f"{name} shares memory with {other}: return a copy")


def _arrays(value: Any) -> list[Array]:
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [a for part in value for a in _arrays(part)]
    return [np.asarray(value)] if isinstance(value, int | float | np.generic) else []


def _snapshot(value: Any) -> Any:
    """A copy that later changes to the dicts, lists and arrays in `value` do not affect."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, dict):
        return tuple((k, _snapshot(v)) for k, v in value.items())
    if isinstance(value, tuple | list):
        return tuple(map(_snapshot, value))
    return value


def _frozen(value: Any) -> Any:
    for a in _arrays(value):
        a.flags.writeable = False
    return value
