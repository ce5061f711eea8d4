"""The checks themselves: right layers pass, and each kind of mistake is found."""

import os
import re
import warnings

import numpy as np
import pytest
from check.right import RIGHT
from check.wrong import WRONG, gained, squares, when

import fnn

SMALLER = {
    "mlp": {"hidden": 5},
    "resnet": {"width": 2, "depth": 1},
    # Kinks of 35 relus lie closer together than central differences can see.
    "mobilenet": {"width": 2, "activation": "gelu"},
    **{name: {"width": 2} for name in ("vgg", "slim", "quick", "air", "resnet18")},
}


def complaints(make, shape):
    """What check_vjp and check_pure say about a new layer, called as README calls them."""
    found = []
    for check in (fnn.check_vjp, fnn.check_pure):
        try:
            check(make(), shape=shape)
        except AssertionError as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize(("make", "shape", "words"), WRONG.values(), ids=WRONG)
def test_each_mistake_is_found_and_named(make, shape, words):
    found = complaints(make, shape)
    assert any(re.search(words, complaint) for complaint in found), found
    assert all(re.search(r"in (training|test) mode, for \d examples? of", text) for text in found)


@pytest.mark.parametrize("rng", range(3))
@pytest.mark.parametrize(("layer", "shape"), RIGHT.values(), ids=RIGHT)
def test_right_layers_pass(layer, shape, rng):
    fnn.check_vjp(layer, shape, rng=rng)
    fnn.check_pure(layer, shape, rng=rng)


@pytest.mark.parametrize("model", fnn.models.MODELS)
def test_models_pass(model):
    net, shape = fnn.models.MODELS[model](3, **SMALLER.get(model, {})), (20, 20, 1)
    fnn.check_vjp(net, shape)
    fnn.check_pure(net, shape)


def test_a_given_mode_and_size_are_the_only_ones():
    seen = set()

    def note(x, dy, train):
        seen.add((train, len(x)))

    fnn.check_vjp(when(note), (3,), train=False, batch_size=6)
    fnn.check_pure(when(note), (3,), train=False, batch_size=6)
    assert seen == {(False, 6)}
    in_test_mode = when(lambda x, dy, train: not train)
    fnn.check_vjp(in_test_mode, (3,), train=True)
    with pytest.raises(AssertionError, match="in test mode"):
        fnn.check_vjp(in_test_mode, (3,), train=False)


def test_a_refusal_of_a_given_size_is_not_hidden():
    for check in (fnn.check_vjp, fnn.check_pure):
        check(fnn.batch_norm(), (3,))
        with pytest.raises(ValueError, match="no variance"):
            check(fnn.batch_norm(), (3,), batch_size=1)


def test_a_layer_for_other_shapes_says_so_itself():
    for check in (fnn.check_vjp, fnn.check_pure):
        with pytest.raises(ValueError, match=r"dense\(3\): expected an example of shape"):
            check(fnn.dense(3), (4, 5))


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (fnn.relu, (5,), r"found the function relu: call it, relu\(\)"),
        (lambda: fnn.relu(), (5,), "expected a layer"),
        (fnn.relu().apply, (5,), "expected a layer"),
        (None, (5,), "found NoneType"),
        (fnn.relu(), 5, r"expected one example's shape such as \(5,\), found 5"),
        (fnn.relu(), [5], "found .5."),
        (fnn.relu(), (5.0,), "found .5.0,."),
    ],
)
def test_other_arguments_are_refused(layer, shape, words):
    for check in (fnn.check_vjp, fnn.check_pure):
        with pytest.raises(TypeError, match=rf"^{check.__name__}: .*{words}"):
            check(layer, shape)


def test_the_simplest_failing_case_is_named():
    def words(condition):
        with pytest.raises(AssertionError) as error:
            fnn.check_vjp(when(condition), (5,))
        return str(error.value)

    assert "in training mode, for 1 example of shape (5,), float64:" in words(
        lambda x, dy, train: len(x) == 1
    )
    assert "for 3 examples of shape (5,), float32:" in words(
        lambda x, dy, train: x.dtype == np.float32
    )
    assert "for 3 examples of shape (10,), float64:" in words(lambda x, dy, train: x.shape[1] == 10)


def test_kinks_are_avoided():
    for seed in range(20):
        fnn.check_vjp(fnn.relu(), (40,), rng=seed)


@pytest.mark.parametrize(
    "name", ["os.environ", "os.chdir", "filters of warnings", "np.random.seed"]
)
def test_what_a_wrong_layer_changes_is_put_back(name):
    def process():
        state = np.random.get_state()[1].tobytes()  # noqa: NPY002
        return dict(os.environ), os.getcwd(), list(warnings.filters), state

    before = process()
    complaints(*WRONG[name][:2])
    assert process() == before


def test_errors_of_a_layer_are_kept_as_the_cause():
    layer = squares(backward=lambda x, dy, train: x @ dy)
    with pytest.raises(AssertionError, match="vjp raises ValueError") as error:
        fnn.check_vjp(layer, (5,))
    assert isinstance(error.value.__cause__.__cause__, ValueError)
    with pytest.raises(AssertionError, match=r"no tree like params .*trees differ"):
        fnn.check_vjp(gained(vjp=lambda params, cache, dy: (dy, {"beta": dy})), (3,))
