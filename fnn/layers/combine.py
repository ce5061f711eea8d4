"""Layers made of layers."""

import operator
from collections.abc import Callable, Sequence
from functools import reduce

from toolz import accumulate

from fnn import tree
from fnn.arrays import Array, Shape
from fnn.errors import kind, real
from fnn.keys import child
from fnn.layers.activation import scaled
from fnn.layers.checks import check_layers
from fnn.layers.layer import Cache, Init, Layer, constructor, empty, parameter_grads
from fnn.layers.reshape import identity
from fnn.tree import Tree


@constructor
def serial(*layers: Layer) -> Layer:
    """One layer after another; `params[i]` and `state[i]` belong to layer i, counted from 0.

    >>> from fnn.layers.dense import dense
    >>> net = serial(dense(100), dense(10))
    >>> net.shape((784,)), net.init(0, (784,))[1]["W"].shape
    ((10,), (100, 10))
    """
    check_layers("serial", *layers)
    if not layers:
        return identity()._replace(name="serial")
    places = set(range(len(layers)))

    def inputs(s: Shape) -> Sequence[Shape]:
        return list(accumulate(lambda s, layer: layer.shape(s), layers[:-1], s))

    def shape(s: Shape) -> Shape:
        return reduce(lambda s, layer: layer.shape(s), layers, s)

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        _check_parts("serial", params, state, places)
        caches = []
        for i, layer in enumerate(layers):
            try:
                x, cache = layer.apply(params[i], state[i], x, train)
            except (TypeError, ValueError) as error:
                raise _placed(error, i)  # noqa: B904 - it is the same error
            caches.append(cache)
        return x, _joined(caches)

    def vjp(params: Tree, cache: Cache, dy: Array, first: int = 0) -> tuple[Array, Tree]:
        grads = {}
        for i in reversed(range(first, len(layers))):
            dy, grads[i] = layers[i].vjp(params[i], _part(cache, i), dy)
        return dy, dict(sorted(grads.items()))

    def own_grads(params: Tree, cache: Cache, dy: Array) -> Tree:
        # Only the layers after the first with parameters (not flatten) must compute dx.
        grads = tree.map(lambda leaf: leaf, params)
        first = next((i for i in range(len(layers)) if tree.leaves(params[i])), None)
        if first is None:
            return grads
        dy, later = vjp(params, cache, dy, first + 1)
        own = parameter_grads(layers[first], params[first], _part(cache, first), dy)
        return {**grads, first: own, **later}

    return _numbered(Layer(empty, apply, vjp, shape, empty, own_grads, "serial", layers, inputs))


@constructor
def parallel(*layers: Layer) -> Layer:
    """The sum of layers that share one input; all have the same output shape.

    Raises ValueError without a layer, or if the shapes differ.
    """
    check_layers("parallel", *layers)
    if not layers:
        raise ValueError("parallel: expected at least one layer")
    places = set(range(len(layers)))

    def shape(s: Shape) -> Shape:
        shapes = [layer.shape(s) for layer in layers]
        if any(out != shapes[0] for out in shapes):
            raise ValueError(f"parallel: expected branches of one output shape, found {shapes}")
        return shapes[0]

    def inputs(s: Shape) -> Sequence[Shape]:
        shape(s)
        return [s] * len(layers)

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        _check_parts("parallel", params, state, places)
        ys, caches = [], []
        for i, layer in enumerate(layers):
            try:
                y, cache = layer.apply(params[i], state[i], x, train)
            except (TypeError, ValueError) as error:
                raise _placed(error, i)  # noqa: B904 - it is the same error
            ys.append(y)
            caches.append(cache)
        return reduce(operator.add, ys), _joined(caches)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        results = [layer.vjp(params[i], _part(cache, i), dy) for i, layer in enumerate(layers)]
        dxs, grads = zip(*results, strict=True)
        return reduce(operator.add, dxs), dict(enumerate(grads))

    def own_grads(params: Tree, cache: Cache, dy: Array) -> Tree:
        parts = enumerate(layers)
        return {i: parameter_grads(layer, params[i], _part(cache, i), dy) for i, layer in parts}

    return _numbered(Layer(empty, apply, vjp, shape, empty, own_grads, "parallel", layers, inputs))


def _numbered(layer: Layer) -> Layer:
    """The layer with the parameters and state of its parts, numbered."""

    def each(made: Callable[[Layer], Init]) -> Init:
        return lambda rng, s: {
            i: made(part)(child(rng, i), given)
            for i, (part, given) in enumerate(zip(layer.parts, layer.inputs(s), strict=True))
        }

    return layer._replace(init=each(lambda part: part.init), state=each(lambda part: part.state))


@constructor
def residual(*body: Layer) -> Layer:
    """The layers of `body` one after another, plus their input: y = x + body(x).

    Source: He et al., "Deep residual learning for image recognition", CVPR 2016.
    """
    check_layers("residual", *body)
    return parallel(serial(*body), identity())


@constructor
def ensemble(*nets: Layer) -> Layer:
    """Networks that answer together by the mean of their logits; `params[0][i]` is for net i.

    After softmax, that is the normalized geometric mean of their probabilities.
    """
    check_layers("ensemble", *nets)
    return serial(parallel(*nets), scaled(1 / max(1, len(nets))))


@constructor
def weight_decay(net: Layer, rate: float) -> Layer:
    """L2 regularization: `net` with `rate * W` added to the gradient of every leaf named W.

    That is the gradient of `rate / 2 * sum(W**2)`. `apply` does not change, so `check_vjp` is for
    `net` itself. Raises ValueError for a negative rate.
    """
    check_layers("weight_decay", net)
    rate = real("weight_decay: rate", rate)
    if rate < 0:
        raise ValueError(f"weight_decay: expected a rate of 0 or more, found {rate:g}")
    if rate == 0:
        return net

    def decayed(params: Tree, grads: Tree) -> Tree:
        return tree.map_named(lambda name, p, g: g + rate * p if name == "W" else g, params, grads)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        dx, grads = net.vjp(params, cache, dy)
        return dx, decayed(params, grads)

    def own_grads(params: Tree, cache: Cache, dy: Array) -> Tree:
        return decayed(params, parameter_grads(net, params, cache, dy))

    return net._replace(vjp=vjp, grads=own_grads)


def _check_parts(name: str, params: Tree, state: Tree, places: set[int]) -> None:
    """Raise ValueError unless both trees have a part for each place of a layer, from 0 on."""
    for what, given in (("params", params), ("state", state)):
        if not isinstance(given, dict) or given.keys() != places:
            found = f"the keys {list(given)}" if isinstance(given, dict) else kind(given)
            n = len(places)
            expected = f"{what} of {n} layers, a dict with the keys 0 to {n - 1}"
            raise ValueError(f"{name}: expected {expected}, found {found}: of another network?")


def _placed(error: Exception, i: int) -> Exception:
    """The same error, which now says at which layer: "at 0/2: dense(10): ..."."""
    if len(error.args) == 1 and isinstance(error.args[0], str):
        words = error.args[0]
        error.args = (f"at {i}/{words[3:]}" if words.startswith("at ") else f"at {i}: {words}",)
    return error


def _joined(caches: Sequence[Cache]) -> Cache:
    saved, states = (dict(enumerate(part)) for part in zip(*caches, strict=True))
    return Cache(saved, states)


def _part(cache: Cache, i: int) -> Cache:
    return Cache(cache.saved[i], cache.state[i])
