"""ONNX's own test cases of single operators, computed by fnn: an oracle by others.

ONNX keeps channels first; images are transposed on the way in and out. A padding with a name, such
as SAME_UPPER, is worked out here.
"""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest

import fnn
from fnn.layers.layer import plain

onnx = pytest.importorskip("onnx", reason="ONNX is not installed: pip install onnx")
node_cases = pytest.importorskip("onnx.backend.test.case.node")


def first(x):
    """From fnn's order of axes to ONNX's."""
    return np.moveaxis(x, -1, 1) if x.ndim > 2 else x


def last(x):
    """From ONNX's order of axes, (N, C, ...), to fnn's."""
    return np.moveaxis(x, 1, -1) if x.ndim > 2 else x


def of_images(x):
    """(N, C, W) or (N, C, H, W) as (N, H, W, C)."""
    return last(x if x.ndim == 4 else x[:, :, None])


def run(layer, x, params=None, state=None, train=False):
    y, cache = layer.apply(params or {}, state or {}, x, train)
    return y, cache.state


def window(x, a):
    """size, stride and pad of a node with these attributes, for images (N, H, W, C)."""
    one = [1] * (4 - len(a["kernel_shape"]) - 2)  # rows of a signal
    size = (*one, *a["kernel_shape"])
    stride = (*one, *a.get("strides", [1] * len(a["kernel_shape"])))
    n = len(a["kernel_shape"])
    begin, end = a.get("pads", [0] * 2 * n)[:n], a.get("pads", [0] * 2 * n)[n:]
    none = [(0, 0)] * len(one)
    pad = (*none, *zip(begin, end, strict=True))
    if (named := a.get("auto_pad", b"NOTSET").decode()).startswith("SAME"):
        total = [
            max(0, (math.ceil(side / s) - 1) * s + k - side)
            for side, k, s in zip(x.shape[1:3], size, stride, strict=True)
        ]
        halves = [(t // 2, t - t // 2) for t in total]
        pad = tuple(half if named == "SAME_UPPER" else half[::-1] for half in halves)
    return {"size": size, "stride": stride, "pad": pad}


def conv(a, x, w, b=None):
    x, w = of_images(x), w.transpose(2, 3, 1, 0)
    more = window(x, {"kernel_shape": w.shape[:2], **a})
    layer = fnn.conv(w.shape[3], **more, groups=a.get("group", 1), bias=b is not None)
    params = {"W": w} if b is None else {"W": w, "b": b}
    return [first(run(layer, x, params)[0])]


def pool(make):
    def compute(a, x):
        images = of_images(x)
        more = {}
        if make is fnn.avg_pool:
            more = {"count_pad": bool(a.get("count_include_pad", 0))}
        y = first(run(make(**window(images, a), **more), images)[0])
        return [y if x.ndim == 4 else y[:, :, 0]]

    return compute


def global_pool(layer):
    return lambda a, x: [run(layer, of_images(x))[0][:, :, None, None]]


def batch_norm(a, x, gamma, beta, mean, var):
    train = bool(a.get("training_mode", 0))
    layer = fnn.batch_norm(eps=a.get("epsilon", 1e-5), rate=1 - a.get("momentum", 0.9))
    params, state = {"gamma": gamma, "beta": beta}, {"mean": mean, "var": var}
    y, state = run(layer, last(x), params, state, train)
    return [first(y), state["mean"], state["var"]] if train else [first(y)]


def layer_norm(a, x, gamma, beta):
    axis = a.get("axis", -1) % x.ndim
    rows = x.reshape(math.prod(x.shape[:axis]), -1)  # all axes from there on are one
    params = {"gamma": gamma.ravel(), "beta": beta.ravel()}
    return [run(fnn.layer_norm(eps=a.get("epsilon", 1e-5)), rows, params)[0].reshape(x.shape)]


def group_norm(a, x, gamma, beta):
    layer = fnn.group_norm(a.get("num_groups", x.shape[1]), eps=a.get("epsilon", 1e-5))
    return [first(run(layer, last(x), {"gamma": gamma, "beta": beta})[0])]


def element_wise(layer):
    return lambda a, x: [run(layer, x)[0]]


def gelu(a, x):
    return [run(fnn.gelu(exact=a.get("approximate", b"none") == b"none"), x)[0]]


def on_rows(function):
    """A function of (N, C) along one of the axes."""

    def compute(a, x):
        moved = np.moveaxis(x, a.get("axis", -1), -1)
        y = function(moved.reshape(-1, moved.shape[-1])).reshape(moved.shape)
        return [np.moveaxis(y, -1, a.get("axis", -1))]

    return compute


def cross_entropy(a, x, labels, weights=None):
    logits = last(x) if x.ndim > 2 else x
    rows = logits.reshape(-1, logits.shape[-1])  # each pixel is an example
    loss, _ = fnn.softmax_cross_entropy(
        rows, labels.ravel(), weights=weights, ignore=a.get("ignore_index")
    )
    return [np.float32(loss), first(fnn.log_softmax(rows).reshape(logits.shape))]


def concat(a, *arrays):
    """The arrays are parts of one example, of which each branch picks one."""

    def pick(i):
        return plain("pick", lambda x, train: (x[:, i].copy(), ()), lambda s, d: d, lambda s: s[1:])

    moved = [np.moveaxis(array, a["axis"], -1) for array in arrays]
    net = fnn.concatenate(*(pick(i) for i in range(len(moved))))
    nothing = {i: {} for i in range(len(moved))}
    return [np.moveaxis(run(net, np.stack(moved)[None], nothing, nothing)[0][0], -1, a["axis"])]


def flatten(a, x):
    examples = x[None] if a.get("axis", 1) % x.ndim == 0 else x
    return [run(fnn.flatten(), examples)[0]]


def dense(a, x, w, b=None):
    x, w = (x.T if a.get("transA") else x), (w.T if a.get("transB") else w)
    b = np.zeros(1, x.dtype) if b is None else b
    b = np.broadcast_to(b.ravel(), w.shape[1:])
    return [run(fnn.dense(w.shape[1]), x, {"W": w, "b": b})[0]]


def momentum(a, rate, t, *arrays):
    """ONNX keeps v, with d = -rate v; its first step takes the gradient whole, as the course."""
    assert t == 0
    lr = float(rate)
    optimizer = (fnn.momentum, fnn.nesterov)[a["mode"] == b"nesterov"](lr, alpha=a["alpha"])
    n = len(arrays) // 3
    x, g, v = (dict(enumerate(arrays[k * n : k * n + n])) for k in range(3))
    g = fnn.tree.map(lambda g, x: g + np.float32(a["norm_coefficient"]) * x, g, x)
    state = {0: {}, 1: fnn.tree.map(lambda v: np.float32(-lr) * v, v)}
    updates, state = optimizer.update(g, state)
    moved = fnn.tree.map(np.add, x, updates)
    return [*moved.values(), *(d / np.float32(-lr) for d in state[1].values())]


OPERATORS = {
    "Conv": conv,
    "MaxPool": pool(fnn.max_pool),
    "AveragePool": pool(fnn.avg_pool),
    "GlobalAveragePool": global_pool(fnn.global_avg_pool()),
    "GlobalMaxPool": global_pool(fnn.global_max_pool()),
    "BatchNormalization": batch_norm,
    "LayerNormalization": layer_norm,
    "GroupNormalization": group_norm,
    "InstanceNormalization": group_norm,
    "Gelu": gelu,
    "Relu": element_wise(fnn.relu()),
    "Sigmoid": element_wise(fnn.sigmoid()),
    "Swish": element_wise(fnn.silu()),
    "Softmax": on_rows(fnn.softmax),
    "LogSoftmax": on_rows(fnn.log_softmax),
    "SoftmaxCrossEntropyLoss": cross_entropy,
    "Concat": concat,
    "Flatten": flatten,
    "Gemm": dense,
    "MatMul": dense,
    "Adam": None,
    "Adagrad": None,
    "Momentum": momentum,
}

# What fnn has no word for, by the operator and a part of the case's name.
CANNOT = {
    ("MaxPool", "uint8"): "images are floats",
    ("MaxPool", "argmax"): "there are no indices of the largest",
    ("MaxPool", "3d"): "images have two sides",
    ("MaxPool", "ceil"): "pixels left over are ignored",
    ("MaxPool", "dilations"): "windows have no gaps",
    ("AveragePool", "3d"): "images have two sides",
    ("AveragePool", "ceil"): "pixels left over are ignored",
    ("AveragePool", "dilations"): "windows have no gaps",
    ("SoftmaxCrossEntropyLoss", "none"): "the loss is the mean",
    ("SoftmaxCrossEntropyLoss", "sum"): "the loss is the mean",
    ("Flatten", "axis2"): "the first axis is the batch's",
    ("Flatten", "axis3"): "the first axis is the batch's",
    ("Flatten", "negative_axis1"): "the first axis is the batch's",
    ("Gemm", "alpha"): "dense has no factors",
    ("Gemm", "beta"): "dense has no factors",
    ("Gemm", "all_attributes"): "dense has no factors",
    ("Gemm", "matrix_bias"): "a bias belongs to a node",
    ("MatMul", "3d"): "dense multiplies two matrices",
    ("MatMul", "4d"): "dense multiplies two matrices",
    ("MatMul", "1d"): "dense multiplies two matrices",
    ("MatMul", "bcast"): "dense multiplies two matrices",
    ("Adam", ""): "ONNX's epsilon is added to the root before it is corrected for the start",
    ("Adagrad", ""): "ONNX's epsilon is outside the root; the course's sum starts at h0",
}


def collected():
    """The cases of one node each, by name: its operator and the case."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = node_cases.collect_testcases(None)
    of_one = (case for case in cases if case.model is not None and len(case.model.graph.node) == 1)
    return {c.name: (c.model.graph.node[0].op_type, c) for c in of_one}


CASES = {n: (op, case) for n, (op, case) in collected().items() if op in OPERATORS}


def reason(name):
    """Why fnn cannot express a case; None if it can."""
    return next((why for (op, word), why in CANNOT.items() if why_not(name, op, word)), None)


def why_not(name, operator, word):
    return CASES[name][0] == operator and word in name.removeprefix("test_")


RUN = [name for name in CASES if reason(name) is None]


@pytest.mark.parametrize("name", RUN)
def test_fnn_agrees_with_onnx(name):
    operator, case = CASES[name]
    node = case.model.graph.node[0]
    given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    for inputs, outputs in case.data_sets:
        found = OPERATORS[operator](given, *inputs)
        assert operator == "LayerNormalization" or len(found) >= len(
            outputs
        )  # its mean is internal
        for ours, theirs in zip(found, outputs, strict=False):
            assert np.shape(ours) == theirs.shape
            scale = np.abs(theirs).max(initial=1)
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6 * scale)


CONVERTED = Path(onnx.__file__).parent / "backend/test/data/pytorch-converted"
KINDS = ["", "_groups", "_groups_thnn", "_no_bias", "_padding", "_strided", "_depthwise"]
KINDS += [f"_depthwise_{more}" for more in ("padded", "strided", "with_multiplier")]


@pytest.mark.parametrize("kind", KINDS)
def test_fnn_agrees_with_convolutions_of_pytorch(kind):
    directory = CONVERTED / f"test_Conv2d{kind}"
    graph = onnx.load(directory / "model.onnx").graph
    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    (node,) = graph.node
    for name, file in ((node.input[0], "input_0.pb"), ("y", "output_0.pb")):
        arrays[name] = onnx.numpy_helper.to_array(
            onnx.load_tensor(directory / "test_data_set_0" / file)
        )
    given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    (y,) = conv(given, *(arrays[name] for name in node.input))
    np.testing.assert_allclose(y, arrays["y"], rtol=1e-5, atol=1e-5)


def test_no_case_is_left_out_in_silence():
    assert len(RUN) >= 84
    assert {op for op, _ in CASES.values()} >= OPERATORS.keys() - {"Swish"}  # as of ONNX 1.19
    unused = {key for key in CANNOT if not any(why_not(name, *key) for name in CASES)}
    unused -= {("MatMul", "1d"), ("MatMul", "bcast")}  # as of ONNX 1.20
    assert not unused, "fnn can express more than the table says, or the names have changed"
