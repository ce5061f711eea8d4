"""The table: how each layer of fnn is written in ONNX, by its constructor's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fnn.arrays import Array
from fnn.export.node import Entry, Given, Node, Weight, node
from fnn.kernels.window import Window, square
from fnn.layers.activation import scaled
from fnn.layers.combine import parallel, serial
from fnn.layers.layer import Layer
from fnn.layers.reshape import identity
from fnn.layers.window import window


def dense(given: Given) -> Node:
    return node("Gemm", given.x, *_weights(given.params, "W", "b"))


def gelu(given: Given) -> Node:
    exact = given.layer.made.options["exact"]
    return node("Gelu", given.x, approximate="none" if exact else "tanh")


def silu(given: Given) -> Node:
    return node("Mul", given.x, node("Sigmoid", given.x))


def times(given: Given) -> Node:
    return _times(given.x, given.layer.made.options["factor"])


def dropout(given: Given) -> Node | str:
    options = given.layer.made.options
    return given.x if options["inverted"] else _times(given.x, 1 - options["rho"])


def _times(x: str, factor: float) -> Node:
    return node("Mul", x, Weight("factor", np.array(factor, np.float32)))


def conv(given: Given) -> Node:
    return _convolution(given, given.layer.made.options["groups"])


def depthwise_conv(given: Given) -> Node:
    return _convolution(given, given.shape[-1])


def _convolution(given: Given, groups: int) -> Node:
    bias = ["b"] if "b" in given.params else []
    w, at = _filters(given.params["W"]), _window(given)
    return node("Conv", given.x, w, *_weights(given.params, *bias), group=groups, **_places(at))


def _filters(w: Array, name: str = "W") -> Weight:
    """fnn's (height, width, C / groups, filters) in ONNX's order, as PyTorch has it."""
    return Weight(name, w.transpose(3, 2, 0, 1))


def whiten(given: Given) -> Node:
    size, x = given.layer.made.options["size"], given.x
    before, after = (size - 1) // 2, size // 2
    around = Weight("around", np.array([0, 0, before, before, 0, 0, after, after]))
    image = node("Pad", x, around, mode="edge")
    shift = _weights(given.state, "shift")
    filters = _filters(given.state["filters"], "filters")
    return node("Conv", image, filters, *shift, **_places(square(size)))


def max_pool(given: Given) -> Node:
    at = _window(given)
    if _even(at):
        return node("MaxPool", given.x, **_places(at))
    # ONNX's reference is wrong for pads that differ: the pixels outside become part of the image
    (top, bottom), (left, right) = at.pad
    around = Weight("around", np.array([0, 0, top, left, 0, 0, bottom, right]))
    image = node("Pad", given.x, around, Weight("lowest", np.array(-np.inf)))
    return node("MaxPool", image, kernel_shape=at.size, strides=at.stride)


def avg_pool(given: Given) -> Node:
    at, count = _window(given), int(given.layer.made.options["count_pad"])
    if _even(at) or not count:
        return node("AveragePool", given.x, count_include_pad=count, **_places(at))
    # onnxruntime 1.21 to 1.23 is wrong for pads that differ: a filter of equal weights is the mean
    c = given.shape[-1]
    mean = Weight("mean", np.full((c, 1, *at.size), 1 / (at.size[0] * at.size[1])))
    return node("Conv", given.x, mean, group=c, **_places(at))


def _even(at: Window) -> bool:
    return len({*at.pad[0], *at.pad[1]}) == 1


def _window(given: Given) -> Window:
    by, options, _, _ = given.layer.made
    size, stride = options["size"], options["stride"]
    return window(by, size, size if stride is None else stride, options["pad"])


def _places(at: Window) -> dict[str, Any]:
    """A window as ONNX's attributes; its pads are all sides' before, then all sides' after."""
    before, after = zip(*at.pad, strict=True)
    return {"kernel_shape": at.size, "strides": at.stride, "pads": (*before, *after)}


def over_the_image(op: str) -> Callable[[Given], Node]:
    """A function of each channel's pixels."""
    return lambda given: node(op, given.x, Weight("axes", np.array([2, 3])), keepdims=0)


