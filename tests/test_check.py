"""The checks themselves: correct layers pass, and each kind of mistake is found."""

import numpy as np
import pytest

import fnn
from fnn import Cache, Layer


def squares(forward=lambda x: x * x, backward=lambda x, dy: 2 * x * dy, **other):
    """The layer y = x**2, or one with a mistake in it."""
    return Layer(
        lambda rng, shape: {},
        lambda params, state, x, train: (forward(x), Cache(x, state)),
        lambda params, cache, dy: (backward(cache.saved, dy), {}),
        **other,
    )


def scaled(grads=lambda x, dy: (x * dy).sum(axis=0)):
    """The layer y = gamma * x, gamma starting at 0."""
    return Layer(
        lambda rng, shape: {"gamma": np.zeros(shape, np.float32)},
        lambda params, state, x, train: (params["gamma"] * x, Cache(x, state)),
        lambda params, cache, dy: (params["gamma"] * dy, {"gamma": grads(cache.saved, dy)}),
    )


@pytest.mark.parametrize("layer", [squares(), scaled(), fnn.serial(squares(), scaled())])
def test_a_correct_custom_layer_passes(layer):
    for shape in [(3,), (8, 8, 4)]:
        fnn.check_vjp(layer, shape)
        fnn.check_pure(layer, shape)


def write_into_x(x):
    x *= x
    return x.copy()


def relu_that_overwrites(x, dy):
    dy[x < 0] = 0
    return dy.copy()


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (squares(backward=lambda x, dy: 2.001 * x * dy), r"vjp says .*, central differences say"),
        (squares(backward=lambda x, dy: 2 * x * dy[::-1]), "is wrong in training mode"),
        (squares(backward=lambda x, dy: 2 * x[:1] * dy[:1]), r"dx has shape \(1, 3\)"),
        (squares(backward=lambda x, dy: (2 * x * dy).astype(np.float32)), "type float32"),
        (squares(shape=lambda s: (7,)), r"layer.shape says \(3, 7\)"),
        (scaled(lambda x, dy: (x * dy).mean(axis=0)), "gradient along"),
        (scaled(lambda x, dy: x * dy), r"a gradient has shape \(3, 3\)"),
        (
            scaled()._replace(grads=lambda params, cache, dy: {"gamma": 0 * params["gamma"]}),
            "grads and the gradients of its vjp differ",
        ),
    ],
)
def test_wrong_gradients_are_found(layer, words):
    with pytest.raises(AssertionError, match=words):
        fnn.check_vjp(layer, (3,))


def test_gradients_of_other_parameters_are_refused():
    layer = scaled()._replace(vjp=lambda params, cache, dy: (params["gamma"] * dy, {"beta": dy}))
    with pytest.raises(ValueError, match="trees differ"):
        fnn.check_vjp(layer, (3,))


calls = iter(range(10**6))


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (squares(forward=write_into_x), "apply writes into an argument"),
        (squares(backward=relu_that_overwrites), "vjp writes into an argument"),
        (squares(forward=lambda x: x), "y shares memory with x"),
        (squares(forward=lambda x: x[:, ::-1]), "y shares memory with x"),
        (squares(backward=lambda x, dy: dy), "dx shares memory with dy"),
        (squares(backward=lambda x, dy: x[:]), "dx shares memory with cache"),
        (squares(forward=lambda x: x * np.sqrt(2.0)), "y is float64 for float32 arguments"),
        (squares(forward=lambda x: x * next(calls)), "apply called twice .* different results"),
        (
            squares(forward=lambda x: x * np.float32(np.random.random() * 0 + 1)),  # noqa: NPY002
            "global random state",
        ),
    ],
)
def test_impure_layers_are_found(layer, words):
    with pytest.raises(AssertionError, match=words):
        fnn.check_pure(layer, (3,))


@pytest.mark.parametrize("change", ["state", "params"])
def test_writing_into_dicts_is_found_too(change):
    def apply(params, state, x, train):
        {"state": state, "params": params}[change]["count"] = next(calls)
        return x * 2, Cache((), state)

    layer = squares()._replace(apply=apply, vjp=lambda params, cache, dy: (2 * dy, {}))
    with pytest.raises(AssertionError, match=r"changes its arguments|different results"):
        fnn.check_pure(layer, (3,))


def test_kinks_are_avoided():
    for seed in range(20):
        fnn.check_vjp(fnn.relu(), (40,), rng=seed)
