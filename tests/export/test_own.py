"""Layers of one's own in ONNX, and what cannot be written in it."""

import sys

import numpy as np
import pytest
from onnx_answers import BOTH, agree, check_names, drawn, inputs

import fnn
from fnn.export import Entry, Weight, check_onnx, node

SHAPE = (4, 5, 3)


def plain(name, f, init=lambda rng, shape: {}):
    return fnn.Layer(init, lambda p, s, x, train: (f(p, x), fnn.Cache(x, s)), None, name=name)


def sized(name="sized"):
    """A layer with a parameter for each channel."""
    init = lambda rng, shape: {"size": np.ones(shape[-1], np.float32)}  # noqa: E731
    return plain(name, lambda p, x: np.tanh(x) * p["size"], init)


def of_sized(given):
    return node("Mul", node("Tanh", given.x), Weight("size", given.params["size"]))


@fnn.constructor
def power(n, *, plus=0.5):
    return plain("power", lambda p, x: abs(x) ** n + np.float32(plus))


def of_power(given):
    n, plus = (np.float32(given.layer.made.options[k]) for k in ("n", "plus"))
    return node("Add", node("Pow", node("Abs", given.x), Weight("n", n)), Weight("plus", plus))


def centered():
    """A layer whose graph uses a node twice."""

    def f(params, x):
        d = x - x.mean(axis=-1, keepdims=True)
        return d / np.sqrt((d * d).mean(axis=-1, keepdims=True) + np.float32(0.1))

    return plain("centered", f)


def of_centered(given):
    last = Weight("last", np.array([-1]))
    d = node("Sub", given.x, node("ReduceMean", given.x, last, keepdims=1))
    var = node("ReduceMean", node("Mul", d, d), last, keepdims=1)
    return node("Div", d, node("Sqrt", node("Add", var, Weight("eps", np.float32(0.1)))))


@fnn.constructor
def block(filters):
    return fnn.residual(fnn.conv(filters), fnn.relu(), fnn.conv(filters))


def of_block(given):
    return block.__wrapped__(**given.layer.made.options)  # as it is before it is one's own


ENTRIES = {
    "sized": of_sized,
    "power": of_power,
    "centered": of_centered,
    "block": of_block,
    "negated": Entry(lambda given: node("Neg", given.x), "any"),
    "rows": Entry(lambda given: node("ReduceSum", given.x, Weight("h", np.array([2]))), "first"),
    "nothing": Entry(lambda given: given.x, "any"),
}
OWN = {
    "parameters": sized(),
    "options": power(2, plus=1.5),
    "a node used twice": centered(),
    "a composition": block(3),
    "single numbers": plain("negated", lambda p, x: -x),
    "channels first": plain("rows", lambda p, x: x.sum(axis=1, keepdims=True))._replace(
        shape=lambda s: (1, *s[1:])
    ),
    "nothing": plain("nothing", lambda p, x: x.copy()),
}


@pytest.mark.parametrize("name", OWN)
def test_an_entry_of_ones_own(name):
    own = OWN[name]
    for net, shape in (
        (own, SHAPE),
        (fnn.serial(fnn.conv(3), own, fnn.relu(), fnn.flatten(), fnn.dense(2)), SHAPE),
        (fnn.parallel(fnn.concatenate(own, own), fnn.concatenate(own, own)), SHAPE),
    ):
        params, state = drawn(net, shape)
        model = fnn.to_onnx(net, params, state, shape, entries=ENTRIES)
        check_names(model)
        images, x = inputs(shape, 3)
        for run in BOTH.values():
            agree(run(model, images), net.apply(params, state, x, False)[0])


def test_a_constructor_of_ones_own_is_found_by_its_module_too():
    net = fnn.serial(fnn.flatten(), power(2))
    name = net.parts[1].made.by
    assert name.endswith(".power")
    for entries in ({name: of_power}, {"power": of_power}):
        assert fnn.to_onnx(net, *drawn(net, SHAPE), SHAPE, entries=entries)


def test_fnns_own_layers_keep_their_entries():
    net = fnn.serial(fnn.flatten(), fnn.relu())
    entries = {"relu": lambda given: node("Neg", given.x)}
    model = fnn.to_onnx(net, *drawn(net, SHAPE), SHAPE, entries=entries)
    assert [one.op_type for one in model.graph.node if one.name[0] in "01"] == ["Reshape", "Relu"]


