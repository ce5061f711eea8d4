import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fnn


@given(
    st.floats(0, 0.99),
    hnp.array_shapes(min_dims=1, max_dims=3, max_side=6),
    st.integers(1, 5),
    st.booleans(),
)
def test_an_exact_number_of_each_examples_nodes_is_zero(rho, shape, n, inverted):
    layer = fnn.dropout(rho, inverted=inverted)
    state = layer.state(3, shape)
    x = np.full((n, *shape), 7.0)
    y, cache = layer.apply({}, state, x, True)
    m = x[0].size
    zeros = (y == 0).reshape(n, m).sum(axis=1)
    assert (zeros == round(rho * m)).all()
    kept = 7 / (1 - rho) if inverted else 7
    np.testing.assert_allclose(y[y != 0], kept)
    np.testing.assert_array_equal(layer.vjp({}, cache, x)[0], y)
    assert cache.state == {"key": (3,), "count": 1}


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_ignored_is_0_whatever_it_was(value, dtype):
    layer = fnn.dropout(0.5)
    x = np.full((3, 10), value, dtype)
    y, cache = layer.apply({}, layer.state(0, (10,)), x, True)
    dx, _ = layer.vjp({}, cache, x)
    for found in (y, dx):
        assert (found == 0).sum() == 15
        np.testing.assert_array_equal(found[found != 0], value)
    np.testing.assert_array_equal(y, dx)


def test_testing_scales_and_keeps_the_state():
    x = np.arange(4.0)[None]
    for inverted, factor in ((False, 0.75), (True, 1.0)):
        layer = fnn.dropout(0.25, inverted=inverted)
        state = layer.state(0, (4,))
        y, cache = layer.apply({}, state, x, False)
        np.testing.assert_array_equal(y, factor * x)
        assert cache.state == state


def test_the_choice_is_uniform_and_new_for_each_example_call_and_key():
    layer = fnn.dropout(0.5)
    x = np.ones((2000, 20))
    state = layer.state(0, (20,))
    first, cache = layer.apply({}, state, x, True)
    second, _ = layer.apply({}, cache.state, x, True)
    other, _ = layer.apply({}, layer.state(1, (20,)), x, True)
    again, _ = layer.apply({}, state, x, True)
    assert len(np.unique(first, axis=0)) > 1900
    assert (first == second).mean() == pytest.approx(0.5, abs=0.02)
    assert (first == other).mean() == pytest.approx(0.5, abs=0.02)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(first.mean(axis=0), 0.5, atol=0.06)


@pytest.mark.parametrize("rho", [-0.1, 1, 2])
def test_shares_out_of_range_are_refused(rho):
    with pytest.raises(ValueError, match="expected 0 <= rho < 1"):
        fnn.dropout(rho)
