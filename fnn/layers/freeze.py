"""Training only the last layers of a network."""

from __future__ import annotations

import numpy as np

from fnn import tree
from fnn.arrays import Array
from fnn.errors import whole
from fnn.layers.checks import check_layers
from fnn.layers.layer import Cache, Layer, constructor, parameter_grads
from fnn.layers.parts import apply_part, check_parts, joined, part_of
from fnn.tree import Tree


@constructor
def freeze(net: Layer, n: int) -> Layer:
    """The network `net`, a `serial`, whose first `n` layers stay as they are in training.

    They work as in testing (batch norm with its expectations, dropout without choices), their state
    does not change and their gradients are 0; nothing is computed for these. Parameters and state
    are those of `net`. An optimizer that moves parameters without a gradient, as weight decay does,
    would still change them. Raises ValueError for another kind of network and for n above the
    number of its layers.

    >>> from fnn.layers.combine import serial
    >>> from fnn.layers.dense import dense
    >>> net = freeze(serial(dense(3), dense(2)), 1)
    >>> params, x = net.init(0, (4,)), np.ones((1, 4), np.float32)
    >>> y, cache = net.apply(params, net.state(0, (4,)), x, True)
    >>> grads = parameter_grads(net, params, cache, y)
    >>> grads[0]["b"].any(), grads[1]["b"].all()
    (np.False_, np.True_)
    """
    check_layers("freeze", net)
    n, layers = whole("freeze: n", n, 0), net.parts
    if net.made.by != "serial" or n > len(layers):
        found = f"{net.made.by or net.name or 'a layer'} of {len(layers)}"
        raise ValueError(f"freeze: expected a serial of {n} layers or more, found {found}")

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_parts("freeze", len(layers), params, state)
        caches = []
        for i in range(len(layers)):
            x, cache = apply_part(layers, i, params, state, x, train and i >= n)
            caches.append(cache)
        return x, joined(caches)

    def back(params: Tree, cache: Cache, dy: Array, first: int) -> tuple[Array, Tree]:
        """vjp of the layers from `first` on."""
        grads = tree.map(np.zeros_like, params)
        for i in reversed(range(first, len(layers))):
            dy, own = layers[i].vjp(params[i], part_of(cache, i), dy)
            grads = {**grads, i: own} if i >= n else grads
        return dy, grads

    def own_grads(params: Tree, cache: Cache, dy: Array) -> Tree:
        learning = range(n, len(layers))
        first = next((i for i in learning if tree.leaves(params[i])), len(layers))
        dy, grads = back(params, cache, dy, first + 1)
        if first == len(layers):
            return grads
        own = parameter_grads(layers[first], params[first], part_of(cache, first), dy)
        return {**grads, first: own}

    return net._replace(
        apply=apply,
        vjp=lambda params, cache, dy: back(params, cache, dy, 0),
        grads=own_grads,
        name="freeze",
    )
