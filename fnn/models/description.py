"""A network as a plain value, which says which calls make it, and back.

>>> from fnn.layers.combine import residual, serial
>>> form = describe(serial(flatten(), residual(dense(4), relu()), dense(2)))
>>> form["parts"][1]["parts"][0]["options"]
{'n': 4, 'init': 'course'}
>>> rebuild(form).shape((2, 2, 1))
(2,)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from fnn.errors import one_line
from fnn.layers.activation import gelu, relu, scaled, sigmoid, silu
from fnn.layers.combine import concatenate, ensemble, parallel, residual, serial, weight_decay
from fnn.layers.conv import conv, depthwise_conv
from fnn.layers.dense import dense
from fnn.layers.dropout import dropout
from fnn.layers.example_norm import group_norm, layer_norm
from fnn.layers.freeze import freeze
from fnn.layers.initializers import Initializer, named
from fnn.layers.layer import Layer
from fnn.layers.norm import batch_norm
from fnn.layers.pool import avg_pool, global_avg_pool, global_max_pool, max_pool
from fnn.layers.reshape import flatten, identity
from fnn.layers.whiten import whiten
from fnn.tree import Tree

CONSTRUCTORS: dict[str, Callable[..., Layer]] = {
    make.__name__: make
    for make in (
        *(avg_pool, batch_norm, concatenate, conv, dense, depthwise_conv, dropout, ensemble),
        *(flatten, freeze, gelu, global_avg_pool, global_max_pool, group_norm, identity),
        *(layer_norm, max_pool, parallel, relu, residual, scaled, serial, sigmoid, silu),
        *(weight_decay, whiten),
    )
}
DEEPEST = 100  # layers within layers: a file may claim any number


def describe(net: Layer) -> Tree:
    """The calls that make a network of fnn's layers, as a tree that `fnn.save` can write.

    Each layer is {"by": the constructor's name, "options": its arguments, "parts": {0: ...}}, with
    the layers that it is made of. Raises ValueError, with the place, for a layer that none of fnn's
    constructors has made.
    """
    return _described(net, "")


def _described(layer: Layer, place: str) -> Tree:
    by, options, parts, _ = layer.made
    if by not in CONSTRUCTORS:
        at = f"at {place}: " if place else ""
        raise ValueError(f"{at}{by or layer.name or 'a layer'} is a layer of your own")
    below = {i: _described(part, f"{place}/{i}".lstrip("/")) for i, part in enumerate(parts)}
    return {"by": by, "options": dict(options), "parts": below}


def rebuild(form: Tree, init: Initializer | None = None) -> Layer:
    """The network that `describe` has described; `init`, if given, makes all of its parameters.

    It runs nothing but fnn's constructors. Raises ValueError or TypeError for another tree.
    """
    return _rebuilt(form, init, DEEPEST)


def _rebuilt(form: Tree, init: Initializer | None, deepest: int) -> Layer:
    if type(form) is not dict or form.keys() != {"by", "options", "parts"}:
        raise ValueError(f"expected the description of a layer, found {one_line(repr(form), 80)}")
    by, options, parts = form["by"], form["options"], form["parts"]
    if type(by) is not str or by not in CONSTRUCTORS:
        raise ValueError(f"there is no layer {by!r:.40} in this fnn")
    if type(options) is not dict or type(parts) is not dict or not deepest:
        raise ValueError(f"{by}: its options or parts are no trees, or too deep")
    make = CONSTRUCTORS[by]
    known = inspect.signature(make).parameters
    given: dict[str, Any] = dict(options)
    if "init" in known and (init is not None or "init" in given):
        given["init"] = named(given["init"]) if init is None else init
    return make(*(_rebuilt(part, init, deepest - 1) for part in parts.values()), **given)


def with_outputs(form: Tree, n: int) -> Tree:
    """The description with `n` nodes in its last dense layer.

    Raises ValueError if there is none in its last layers.
    """
    if form["by"] == "dense":
        return {**form, "options": {**form["options"], "n": n}}
    for i in reversed(form["parts"]):
        try:
            part = with_outputs(form["parts"][i], n)
        except ValueError:
            continue
        return {**form, "parts": {**form["parts"], i: part}}
    raise ValueError("it has no dense layer, which other classes would need anew")
