"""A network as a model of ONNX: `to_onnx`, and `recognizer_to_onnx` with ensemble and views."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fnn import keys
from fnn.arrays import Shape
from fnn.errors import InputError, kind
from fnn.export.images import IMAGES, NUMBERS, input_shape, is_image, looked_again, network_input
from fnn.export.node import Entries
from fnn.export.piece import Named, Piece, in_order, joined
from fnn.export.proto import Port, check_onnx, model_proto
from fnn.export.walk import walk
from fnn.layers.checks import check_layers
from fnn.layers.layer import Layer
from fnn.models import Spec
from fnn.models.description import CONSTRUCTORS
from fnn.recognizer.quantize import is_shape
from fnn.recognizer.recognizer import SURE, Recognizer
from fnn.recognizer.tta import VIEWS
from fnn.tree import Tree

if TYPE_CHECKING:
    from onnx import ModelProto

LOGITS, PROBABILITIES = "logits", "probabilities"


def to_onnx(
    net: Layer,
    params: Tree,
    state: Tree,
    shape: Shape,
    *,
    classes: Sequence[str] = (),
    entries: Entries | None = None,
) -> ModelProto:
    """A network as a model of ONNX, for `onnx.save`; opset 20, in float32.

    `shape` is that of one example. For (H, W, C) the input is `images`, uint8 (N, H, W, C), or
    (N, H, W) if C is 1, which the graph scales to 0..1; for another shape it is `x`, float32
    (N, *shape), as `apply` takes it. N may be any number. The outputs are `logits`, what `apply`
    gives with train=False, and `probabilities`, its softmax over the last axis. Nodes and arrays
    are named by the place of their parameters, as in 3/0/1/Conv and 3/0/1/W. `classes` are the
    names of the classes, which the model keeps as JSON in its metadata. `entries` are for layers of
    your own (see `fnn.export`).

    Raises InputError, with the place, for a layer of your own without an entry and for an entry
    that computes something else than its layer; if onnx is not installed; for a model above ONNX's
    2 GB; and if `onnx.checker` refuses it. Raises ValueError for parameters of another network and
    for a layer that was changed after it was made.

    >>> import fnn
    >>> net = fnn.serial(fnn.conv(8), fnn.relu(), fnn.global_avg_pool(), fnn.dense(10))
    >>> params, state = net.init(0, (28, 28, 1)), net.state(0, (28, 28, 1))
    >>> model = to_onnx(net, params, state, (28, 28, 1))
    >>> [node.name for node in model.graph.node][-6:]
    ['0/Conv', '1/Relu', '2/ReduceMean', '3/Gemm', 'logits', 'probabilities']
    """
    check_layers("to_onnx", net)
    if not shape or not is_shape(shape):
        expected = "expected the shape of one example, such as (28, 28, 1)"
        raise ValueError(f"to_onnx: {expected}, found {shape}")
    out = net.shape(shape)
    if not out:
        raise ValueError("to_onnx: expected a vector of logits, found one number for an example")
    if len(classes) not in (0, out[-1]):
        raise ValueError(f"to_onnx: expected {out[-1]} names of classes, found {len(classes)}")
    spec = Spec("", shape, out[-1], {}, names=tuple(map(str, classes)))
    return recognizer_to_onnx(Recognizer(spec, net, params, state), entries)


def recognizer_to_onnx(found: Recognizer, entries: Entries | None = None) -> ModelProto:
    """What `fnn.recognize` does, as a model: like `to_onnx`, with the spec's networks and views.

    Images whose answer is less probable than 0.999 get the mean over the views, within the graph.
    """
    check_onnx()
    spec, net, params, state = found
    known: Entries = {} if entries is None else entries
    if not isinstance(known, Mapping):
        raise InputError(f"entries: expected a dict from names to entries, found {kind(known)}")
    check_unchanged(net, params, state, spec.shape)
    start = network_input(spec.shape)
    inner = walk(net, params, state, start.y, known)
    graph = joined(inner, in_order(inner.y, "last"))
    if len(VIEWS[spec.views]) > 1:
        graph = looked_again(start.y, graph, VIEWS[spec.views], SURE)
    ends = (
        Named(LOGITS, "Identity", (graph.y.name,), {}),
        Named(PROBABILITIES, "Softmax", (LOGITS,), {"axis": -1}),
    )
    whole = joined(start, graph, Piece(ends, {}, graph.y))
    given = Port(NUMBERS, spec.shape)
    if is_image(spec.shape):
        given = Port(IMAGES, input_shape(spec.shape), np.uint8)
    outputs = [Port(name, graph.y.shape) for name in (LOGITS, PROBABILITIES)]
    names = spec.names or tuple(map(str, range(spec.classes)))
    about = {"classes": json.dumps(names, ensure_ascii=False), "views": spec.views}
    return model_proto(spec.name or "network", told(spec), whole, given, outputs, about)


def told(spec: Spec) -> str:
    """What the model says of itself.

    >>> told(Spec("slim", (28, 28, 1), 10, {}, 2)).split("; ")[0]
    '2 x slim, made by fnn'
    """
    name = spec.name or "a network"
    what = name if spec.networks == 1 else f"{spec.networks} x {name}"
    return f"{what}, made by fnn; {ends_of(spec)}"


def ends_of(spec: Spec) -> str:
    """What goes in and what comes out, in words.

    >>> ends_of(Spec("slim", (28, 28, 1), 10, {}))
    'images, uint8 (N, 28, 28) in 0..255 -> logits and probabilities, float32 (N, 10)'
    """
    sides = ", ".join(map(str, ("N", *input_shape(spec.shape))))
    given = f"{NUMBERS}, float32 ({sides})"
    if is_image(spec.shape):
        given = f"{IMAGES}, uint8 ({sides}) in 0..255"
    return f"{given} -> {LOGITS} and {PROBABILITIES}, float32 (N, {spec.classes})"


def check_unchanged(net: Layer, params: Tree, state: Tree, shape: Shape) -> None:
    """Raise ValueError unless the layers compute what their constructors say.

    They do not if one was changed after it was made, as by `_replace`, or if the parameters are
    those of another network.
    """
    x = keys.generator((0, keys.SAMPLE)).random((1, *shape), np.float32)
    with np.errstate(all="ignore"):
        ours, copy = (one.apply(params, state, x, False)[0] for one in (net, made_again(net)))
    if not np.array_equal(ours, copy, equal_nan=True):
        raise ValueError(
            "to_onnx: a layer was changed after it was made, so that its entry does not say what "
            "it computes; make it a layer of your own, with a name and an entry"
        )


def made_again(layer: Layer) -> Layer:
    """The layer, made by fnn's constructors anew; layers of one's own in it stay as they are."""
    by, options, parts, _ = layer.made
    if by not in CONSTRUCTORS:
        return layer
    given = {name: value for name, value in options.items() if name != "init"}
    return CONSTRUCTORS[by](*map(made_again, parts), **given)
