import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fnn

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
