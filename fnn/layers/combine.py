"""Layers made of layers."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from functools import partial, reduce
from itertools import pairwise

import numpy as np
from toolz import accumulate

from fnn import tree
from fnn.arrays import Array, Shape
from fnn.errors import real
from fnn.layers.activation import scaled
from fnn.layers.checks import check_dy, check_layers
from fnn.layers.layer import Cache, Layer, constructor, empty, parameter_grads
from fnn.layers.parts import apply_part, check_parts, joined, numbered, part_of
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

    def inputs(s: Shape) -> Sequence[Shape]:
        return list(accumulate(lambda s, layer: layer.shape(s), layers[:-1], s))

    def shape(s: Shape) -> Shape:
        return reduce(lambda s, layer: layer.shape(s), layers, s)

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_parts("serial", len(layers), params, state)
        caches = []
        for i in range(len(layers)):
            x, cache = apply_part(layers, i, params, state, x, train)
            caches.append(cache)
        return x, joined(caches)

    def vjp(params: Tree, cache: Cache, dy: Array, first: int = 0) -> tuple[Array, Tree]:
        grads = {}
        for i in reversed(range(first, len(layers))):
            dy, grads[i] = layers[i].vjp(params[i], part_of(cache, i), dy)
        return dy, dict(sorted(grads.items()))

    def own_grads(params: Tree, cache: Cache, dy: Array) -> Tree:
        # Only the layers after the first with parameters (not flatten) must compute dx.
        grads = tree.map(lambda leaf: leaf, params)
        first = next((i for i in range(len(layers)) if tree.leaves(params[i])), None)
        if first is None:
            return grads
        dy, later = vjp(params, cache, dy, first + 1)
        own = parameter_grads(layers[first], params[first], part_of(cache, first), dy)
        return {**grads, first: own, **later}

    return numbered(Layer(empty, apply, vjp, shape, empty, own_grads, "serial", layers, inputs))


@constructor
def parallel(*layers: Layer) -> Layer:
    """The sum of layers that share one input; all have the same output shape.

    Raises ValueError without a layer, or if the shapes differ.
    """

    def shape(shapes: list[Shape]) -> Shape:
        if any(out != shapes[0] for out in shapes):
            raise ValueError(f"parallel: expected branches of one output shape, found {shapes}")
        return shapes[0]

    return _branches("parallel", layers, shape, partial(reduce, operator.add), lambda dy, _: dy)


@constructor
def concatenate(*layers: Layer) -> Layer:
    """The outputs of layers that share one input, one after another along the last axis.

    For images, that is the channels of the first, then those of the second, ...
    Raises ValueError without a layer, or if another axis than the last differs.

    >>> from fnn.layers.conv import conv
    >>> concatenate(conv(8), conv(16, size=1)).shape((28, 28, 3))
    (28, 28, 24)
    """

    def shape(shapes: list[Shape]) -> Shape:
        if any(out[:-1] != shapes[0][:-1] or not out for out in shapes):
            alike = "branches whose output shapes differ in the last axis alone"
            raise ValueError(f"concatenate: expected {alike}, found {shapes}")
        return (*shapes[0][:-1], sum(out[-1] for out in shapes))

    def cut(dy: Array, sizes: tuple[int, int]) -> Array:
        return dy[..., slice(*sizes)].copy(order="K")

    return _branches("concatenate", layers, shape, partial(np.concatenate, axis=-1), cut)


def _branches(
    name: str,
    layers: tuple[Layer, ...],
    joint: Callable[[list[Shape]], Shape],
    join: Callable[[Sequence[Array]], Array],
    cut: Callable[[Array, tuple[int, int]], Array],
) -> Layer:
    """Layers that share one input, whose outputs are joined.

    `joint` is the shape of the joined outputs; cut(dy, (start, stop)) is the gradient of the one
    whose last axis ends up there, were they laid one after another.
    """
    check_layers(name, *layers)
    if not layers:
        raise ValueError(f"{name}: expected at least one layer")

    def shape(s: Shape) -> Shape:
        return joint([layer.shape(s) for layer in layers])

    def inputs(s: Shape) -> Sequence[Shape]:
        shape(s)
        return [s] * len(layers)

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_parts(name, len(layers), params, state)
        each = [apply_part(layers, i, params, state, x, train) for i in range(len(layers))]
        joint([y.shape[1:] for y, _ in each])
        ends = tuple(accumulate(operator.add, [y.shape[-1] for y, _ in each], 0))
        cache = joined([cache for _, cache in each])
        y = join([y for y, _ in each])
        return y, Cache((cache.saved, ends, y.shape), cache.state)

    def gradients(cache: Cache, dy: Array) -> Iterator[tuple[int, Layer, Cache, Array]]:
        saved, ends, shape = cache.saved
        check_dy(name, dy, shape)
        for i, (layer, place) in enumerate(zip(layers, pairwise(ends), strict=True)):
            yield i, layer, Cache(saved[i], cache.state[i]), cut(dy, place)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        results = [layer.vjp(params[i], own, d) for i, layer, own, d in gradients(cache, dy)]
        dxs, grads = zip(*results, strict=True)
        return reduce(operator.add, dxs), dict(enumerate(grads))

    def own_grads(params: Tree, cache: Cache, dy: Array) -> Tree:
        each = gradients(cache, dy)
        return {i: parameter_grads(layer, params[i], own, d) for i, layer, own, d in each}

    return numbered(Layer(empty, apply, vjp, shape, empty, own_grads, name, layers, inputs))


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
