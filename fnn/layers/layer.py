"""The contract that every layer keeps, and the checks that layers share.

A layer is a value of pure functions:

    init(rng, shape) -> params                     parameters at the start, a tree; {} where none
    apply(params, state, x, train) -> (y, Cache)   the output, and what vjp needs
    vjp(params, cache, dy) -> (dx, grads)          gradients: of the input, and a tree like params
    shape(shape) -> shape                          the shape of one example's output
    state(rng, shape) -> state                     what changes from call to call, a tree
    grads(params, cache, dy) -> grads              vjp without dx, where that saves work
    name, parts                                    what `summary` shows

`shape` is one example's, without the batch axis. `rng` is a key (see `fnn.keys`). Everything that
changes is an argument and a result: the state after a call is `cache.state`. No function writes
into its arguments, none has side effects, and no result shares memory with an argument. (A cache
may hold x and y themselves: leave them as they are until vjp is done.) The type of the result
follows `x`: float32 in, float32 out. The first three functions make a layer; the
others have defaults that fit a layer without state that keeps the shape.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn.keys import Key
from fnn.tree import Tree

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]


class Cache(NamedTuple):
    """What `apply` leaves for `vjp`, and the layer's state after the call."""

    saved: Any
    state: Tree


Init: TypeAlias = Callable[[Key, Shape], Tree]
Apply: TypeAlias = Callable[[Tree, Tree, Array, bool], tuple[Array, Cache]]
Vjp: TypeAlias = Callable[[Tree, Cache, Array], tuple[Array, Tree]]
Grads: TypeAlias = Callable[[Tree, Cache, Array], Tree]


def empty(rng: Key, shape: Shape) -> Tree:
    """Parameters or state of a layer that has none."""
    return {}


def same_shape(shape: Shape) -> Shape:
    return shape


class Layer(NamedTuple):
    """A layer; the module's docstring is its contract."""

    init: Init
    apply: Apply
    vjp: Vjp
    shape: Callable[[Shape], Shape] = same_shape
    state: Init = empty
    grads: Grads | None = None  # None: those of vjp
    name: str = ""  # for people, in `summary`
    parts: tuple["Layer", ...] = ()  # the layers that this one is made of


def parameter_grads(layer: Layer, params: Tree, cache: Cache, dy: Array) -> Tree:
    """The gradients of a layer's parameters where nobody needs the input's."""
    if layer.grads is None:
        return layer.vjp(params, cache, dy)[1]
    return layer.grads(params, cache, dy)


def check_float(name: str, x: Array) -> None:
    """Raise TypeError unless `x` holds float32 or float64."""
    if x.dtype != np.float32 and x.dtype != np.float64:
        raise TypeError(
            f"{name}: expected float32 or float64 input, found {x.dtype}: "
            "scale images with fnn.to_float, or use x.astype(np.float32)"
        )


def check_input(name: str, x: Array, shape: Shape) -> None:
    """Raise TypeError unless `x` is a float batch, ValueError unless its examples have `shape`."""
    check_float(name, x)
    if x.shape[1:] != shape:
        expected = ", ".join(["N", *map(str, shape)])
        raise ValueError(f"{name}: expected input of shape ({expected}), found {x.shape}")


def rank_error(name: str, expected: str, shape: Shape, hint: str) -> ValueError:
    """The error for an example of the wrong rank, before there is any batch."""
    return ValueError(f"{name}: expected an example of shape {expected}, found {shape}: {hint}")


def check_image_shape(name: str, s: Shape, size: int, part: str) -> None:
    """Raise ValueError unless s is an image's, (H, W, C), that holds a `part` of size x size."""
    if len(s) != 3:
        raise rank_error(name, "(H, W, C)", s, "give it images")
    if min(s[:2]) < size:
        raise ValueError(f"{name}: an image of shape {s} is smaller than a {part}")


def is_shape(value: object) -> bool:
    """Whether it is a tuple of ints above 0, as a file should have it."""
    return type(value) is tuple and all(type(n) is int and n > 0 for n in value)


def same(x: Array) -> Array:
    """x itself: where a function from arrays to arrays has nothing to do."""
    return x
