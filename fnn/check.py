"""Checks for layers, fnn's and your own: is the gradient right, is the layer pure?

    check_vjp(my_layer(), shape=(8, 8, 3))
    check_pure(my_layer(), shape=(8, 8, 3))

Both return None if all is well, and otherwise raise AssertionError with what they found.
"""

import pickle
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

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
    and grads, and that `layer.grads` agrees with vjp. `shape` is one example's.

    Source: the method is that of autograd's `check_vjp` (Maclaurin et al., 2015).

    >>> from fnn.layers.dense import dense
    >>> check_vjp(dense(3), (4,))
    """
    for redraw in range(REDRAWS):
        slopes = list(_slopes(layer, shape, child(rng, redraw), train, batch_size, eps))
        if all(slope.smooth for slope in slopes):
            break
    mode = "training" if train else "test"
    for along, by_vjp, by_difference, _ in slopes:
        largest = max(1.0, abs(by_vjp), abs(by_difference))
        if not abs(by_vjp - by_difference) <= tolerance * largest:
            raise AssertionError(
                f"the gradient along {along} is wrong in {mode} mode: "
                f"vjp says {by_vjp:.10g}, central differences say {by_difference:.10g}"
            )


class Slope(NamedTuple):
    """The derivative along a direction, computed in two ways; smooth is False near a kink."""

    along: str
    by_vjp: float
    by_difference: float
    smooth: bool


def _slopes(
    layer: Layer, shape: Shape, rng: Key, train: bool, batch_size: int, eps: float
) -> Iterator[Slope]:
    state = tree.map(_widened, layer.state(child(rng, 0), shape))
    params = tree.map(_widened, layer.init(child(rng, 1), shape))
    params = _moved(params, 0.3, _normal_like(child(rng, 2), params))
    x = generator(child(rng, 3)).standard_normal((batch_size, *shape))
    y, cache = layer.apply(params, state, x, train)
    expected = (batch_size, *layer.shape(shape))
    if y.shape != expected:
        raise AssertionError(f"y has shape {y.shape}, but layer.shape says {expected}")
    dy = _normal_like(child(rng, 4), y)
    dx, grads = layer.vjp(params, cache, dy)
    _check_like("dx", x, dx)
    tree.map(partial(_check_like, "a gradient"), params, grads)
    tree.map(_check_same, parameter_grads(layer, params, cache, dy), grads)

    point, gradient = {"x": x, "params": params}, {"x": dx, "params": grads}
    for along, way in _directions(child(rng, 5), point):
        near = (_moved(point, h, way) for h in (-eps, 0.0, eps))
        ys = [layer.apply(p["params"], state, p["x"], train)[0] for p in near]
        low, here, high = (float(np.vdot(dy, y)) for y in ys)
        left, right = (here - low) / eps, (high - here) / eps
        # They differ by eps * f'' where f is smooth, by the jump in slope at a kink.
        smooth = abs(left - right) <= 1e-4 * max(1.0, abs(left), abs(right))
        by_vjp = float(sum(tree.leaves(tree.map(np.vdot, gradient, way))))
        yield Slope(along, by_vjp, (high - low) / (2 * eps), smooth)


def _directions(rng: Key, point: Tree) -> Iterator[tuple[str, Tree]]:
    for i in range(DIRECTIONS):
        yield "a random direction", _normal_like(child(rng, i), point)
    if sum(leaf.size for leaf in tree.leaves(point)) <= ELEMENTWISE:
        none = tree.map(np.zeros_like, point)
        for where, leaf in tree.items(point):
            axes = np.eye(leaf.size).reshape(-1, *leaf.shape)
            for at, axis in zip(np.ndindex(leaf.shape), axes, strict=True):
                yield f"{'/'.join(map(str, where))}{list(at)}", assoc_in(none, where, axis)


def _widened(leaf: Any) -> Any:
    is_float = isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f"
    return leaf.astype(np.float64) if is_float else leaf  # not a key or a count in the state


def _normal_like(rng: Key, point: Tree) -> Tree:
    draw = generator(rng)
    return tree.map(lambda p: draw.standard_normal(np.shape(p)), point)


def _moved(point: Tree, h: float, way: Tree) -> Tree:
    return tree.map(lambda p, d: p + h * d, point, way)


def _check_like(name: str, value: Array, gradient: Array) -> None:
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
    params = _twice("init", layer.init, child(rng, 0), shape)
    state = _twice("state", layer.state, child(rng, 1), shape)
    x = _frozen(generator(child(rng, 2)).standard_normal((batch_size, *shape), np.float32))
    for train in (True, False):
        y, cache = _twice("apply", layer.apply, params, state, x, train)
        _check_result("y", y, {"x": x, "params": params, "state": state})
        dy = _frozen(generator(child(rng, 3)).standard_normal(y.shape, np.float32))
        dx, grads = _twice("vjp", layer.vjp, params, cache, dy)
        own = _twice("grads", parameter_grads, layer, params, cache, dy)
        arguments = {"dy": dy, "params": params, "cache": cache.saved, "x": x}
        _check_result("dx", dx, arguments)
        for g in [*tree.leaves(grads), *tree.leaves(own)]:
            _check_result("a gradient", g, arguments)
    if _global_random_state() != before:
        raise AssertionError("the layer draws from NumPy's global random state")
    with threadpool_limits(limits=3, user_api="blas"):  # the usual number, 1, might hide it
        threads = threadpool_info()
        y, cache = layer.apply(params, state, x, True)
        layer.vjp(params, cache, np.ones_like(y))
        if threadpool_info() != threads:
            raise AssertionError("the layer sets the number of BLAS threads, for the whole process")


def _global_random_state() -> bytes:
    return pickle.dumps(np.random.get_state())  # noqa: NPY002 - to see that nothing draws from it


def _twice(name: str, f: Callable[..., Any], *arguments: Any) -> Any:
    """What f returns in both of two calls, with its arrays made read-only."""
    given = _snapshot(arguments)
    try:
        first, second = f(*arguments), f(*arguments)
    except ValueError as error:
        if "read-only" in str(error):
            raise AssertionError(f"{name} writes into an argument: {error}") from error
        raise
    if _snapshot(arguments) != given:
        raise AssertionError(f"{name} changes its arguments: return new ones")
    if [a.tobytes() for a in _arrays(first)] != [a.tobytes() for a in _arrays(second)]:
        raise AssertionError(f"{name} called twice with the same arguments gives different results")
    return _frozen(first)


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