def batch_norm(given: Given) -> Node:
    beta = given.params["beta"]
    gamma = given.params.get("gamma", np.ones_like(beta))
    of = {"gamma": gamma, "beta": beta, **given.state}
    weights = _weights(of, "gamma", "beta", "mean", "var")
    return node("BatchNormalization", given.x, *weights, epsilon=_eps(given))


def layer_norm(given: Given) -> Node:
    # the mean goes first: onnxruntime to 1.23 takes E[x^2] - E[x]^2 for the variance
    mean = node("ReduceMean", given.x, Weight("last", np.array([-1])), keepdims=1)
    gamma, beta = _weights(given.params, "gamma", "beta")
    centered = node("Sub", given.x, mean)
    if given.shape[-1] == 1:  # it is 0, and some versions refuse to normalize one number
        return node("Add", node("Mul", centered, gamma), beta)
    return node("LayerNormalization", centered, gamma, beta, axis=-1, epsilon=_eps(given))


def group_norm(given: Given) -> Node:
    # ONNX's GroupNormalization has a gamma for each group, not for each channel, before opset 21.
    groups, c = given.layer.made.options["groups"], given.shape[-1]
    one, zero = (Weight(name, np.full(groups, v)) for name, v in (("one", 1.0), ("zero", 0.0)))
    flat = node("Reshape", given.x, _shape("groups", 0, groups, np.prod(given.shape) // groups))
    normal = node("InstanceNormalization", flat, one, zero, epsilon=_eps(given))
    image = node("Reshape", normal, _shape("shape", 0, c, *given.shape[:-1]))
    each = (c, *[1] * (len(given.shape) - 1))
    gamma, beta = (Weight(k, given.params[k].reshape(each)) for k in ("gamma", "beta"))
    return node("Add", node("Mul", image, gamma), beta)


def flatten(given: Given) -> Node:
    return node("Reshape", given.x, _shape("shape", 0, int(np.prod(given.shape))))


def _shape(name: str, *sides: Any) -> Weight:
    """The shape that Reshape is to give; a 0 in it stands for the side that is there."""
    return Weight(name, np.array(sides, np.int64))


def _eps(given: Given) -> float:
    return float(given.layer.made.options["eps"])


def _weights(of: Any, *names: str) -> list[Weight]:
    return [Weight(name, of[name]) for name in names]


def ensemble(given: Given) -> Layer:
    nets = given.layer.made.parts
    return serial(parallel(*nets), scaled(1 / max(1, len(nets))))


def residual(given: Given) -> Layer:
    return parallel(serial(*given.layer.made.parts), identity())


def inner(given: Given) -> Layer:
    net: Layer = given.layer.made.parts[0]
    return net


def simple(op: str) -> Callable[[Given], Node]:
    return lambda given: node(op, given.x)


TABLE = {
    "avg_pool": Entry(avg_pool, "first"),
    "batch_norm": Entry(batch_norm, "first"),
    "conv": Entry(conv, "first"),
    "dense": Entry(dense),
    "depthwise_conv": Entry(depthwise_conv, "first"),
    "dropout": Entry(dropout, "any"),
    "ensemble": Entry(ensemble, "any"),
    "flatten": Entry(flatten),
    "freeze": Entry(inner, "any"),
    "gelu": Entry(gelu, "any"),
    "global_avg_pool": Entry(over_the_image("ReduceMean"), "first"),
    "global_max_pool": Entry(over_the_image("ReduceMax"), "first"),
    "group_norm": Entry(group_norm, "first"),
    "identity": Entry(lambda given: given.x, "any"),
    "layer_norm": Entry(layer_norm),
    "max_pool": Entry(max_pool, "first"),
    "relu": Entry(simple("Relu"), "any"),
    "residual": Entry(residual, "any"),
    "scaled": Entry(times, "any"),
    "sigmoid": Entry(simple("Sigmoid"), "any"),
    "silu": Entry(silu, "any"),
    "weight_decay": Entry(inner, "any"),
    "whiten": Entry(whiten, "first"),
}
