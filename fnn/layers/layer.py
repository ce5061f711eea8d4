"""The contract of a layer.

A layer is a value made of pure functions:

    init(rng, shape) -> params                     initial parameters, a tree; {} for none
    apply(params, state, x, train) -> (y, Cache)   the output, and what vjp needs
    vjp(params, cache, dy) -> (dx, grads)          gradients: of the input, and a tree like params
    shape(shape) -> shape                          the shape of one example's output
    state(rng, shape) -> state                     what changes from call to call, a tree
    grads(params, cache, dy) -> grads              vjp without dx, where that saves work
    name, parts, inputs(shape) -> shapes           what `summary` shows; the layers inside, and what
                                                   each of them is given

`shape` is one example's, without the batch axis. `rng` is a key (see `fnn.keys`). Everything that
changes is an argument and a result: the state after a call is `cache.state`. No function writes
into its arguments or changes anything else in the process, and no result shares memory with an
argument. (A cache may hold x and y themselves: leave them unchanged until vjp is done.) The type of
the result follows `x`: float32 in, float32 out. Layers refuse parameters of another network or of a
wider type than `x`, and gradients of another shape (see `fnn.layers.checks`). The first three
functions make a layer; the others have defaults for a layer without state that keeps the shape.

Some functions look for names in the trees of any layer, yours included:

    params  W            `weight_decay` and `adamw` decay it, files may quantize it, and `summary`
                         counts one multiply-add for each of its numbers and pixel of the output
            beta         `fnn-train --beta-rate` gives it a learning rate of its own
    state   {mean, var}  a node with exactly these keys gets expectations from `recalibrate`,
                         which meanwhile adds `rate`: 1.0, the weight of each batch
            {filters, shift}   a node with exactly these keys gets filters from `with_whitening`
            {key, count}       a node with exactly these keys has another key in each shard of a
                               batch (see `fnn.shards`)

Two things outlive a call, and neither can be seen in a result: spare memory (`fnn.kernels.memory`)
and the pool of threads (`fnn.kernels.threads`, which also limits BLAS to one thread on import).
"""

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeAlias

from fnn.arrays import Array, Shape
from fnn.errors import did_you_mean
from fnn.keys import Key
from fnn.layers.checks import check_dy, check_input, check_leaves
from fnn.layers.made import Made, made_by, written
from fnn.tree import Tree

P = ParamSpec("P")


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


def no_inputs(shape: Shape) -> Sequence[Shape]:
    return ()


class Layer(NamedTuple):
    """A layer; the module's docstring is its contract."""

    init: Init
    apply: Apply
    vjp: Vjp
    shape: Callable[[Shape], Shape] = same_shape
    state: Init = empty
    grads: Grads | None = None  # None: those of vjp
    name: str = ""
    parts: tuple["Layer", ...] = ()
    inputs: Callable[[Shape], Sequence[Shape]] = no_inputs
    made: Made = Made()

    def __repr__(self) -> str:
        return written(self)


def constructor(make: Callable[P, Layer]) -> Callable[P, Layer]:
    """A function that makes layers, such as `dense`; its layers remember how they were made.

    >>> @constructor
    ... def twice():
    ...     return plain("twice", lambda x, train: (2 * x, ()), lambda saved, dy: 2 * dy)
    >>> twice()
    twice()
    """
    name, signature = make.__name__, inspect.signature(make)

    @wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> Layer:
        for key in kwargs:
            if key not in signature.parameters:
                near = did_you_mean(key, signature.parameters)
                raise TypeError(f"{name}: there is no option {key!r}{near}")
        layer = make(*args, **kwargs)
        if any(layer is arg for arg in args):
            return layer  # such as weight_decay(net, 0)
        return layer._replace(made=made_by(name, signature, args, kwargs))

    return made


def plain(
    name: str,
    forward: Callable[[Array, bool], tuple[Array, Any]],
    backward: Callable[[Any, Array], Array],
    shape: Callable[[Shape], Shape] = same_shape,
) -> Layer:
    """A layer without parameters and state: forward(x, train) is y and what backward is given.

    backward(saved, dy) is dx. Raises what `check_input` does.
    """

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_input(name, x, shape)
        check_leaves(name, "params", params, {}, x)
        check_leaves(name, "state", state, {}, x)
        y, saved = forward(x, train)
        return y, Cache((y.shape, saved), state)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        shape, saved = cache.saved
        check_dy(name, dy, shape)
        return backward(saved, dy), {}

    return Layer(empty, apply, vjp, shape, name=name)


def parameter_grads(layer: Layer, params: Tree, cache: Cache, dy: Array) -> Tree:
    """The gradients of a layer's parameters, when the input's gradient is not needed."""
    if layer.grads is None:
        return layer.vjp(params, cache, dy)[1]
    return layer.grads(params, cache, dy)