def gone_wrong(entry):
    def message():
        net = fnn.serial(fnn.flatten(), fnn.residual(sized()))
        with pytest.raises(fnn.InputError) as error:
            fnn.to_onnx(net, *drawn(net, SHAPE), SHAPE, entries=entry)
        return str(error.value)

    return message()


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({}, ["at 1/0/0: sized is a layer of your own", "entries={'sized': ...}"]),
        ({"size": of_sized}, ["at 1/0/0", "did you mean size"]),
        ({"sized": lambda given: None}, ["at 1/0/0", "found None"]),
        ({"sized": lambda given: given.layer}, ["at 1/0/0", "the layer itself"]),
        ({"sized": lambda given: node("Tanhh", given.x)}, ["onnx.checker", "1/0/0/Tanhh"]),
        ({"sized": lambda given: node("Tanh", "absent")}, ["onnx.checker", "absent"]),
        (
            {"sized": lambda given: node("ReduceSum", given.x, keepdims=0)},
            ["at 1/0/0: sized: onnx.checker"],
        ),
        ({"sized": lambda given: node("Tanh", given.x)}, ["at 1/0/0", "something else"]),
        ({"sized": lambda given: node("Mul", given.x, 3)}, ["at 1/0/0", "found 3"]),
        ({"sized": lambda given: node("Tanh", given.x, axis=object())}, ["1/0/0/Tanh"]),
        ({"sized": 7}, ["sized", "7"]),
        ({"sized": Entry(7)}, ["sized", "a function, found 7"]),
        ({"sized": Entry(of_sized, "middle")}, ["sized", "the order", "'middle'"]),
        ({"sized": lambda given: node("Mul", given.x, Weight("w", [1]))}, ["at 1/0/0", "'w'"]),
        ({3: of_sized}, ["names of layers", "found 3"]),
        (["sized"], ["entries"]),
    ],
)
def test_what_is_wrong_in_an_entry_is_told_with_its_place(entries, words):
    message = gone_wrong(entries)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("shape", [(4, 5, 3), (3, 3, 3)])
def test_an_entry_for_any_order_must_do_with_channels_first(shape):
    params, state = drawn(sized(), shape)
    right = fnn.to_onnx(sized(), params, state, shape, entries={"sized": of_sized})
    assert "Transpose" not in {one.op_type for one in right.graph.node}
    with pytest.raises(fnn.InputError, match="sized: "):
        fnn.to_onnx(sized(), params, state, shape, entries={"sized": Entry(of_sized, "any")})


def test_a_layer_without_a_name_asks_for_one():
    net = fnn.serial(fnn.flatten(), sized(""))
    with pytest.raises(fnn.InputError, match=r"at 1: a layer of your own has no name: give it"):
        fnn.to_onnx(net, *drawn(net, SHAPE), SHAPE, entries={"": of_sized})
    alone = sized()
    with pytest.raises(fnn.InputError, match=r"^sized is a layer of your own"):
        fnn.to_onnx(alone, *drawn(alone, SHAPE), SHAPE)


def test_a_layer_that_was_changed_after_it_was_made_is_found_out():
    dense = fnn.dense(2)
    twice = dense._replace(
        apply=lambda params, state, x, train: (
            2 * dense.apply(params, state, x, train)[0],
            fnn.Cache(x, state),
        )
    )
    for net in (twice, fnn.ensemble(twice, fnn.dense(2)), fnn.freeze(fnn.serial(twice), 0)):
        with pytest.raises(ValueError, match="was changed after it was made"):
            fnn.to_onnx(net, *drawn(net, (3,)), (3,))


def test_parameters_of_another_network_are_refused():
    net = fnn.serial(fnn.flatten(), fnn.dense(2))
    params, state = drawn(net, SHAPE)
    with pytest.raises(ValueError, match=r"at 1: dense\(2\): expected W of shape \(16, 2\)"):
        fnn.to_onnx(net, params, state, (4, 4, 1))
    with pytest.raises(ValueError, match="of another network"):
        fnn.to_onnx(net, params[1], state, SHAPE)
    with pytest.raises(TypeError, match="float64"):
        fnn.to_onnx(net, fnn.tree.map(np.float64, params), state, SHAPE)
    with pytest.raises(ValueError, match="expected 2 names of classes, found 3"):
        fnn.to_onnx(net, params, state, SHAPE, classes="abc")
    with pytest.raises(TypeError, match="to_onnx: expected a layer"):
        fnn.to_onnx(fnn.relu, {}, {}, SHAPE)


def test_one_number_is_no_vector_of_logits():
    net = plain("sum", lambda p, x: x.sum(axis=1))._replace(shape=lambda s: ())
    with pytest.raises(ValueError, match="expected a vector of logits, found one number"):
        fnn.to_onnx(net, {}, {}, (3,), entries={"sum": of_sized})


@pytest.mark.parametrize(
    "shape", [None, (), 28, (28, "x", 1), (0, 28, 1), [28, 28, 1], (28, 28.0, 1)]
)
def test_a_shape_that_is_none_is_refused(shape):
    with pytest.raises(ValueError, match="to_onnx: expected the shape of one example"):
        fnn.to_onnx(fnn.flatten(), {}, {}, shape)


def test_a_model_above_2_gb_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setattr("fnn.export.proto.LARGEST", 100)
    net = fnn.dense(10)
    with pytest.raises(fnn.InputError, match="an ONNX file has at most 2 GB"):
        fnn.to_onnx(net, *drawn(net, (10,)), (10,))


def test_without_onnx_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    for use in (check_onnx, lambda: fnn.to_onnx(fnn.relu(), {}, {}, (3,))):
        with pytest.raises(fnn.InputError, match="pip install onnx"):
            use()


def test_names_of_classes_that_are_numbers_are_written_as_names():
    net = fnn.dense(3)
    model = fnn.to_onnx(net, *drawn(net, (4,)), (4,), classes=np.arange(3))
    assert {one.key: one.value for one in model.metadata_props}["classes"] == '["0", "1", "2"]'
