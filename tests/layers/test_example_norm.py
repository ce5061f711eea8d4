import numpy as np
import pytest

import fnn
from fnn.kernels import rows

SHAPES = [(6,), (1, 1, 6), (5, 4, 6), (3, 6), (2, 2, 2, 6)]
LAYERS = {"layer": fnn.layer_norm(eps=0.01), **{g: fnn.group_norm(g, eps=0.01) for g in (1, 2, 6)}}


def formula(x, params, groups):
    """Mean and variance as NumPy computes them; groups of None are the channels of each pixel."""
    if groups == "layer":
        mean, var = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
        return params["gamma"] * (x - mean) / np.sqrt(var + 0.01) + params["beta"]
    parts = x.reshape(*x.shape[:-1], groups, -1)
    axes = (*range(1, x.ndim - 1), x.ndim)
    mean, var = parts.mean(axis=axes, keepdims=True), parts.var(axis=axes, keepdims=True)
    xhat = ((parts - mean) / np.sqrt(var + 0.01)).reshape(x.shape)
    return params["gamma"] * xhat + params["beta"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("groups", LAYERS)
@pytest.mark.parametrize(("dtype", "digits"), [(np.float32, 1e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("block", [7, rows.BLOCK])
def test_it_is_the_formula(shape, groups, dtype, digits, block, monkeypatch):
    monkeypatch.setattr(rows, "BLOCK", block)
    layer, draw = LAYERS[groups], fnn.keys.generator(0)
    params = fnn.tree.map(
        lambda p: draw.standard_normal(p.shape).astype(dtype), layer.init(0, shape)
    )
    x = (3 + draw.standard_normal((4, *shape))).astype(dtype)
    y, cache = layer.apply(params, {}, x, True)
    expected = formula(x.astype(float), params, groups)
    assert y.dtype == dtype
    assert cache.state == {}
    assert np.abs(y - expected).max() <= digits * np.abs(expected).max()


def test_one_group_of_a_single_pixel_is_the_layer_norm():
    x = fnn.keys.generator(0).standard_normal((5, 8)).astype(np.float32)
    params = fnn.layer_norm().init(0, (8,))
    results = [
        layer.apply(params, {}, x, True)[0] for layer in (fnn.layer_norm(), fnn.group_norm(1))
    ]
    np.testing.assert_allclose(*results, atol=1e-6)


def test_an_example_is_normalized_by_itself():
    x = fnn.keys.generator(0).standard_normal((5, 4, 3, 8)).astype(np.float32)
    for layer in (fnn.layer_norm(), fnn.group_norm(4)):
        params = layer.init(0, x.shape[1:])
        together, _ = layer.apply(params, {}, x, True)
        alone, _ = layer.apply(params, {}, x[2:3], False)
        np.testing.assert_allclose(together[2:3], alone, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fnn.layer_norm(eps=0), "eps: expected a number above 0, found 0"),
        (lambda: fnn.group_norm(0), "groups: expected at least 1"),
        (lambda: fnn.group_norm().shape((4, 4, 48)), "48 channels cannot be cut into 32 groups"),
        (lambda: fnn.layer_norm().init(0, ()), "an example with channels"),
        (lambda: fnn.group_norm(1).init(0, ()), "an example with channels"),
    ],
)
def test_bad_arguments_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
