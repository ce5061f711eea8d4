"""A network as a plain value: described, kept in a file, built again with the same bits."""

import json

import numpy as np
import pytest
from own_layer import tanh

import fnn
from fnn.models.description import CONSTRUCTORS, with_outputs

SHAPE = (32, 32, 3)
X = fnn.keys.generator(0).random((2, *SHAPE), np.float32)


odd = fnn.serial(
    fnn.whiten(),
    fnn.residual(fnn.conv(24, size=5, bias=False), fnn.batch_norm(rate=np.float32(0.5))),
    fnn.parallel(fnn.conv(np.int64(4), stride=2), fnn.serial(fnn.max_pool(), fnn.conv(4))),
    fnn.flatten(),
    fnn.dropout(0.3, inverted=True),
    fnn.ensemble(fnn.dense(7, init=fnn.initializers.he), fnn.serial(fnn.dense(7))),
    fnn.scaled(0.1),
)
NETS = {name: make(7) for name, make in fnn.models.MODELS.items()} | {
    "odd": odd,
    "decayed": fnn.weight_decay(odd, 0.1),
    "empty": fnn.serial(),
}


@pytest.mark.parametrize("name", NETS)
def test_a_network_is_built_again_with_the_same_bits(name, tmp_path):
    net = NETS[name]
    form = fnn.describe(net)
    fnn.save(tmp_path / "form.npz", form)
    for kept in (fnn.load(tmp_path / "form.npz"), json.loads(json.dumps(form))):
        again = fnn.rebuild(kept)
        assert fnn.describe(again) == form
        assert repr(again) == repr(net)
        assert again.shape(SHAPE) == net.shape(SHAPE)
        trees = ((one.init((1, 2), SHAPE), one.state((1, 2), SHAPE)) for one in (net, again))
        (params, state), others = trees
        for a, b in zip(
            map(fnn.tree.leaves, (params, state)), map(fnn.tree.leaves, others), strict=True
        ):
            assert all(map(np.array_equal, a, b))
        ys = (one.apply(params, state, X, False)[0] for one in (net, again))
        assert np.array_equal(*ys)


@pytest.mark.parametrize("name", NETS)
def test_the_repr_is_what_one_would_write(name):
    names = {key: getattr(fnn, key) for key in fnn.__all__} | vars(fnn.initializers)
    assert fnn.describe(eval(repr(NETS[name]), names)) == fnn.describe(NETS[name])


def test_every_constructor_can_be_described():
    made = {key for key in fnn.__all__ if hasattr(getattr(fnn, key), "__wrapped__")}
    assert made == set(CONSTRUCTORS)


def test_the_place_of_a_layer_of_ones_own_is_told():
    net = fnn.serial(fnn.flatten(), fnn.residual(fnn.dense(2), tanh()))
    with pytest.raises(ValueError, match="at 1/1: tanh is a layer of your own"):
        fnn.describe(net)
    assert "Layer(name='tanh')" in repr(net)


def test_a_constructor_of_ones_own_is_not_taken_for_fnns():
    @fnn.constructor
    def relu():
        return tanh()

    assert repr(relu()) == "relu()"
    with pytest.raises(ValueError, match="is a layer of your own"):
        fnn.describe(relu())


DENSE = {"by": "dense", "options": {"n": 3, "init": "he"}, "parts": {}}


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (None, "description of a layer, found None"),
        ({"by": "dense"}, "description of a layer"),
        ({**DENSE, "by": "eval"}, "no layer 'eval'"),
        ({**DENSE, "by": ["dense"]}, "no layer"),
        ({**DENSE, "options": []}, "no trees"),
        ({**DENSE, "options": {"n": -3}}, "at least 1"),
        ({**DENSE, "options": {"m": 3}}, "no option 'm'"),
        ({**DENSE, "options": {"n": 3, "init": "mine"}}, "no initializer 'mine'"),
        ({"by": "serial", "options": {}, "parts": {0: 5}}, "found 5"),
    ],
)
def test_a_damaged_description_is_refused(form, words):
    with pytest.raises((ValueError, TypeError), match=words):
        fnn.rebuild(form)


