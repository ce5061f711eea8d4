import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fnn
from fnn.layers import activation

floats = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    hnp.array_shapes(max_dims=4, max_side=4),
    elements=st.floats(-(2.0**14), 2.0**14, width=32),
)


@given(floats)
def test_sigmoid_is_the_formula_in_any_shape_without_warnings(x):
    y, cache = fnn.sigmoid().apply({}, {}, x, True)
    with np.errstate(over="ignore"):
        exact = 1 / (1 + np.exp(-x.astype(np.longdouble)))
    np.testing.assert_allclose(y, exact, rtol=8 * np.finfo(x.dtype).eps, atol=1e-37)
    assert np.isfinite(fnn.sigmoid().vjp({}, cache, x)[0]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_at_the_ends(dtype):
    y, _ = fnn.sigmoid().apply({}, {}, np.array([-1e4, 0, 1e4, -np.inf, np.inf], dtype), True)
    np.testing.assert_allclose(y, [0, 0.5, 1, 0, 1], atol=1e-37)


def test_relu_and_its_gradient_at_zero():
    x = np.array([[-2.0, -0.0, 0.0, 3.0]])
    y, cache = fnn.relu().apply({}, {}, x, True)
    np.testing.assert_array_equal(y, [[0, 0, 0, 3]])
    np.testing.assert_array_equal(fnn.relu().vjp({}, cache, np.ones_like(x))[0], [[0, 0, 0, 1]])


NAN, INF = np.nan, np.inf


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dy", [2.0, -INF, INF, NAN])
def test_relu_passes_nan_on_and_stops_infinity(dtype, dy):
    x = np.array([[-1, 0, NAN, 1, -INF, INF]], dtype)
    y, cache = fnn.relu().apply({}, {}, x, True)
    np.testing.assert_array_equal(y, [[0, 0, NAN, 1, 0, INF]])
    dx, _ = fnn.relu().vjp({}, cache, np.full_like(x, dy))
    np.testing.assert_array_equal(dx, [[0, 0, NAN, dy, 0, dy]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gelu_is_near_its_definition_and_blocks_agree(dtype):
    x = np.linspace(-8, 8, 300_001).astype(dtype)
    y, cache = fnn.gelu().apply({}, {}, x, True)
    normal = np.array([0.5 * (1 + math.erf(t / math.sqrt(2))) for t in x[::500].astype(float)])
    assert abs(y[::500] - x[::500] * normal).max() < 5e-4
    assert y.dtype == dtype
    # One block and many, and any layout, give the same bits.
    order = x[:300_000].reshape(10, 100, 300).transpose(1, 2, 0)
    np.testing.assert_array_equal(
        fnn.gelu().apply({}, {}, order, True)[0],
        y[:300_000].reshape(10, 100, 300).transpose(1, 2, 0),
    )
    dx, _ = fnn.gelu().vjp({}, cache, np.ones_like(x))
    # In testing, the derivative is computed only when it is needed.
    tested, cache = fnn.gelu().apply({}, {}, x, False)
    np.testing.assert_array_equal(tested, y)
    np.testing.assert_array_equal(fnn.gelu().vjp({}, cache, np.ones_like(x))[0], dx)
    slope = np.gradient(y.astype(float), x.astype(float))
    np.testing.assert_allclose(dx[1:-1], slope[1:-1], atol=2e-2 if dtype == np.float32 else 1e-6)


@pytest.mark.parametrize("large", [50, 1e10, 1e18])
def test_gelu_of_large_numbers(large):
    x = np.float32([-large, large])
    with np.errstate(over="ignore"):
        y, cache = fnn.gelu().apply({}, {}, x, True)
    np.testing.assert_array_equal(y, np.float32([0, large]))
    dx, _ = fnn.gelu().vjp({}, cache, np.ones_like(x))
    np.testing.assert_array_equal(dx, np.float32([0, 1]))


@pytest.mark.parametrize(("dtype", "digits"), [(np.float32, 2e-7), (np.float64, 1e-15)])
def test_exact_gelu_is_that_of_the_error_function(dtype, digits):
    x = np.concatenate([np.linspace(-12, 12, 4001), [-0.0, 1e-30, 50, -50]]).astype(dtype)
    expected = np.array([0.5 * t * math.erfc(-t / math.sqrt(2)) for t in x.astype(float)])
    bell = np.exp(-(x.astype(float) ** 2) / 2) / math.sqrt(2 * math.pi)
    slope = np.array([0.5 * math.erfc(-t / math.sqrt(2)) for t in x.astype(float)]) + x * bell
    layer = fnn.gelu(exact=True)
    for train in (True, False):
        y, cache = layer.apply({}, {}, x, train)
        dx, _ = layer.vjp({}, cache, np.ones_like(x))
        assert (np.abs(y - expected) <= digits * np.maximum(1, np.abs(x))).all()
        assert (np.abs(dx - slope) <= 2 * digits).all()
        # the lower tail keeps its digits
        np.testing.assert_allclose(y[x < -1], expected[x < -1], rtol=1e3 * digits, atol=1e-37)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layer", [fnn.silu(), fnn.gelu(exact=True)], ids=["silu", "gelu"])
def test_smooth_activations_reach_0_and_the_line_at_infinity(layer, dtype):
    x = np.array([-np.inf, np.finfo(dtype).min, -1e3, 1e3, np.inf, np.nan], dtype)
    y, cache = layer.apply({}, {}, x, True)
    np.testing.assert_allclose(y, [0, 0, 0, 1e3, np.inf, np.nan], atol=1e-30)
    dx, _ = layer.vjp({}, cache, np.ones_like(x))
    np.testing.assert_allclose(dx, [0, 0, 0, 1, 1, np.nan], atol=1e-30)


def test_silu_is_x_times_its_sigmoid():
    x = fnn.keys.generator(0).normal(0, 5, (3, 4, 5, 2)).astype(np.float32)
    y, _ = fnn.silu().apply({}, {}, x, True)
    np.testing.assert_allclose(y, x / (1 + np.exp(-x.astype(float))), rtol=1e-6, atol=1e-7)


def test_a_misspelt_activation_is_asked_about():
    with pytest.raises(ValueError, match=r"expected one of .*; did you mean silu\?"):
        activation.named("sulu")
