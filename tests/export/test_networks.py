"""Whole networks as ONNX: every model, any network, ensembles, views, and what fnn comes with."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx_answers import BOTH, agree, by_onnxruntime, check_names, drawn, inputs, onnx

import fnn
from fnn.models import Spec
from fnn.recognizer.recognizer import SURE
from fnn.recognizer.tta import VIEWS

SHAPES = dict.fromkeys(fnn.models.MODELS, (20, 22, 3)) | {"mlp": (9, 8, 1), "slim": (28, 28, 1)}
MODELS = {name: make(7) for name, make in fnn.models.MODELS.items()} | {
    "mlp with all": fnn.models.mlp(3, hidden=9, activation="gelu", batch_norm=True, dropout=0.4),
    "resnet18 of photos": fnn.models.resnet18(5, width=8, stem="large"),
    "mobilenet of photos": fnn.models.mobilenet(5, width=8, stem="large", dropout=0.1),
    "resnet deep": fnn.models.resnet(5, width=2, depth=120),
}
DEEP = ("mobilenet", "mobilenet of photos", "resnet deep")


def check(name, n=3, runs=BOTH):
    """Compare a model, computed by others in float32, with fnn in float64."""
    net, shape = MODELS[name], SHAPES.get(name, (32, 32, 3))
    params, state = drawn(net, shape)
    state = fnn.recalibrate(net, params, state, [inputs(shape, 30, 5)[1]])  # of a usual size
    model = fnn.to_onnx(net, params, state, shape)
    check_names(model)
    given, x = inputs(shape, n)
    y = net.apply(params, state, x, False)[0]
    exact = net.apply(wide(params), state, x.astype(np.float64), False)[0]
    # deep networks round more, whoever computes them
    rounded = np.abs(y - exact).max() / np.abs(y).max()
    assert name in DEEP or rounded < 1e-5
    for run in runs:
        agree(BOTH[run](model, given), exact.astype(np.float32), max(1e-5, 2 * rounded))


def wide(params):
    return fnn.tree.map(lambda leaf: leaf.astype(np.float64), params)


@pytest.mark.parametrize("name", MODELS)
def test_a_model(name):
    check(name, runs=["onnxruntime"])


@pytest.mark.parametrize(
    "name", sorted(MODELS.keys() - {"vgg", "air", "conv", "resnet18", "resnet deep"})
)
def test_a_model_in_onnxs_reference(name):
    check(name, 2, ["reference"])


def test_names_are_places_in_the_trees():
    net = fnn.serial(
        fnn.conv(4), fnn.residual(fnn.conv(4), fnn.batch_norm()), fnn.flatten(), fnn.dense(3)
    )
    shape = (4, 5, 3)
    params, state = drawn(net, shape)
    model = fnn.to_onnx(net, params, state, shape)
    kept = {w.name: onnx.numpy_helper.to_array(w) for w in model.graph.initializer}
    trees = list(fnn.tree.items(params)) + list(fnn.tree.items(state))
    for place, leaf in trees:
        named = kept["/".join(map(str, place))]
        turned = leaf.transpose(3, 2, 0, 1) if leaf.ndim == 4 else leaf
        assert np.array_equal(named, turned)
    nodes = [node.name for node in model.graph.node]
    assert [name for name in nodes if "Transpose" not in name] == [
        *("images/Cast", "images/Div", "0/Conv", "1/0/0/Conv", "1/0/1/BatchNormalization"),
        *("1/Add", "2/Reshape", "3/Gemm", "logits", "probabilities"),
    ]


@pytest.mark.parametrize("name", ["slim", "resnet", "mobilenet", "vgg"])
def test_channels_move_once_on_the_way_in_and_once_on_the_way_out_at_most(name):
    net, shape = MODELS[name], (32, 32, 3)
    two = fnn.ensemble(net, net)
    for made, most in ((net, 2), (two, 3)):
        model = fnn.to_onnx(made, made.init(0, shape), made.state(0, shape), shape)
        assert sum(node.op_type == "Transpose" for node in model.graph.node) <= most


SMALL = fnn.serial(
    *(fnn.conv(4, stride=2), fnn.batch_norm(), fnn.relu()),
    *(fnn.concatenate(fnn.max_pool(3, stride=1, pad=1), fnn.identity()), fnn.flatten()),
    fnn.dense(5),
)


@pytest.mark.parametrize("views", VIEWS)
@pytest.mark.parametrize("shape", [(8, 9, 1), (7, 8, 3), (1, 1, 1)])
@pytest.mark.parametrize("networks", [1, 3])
def test_networks_and_views_answer_together(views, shape, networks):
    net = fnn.ensemble(*[SMALL] * networks) if networks > 1 else SMALL
    params, state = drawn(net, shape)
    images = inputs(shape, 60)[0]
    # half of the answers are sure: the likeliest class is ahead by 7 and more
    first, second = np.sort(net.apply(params, state, fnn.to_float(images), False)[0]).T[[-1, -2]]
    spread = fnn.serial(net, fnn.scaled(7 / np.median(first - second)))
    trees = {0: params, 1: {}}, {0: state, 1: {}}
    spec = Spec("", shape, 5, {}, views=views, names=("á", *"bcde"))
    found = fnn.Recognizer(spec, spread, *trees)
    model = fnn.export.recognizer_to_onnx(found)
    check_names(model)
    expected = fnn.recognize(found, images)
    likely = fnn.softmax(spread.apply(*trees, fnn.to_float(images), False)[0]).max(axis=1)
    assert 5 < (likely < SURE).sum() < 55
    for run in BOTH.values():
        agree(run(model, images), expected)
        agree(run(model, images[:1]), expected[:1])
    agree(by_onnxruntime(model, images[:0]), expected[:0])
    meta = {prop.key: prop.value for prop in model.metadata_props}
    assert json.loads(meta["classes"]) == ["á", *"bcde"]
    assert meta["views"] == views


def test_images_without_doubt_are_not_looked_at_again():
    net = fnn.serial(fnn.flatten(), fnn.dense(2), fnn.scaled(1e4))
    shape = (3, 3, 1)
    params, state = drawn(net, shape)
    found = fnn.Recognizer(Spec("", shape, 2, {}, views="shifted"), net, params, state)
    images = inputs(shape, 50)[0]
    likely = fnn.softmax(net.apply(params, state, fnn.to_float(images), False)[0]).max(axis=1)
    images = images[likely >= SURE]
    assert len(images) > 40
    for run in BOTH.values():
        agree(run(fnn.export.recognizer_to_onnx(found), images), fnn.recognize(found, images))


def test_the_recognizer_that_comes_with_fnn():
    found = fnn.pretrained()
    try:
        images = fnn.load_mnist().test.images[:1000]
    except fnn.InputError:  # not at hand, and no network
        images = fnn.open_data("digits", "test").data.images[:1000]
    model = fnn.export.recognizer_to_onnx(found)
    check_names(model)
    logits, probabilities = by_onnxruntime(model, images)
    expected = fnn.recognize(found, images)
    agree((logits, probabilities), expected)
    assert np.array_equal(logits.argmax(axis=1), expected.argmax(axis=1))
    meta = {prop.key: prop.value for prop in model.metadata_props}
    assert json.loads(meta["classes"]) == list("0123456789")
    assert (model.producer_name, model.producer_version) == ("fnn", fnn.__version__)
    assert "uint8 (N, 28, 28)" in model.doc_string
    assert (model.ir_version, model.opset_import[0].version) == (9, 20)


NUMBER = st.integers(1, 3)
PAIR = st.tuples(NUMBER, NUMBER)
PADS = st.tuples(*[st.tuples(*[st.integers(0, 2)] * 2)] * 2)
INSIDE = st.booleans()
PLAIN = [
    *(fnn.relu(), fnn.gelu(), fnn.silu(), fnn.sigmoid(), fnn.scaled(1.5), fnn.dropout(0.2)),
    *(fnn.batch_norm(), fnn.layer_norm(), fnn.group_norm(1), fnn.identity(), fnn.whiten(1)),
]
LEAVES = st.one_of(
    st.builds(fnn.conv, NUMBER, size=PAIR, stride=PAIR, pad=PADS, bias=st.booleans()),
    st.builds(fnn.depthwise_conv, PAIR, multiplier=NUMBER, stride=PAIR, pad=PADS),
    st.builds(fnn.max_pool, st.just((3, 3)), stride=PAIR, pad=PADS),
    st.builds(fnn.avg_pool, st.just((3, 3)), stride=PAIR, pad=PADS, count_pad=INSIDE),
    st.sampled_from(PLAIN),
)
SAME = st.one_of(st.builds(fnn.conv, st.just(2)), st.sampled_from(PLAIN[:10]))
BODIES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda layers: fnn.serial(*layers)),
        st.lists(SAME, max_size=3).map(lambda layers: fnn.residual(*layers)),
        st.lists(SAME, min_size=1, max_size=3).map(lambda layers: fnn.concatenate(*layers)),
    ),
    max_leaves=8,
)


@settings(max_examples=60, derandomize=True, suppress_health_check=list(HealthCheck))
@given(BODIES, st.sampled_from([(8, 7, 2), (6, 6, 1)]), st.booleans())
def test_any_network(body, shape, flat):
    end = [fnn.flatten()] if flat else [fnn.global_avg_pool()]
    net = fnn.serial(body, *end, fnn.dense(4))
    try:
        net.shape(shape)
    except ValueError:  # the layers do not fit together
        return
    params, state = drawn(net, shape)
    model = fnn.to_onnx(net, params, state, shape)
    check_names(model)
    images, x = inputs(shape, 2)
    for run in BOTH.values():
        agree(run(model, images), net.apply(params, state, x, False)[0])
