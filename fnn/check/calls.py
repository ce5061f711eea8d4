"""A layer's functions, called with a look at the form of what they return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fnn import tree
from fnn.arrays import Array, Shape
from fnn.layers.layer import Cache, Layer, parameter_grads
from fnn.tree import Tree


class Problem(Exception):
    """What is wrong with a layer, and what to do; where it happens is added later."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what, advice)
        self.what, self.advice = what, advice


class Unsure(Problem):
    """A problem that a kink or the rounding of float32 may explain: other numbers tell."""


class Refused(Exception):
    """A layer such as batch norm cannot train on a single example, and says so."""


def expect_layer(name: str, layer: Any, shape: Any) -> None:
    """Raise TypeError, which begins with `name`, unless the arguments are a layer and a shape."""
    if not isinstance(layer, Layer):
        called = getattr(layer, "__name__", None)
        found = f"the function {called}: call it, {called}()" if called else type(layer).__name__
        raise TypeError(f"{name}: expected a layer such as fnn.relu(), found {found}")
    if not (isinstance(shape, tuple) and all(isinstance(n, int | np.integer) for n in shape)):
        raise TypeError(f"{name}: expected one example's shape such as (5,), found {shape!r}")


def apply(
    layer: Layer, params: Tree, state: Tree, x: Array, train: bool, may_refuse: bool = False
) -> tuple[Array, Cache]:
    """`layer.apply`. Raises Problem for a wrong form, Refused where that is allowed."""
    try:
        result = called("apply", layer.apply, params, state, x, train)
    except Problem as problem:
        if may_refuse and train and len(x) < 2 and isinstance(problem.__cause__, ValueError):
            raise Refused from problem.__cause__
        raise
    if not (isinstance(result, tuple) and len(result) == 2):
        raise Problem(f"apply returns {_kind(result)}", "return (y, Cache(saved, state))")
    y, cache = result
    if not isinstance(cache, Cache):
        raise Problem(
            f"apply returns {_kind(cache)} as its cache", "return (y, Cache(saved, state))"
        )
    shape = layer.shape(x.shape[1:])
    if not isinstance(shape, tuple):
        raise Problem(f"layer.shape returns {_kind(shape)}", "return a tuple of ints")
    _expect_array("y", y)
    if y.shape != (len(x), *shape):
        raise Problem(
            f"y has shape {y.shape}, but layer.shape says {(len(x), *shape)},",
            "let apply and shape agree",
        )
    _expect_type("y", y, x)
    _expect_state(state, cache.state, x)
    return y, cache


def vjp(layer: Layer, params: Tree, cache: Cache, x: Array, dy: Array) -> tuple[Array, Tree]:
    """`layer.vjp`. Raises Problem for a wrong form."""
    result = called("vjp", layer.vjp, params, cache, dy)
    if not (isinstance(result, tuple) and len(result) == 2):
        raise Problem(f"vjp returns {_kind(result)}", "return (dx, grads)")
    dx, gradients = result
    _expect_array("dx", dx)
    if dx.shape != x.shape:
        raise Problem(f"dx has shape {dx.shape}, x has {x.shape},", "return one number for each x")
    _expect_type("dx", dx, x)
    _expect_grads("grads", params, gradients, x)
    return dx, gradients


def grads(layer: Layer, params: Tree, cache: Cache, x: Array, dy: Array) -> Tree:
    """`layer.grads`, or those of vjp. Raises Problem for a wrong form."""
    found = called("grads", parameter_grads, layer, params, cache, dy)
    _expect_grads("grads", params, found, x)
    return found


def made(layer: Layer, rng: Any, shape: Shape) -> Tree:
    """The params of `layer.init`. Raises Problem unless they are a tree of arrays."""
    params = layer.init(rng, shape)
    for where, leaf in tree.items(params):
        if not isinstance(leaf, np.ndarray):
            raise Problem(
                f"init returns {_kind(leaf)} {'at ' + place(where) if where else ''}",
                "return a tree of arrays (dicts within dicts), {} for none",
            )
    return params


def called(name: str, f: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return f(*arguments)
    except Exception as error:
        if "read-only" in str(error):
            raise Problem(f"{name} writes into an argument", f"work on a copy ({error})") from error
        raise Problem(
            f"{name} raises {type(error).__name__}", f"{error} (the traceback says where)"
        ) from error


def _expect_array(name: str, value: Any) -> None:
    if type(value) is not np.ndarray:  # a masked array or a matrix computes otherwise
        raise Problem(f"{name} is {_kind(value)}", "return a NumPy array")


def _expect_type(name: str, value: Array, x: Array) -> None:
    if value.dtype != x.dtype:
        raise Problem(
            f"{name} is {value.dtype} for {x.dtype} arguments",
            f"expected type {x.dtype}, not type {value.dtype}: see which constant or call turns it",
        )


def _expect_grads(name: str, params: Tree, found: Tree, x: Array) -> None:
    def expect(p: Array, g: Any) -> None:
        _expect_array("a gradient", g)
        if g.shape != np.shape(p):
            raise Problem(
                f"a gradient has shape {g.shape}, its parameter {np.shape(p)},",
                "sum over the examples, and over all that share a parameter",
            )
        _expect_type("a gradient", g, x)

    if found is None:
        raise Problem(f"{name} are None", "return a tree like params, {} for none")
    try:
        tree.map(lambda *_: None, params, found)
    except ValueError as error:
        raise Problem(f"{name} are no tree like params", str(error)) from error
    tree.map(expect, params, found)


def _expect_state(before: Tree, after: Tree, x: Array) -> None:
    def expect(name: Any, old: Any, new: Any) -> None:
        if type(old) is not type(new):
            raise Problem(
                f"the state's {name} turns from {_kind(old)} into {_kind(new)}", "keep its type"
            )
        if isinstance(old, np.ndarray):
            if old.shape != new.shape:
                raise Problem(
                    f"the state's {name} turns from shape {old.shape} into {new.shape}",
                    "keep its shape",
                )
            if new.dtype not in (old.dtype, x.dtype):
                raise Problem(
                    f"the state's {name} turns from {old.dtype} into {new.dtype}", "keep its type"
                )
        elif isinstance(old, tuple) and len(old) != len(new):
            raise Problem(f"the state's {name} turns from {old} into {new}", "keep its length")

    try:
        tree.map_named(expect, before, after)
    except ValueError as error:
        raise Problem(
            "the state after the call is no tree like the one before", f"cache.state: {error}"
        ) from error


def place(where: tuple[Any, ...]) -> str:
    return "/".join(map(str, where))


def _kind(value: Any) -> str:
    if isinstance(value, tuple):
        return f"a tuple of length {len(value)}"
    return (
        "None"
        if value is None
        else f"{type(value).__module__}.{type(value).__name__}".replace("builtins.", "")
    )