def test_a_description_that_is_too_deep_is_refused():
    form = DENSE
    for _ in range(101):
        form = {"by": "serial", "options": {}, "parts": {0: form}}
    with pytest.raises(ValueError, match="too deep"):
        fnn.rebuild(form)


def test_another_number_of_outputs_changes_the_last_dense_layer_alone():
    form = with_outputs(fnn.describe(NETS["mlp"]), 3)
    assert fnn.rebuild(form).shape(SHAPE) == (3,)
    assert repr(fnn.rebuild(form)) == repr(NETS["mlp"]).replace("dense(7)", "dense(3)")
    with pytest.raises(ValueError, match="no dense layer"):
        with_outputs(fnn.describe(fnn.serial(fnn.conv(3), fnn.global_avg_pool())), 3)


def save(path, net, shape=SHAPE, **more):
    params, state = net.init(0, shape), net.state(0, shape)
    fnn.save_recognizer(path, net, params, state, shape, **more)
    return params, state


@pytest.mark.parametrize("name", sorted(NETS.keys() - {"empty", "decayed"}))
def test_any_network_goes_through_a_file(name, tmp_path):
    names = tuple("abcdefg")
    params, state = save(tmp_path / "p.npz", NETS[name], classes=names)
    found = fnn.load_recognizer(tmp_path / "p.npz")
    assert (found.spec.classes, found.spec.names, found.spec.shape) == (7, names, SHAPE)
    ours = NETS[name].apply(params, state, X, False)[0]
    assert np.array_equal(ours, found.net.apply(found.params, found.state, X, False)[0])


def test_layers_of_ones_own_need_the_function_that_makes_them(tmp_path):
    net = fnn.serial(fnn.flatten(), tanh(), fnn.dense(2))
    path = tmp_path / "p.npz"
    with pytest.raises(ValueError, match=r"at 1: tanh is a layer of your own; .*FILE\.py:NAME"):
        save(path, net)
    save(path, net, model="mine.py:net")
    with pytest.raises(fnn.InputError, match=r"add --model mine\.py:net"):
        fnn.load_recognizer(path)
    assert fnn.load_recognizer(path, net).net is net
    with pytest.raises(fnn.InputError, match="trees differ"):
        fnn.load_recognizer(path, fnn.serial(fnn.flatten(), fnn.dense(2)))


def test_a_layer_that_was_changed_after_it_was_made_is_found_out(tmp_path):
    dense = fnn.dense(2)
    twice = dense._replace(
        apply=lambda params, state, x, train: (
            2 * dense.apply(params, state, x, train)[0],
            fnn.Cache(x, state),
        )
    )
    with pytest.raises(ValueError, match="was changed after it was made"):
        save(tmp_path / "p.npz", fnn.serial(fnn.flatten(), twice))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("shape", "more", "words"),
    [
        (None, {}, r"expected shape=\(H, W, C\), found None"),
        ((32, 0, 3), {}, "found"),
        (SHAPE, {"classes": ("a", "b")}, "2 names of classes"),
    ],
)
def test_what_does_not_fit_is_not_saved(tmp_path, shape, more, words):
    net = NETS["mlp"]
    params, state = net.init(0, SHAPE), net.state(0, SHAPE)
    with pytest.raises(ValueError, match=words):
        fnn.save_recognizer(tmp_path / "p.npz", net, params, state, shape, **more)
    with pytest.raises(ValueError, match="differ at"):
        fnn.save_recognizer(tmp_path / "p.npz", net, {}, state, SHAPE)
    assert not list(tmp_path.iterdir())


def test_a_misspelt_option_or_name_gets_a_hint():
    with pytest.raises(TypeError, match=r"conv: there is no option 'strid'; did you mean stride"):
        fnn.conv(3, strid=2)
    with pytest.raises(AttributeError, match="no 'bach_norm'; did you mean batch_norm"):
        fnn.bach_norm  # noqa: B018
