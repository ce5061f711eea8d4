import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fnn
from fnn.kernels import rows

sides = st.tuples(st.integers(1, 3), st.integers(0, 2), st.integers(1, 3), st.integers(0, 2))


@given(st.integers(1, 4), sides, st.integers(1, 3), st.sampled_from([1, 20, rows.BLOCK]))
def test_max_pooling_is_the_course_with_its_rule_for_ties(size, side, n, numbers):
    h, w = side[0] * size + min(side[1], size - 1), side[2] * size + min(side[3], size - 1)
    draw = fnn.keys.generator(0)
    x = draw.integers(0, 3, (n, h, w, 2)).astype(np.float64)  # few values, so that many tie
    layer = fnn.max_pool(size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "BLOCK", numbers)
        y, cache = layer.apply({}, {}, x, True)
        dy = draw.standard_normal(y.shape)
        dx, _ = layer.vjp({}, cache, dy)
    expected, gradient = np.zeros(y.shape), np.zeros(x.shape)
    for i in range(h // size):
        for j in range(w // size):
            block = np.s_[:, i * size : (i + 1) * size, j * size : (j + 1) * size]
            expected[:, i, j] = x[block].max(axis=(1, 2))  # (63)
            equal = x[block] == expected[:, i, j][:, None, None]
            gradient[block] = equal * dy[:, i, j][:, None, None]  # (64)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(dx, gradient)


def test_every_tied_maximum_gets_the_gradient():
    layer = fnn.max_pool(2)
    _, cache = layer.apply({}, {}, np.zeros((1, 2, 2, 1)), True)
    dx, _ = layer.vjp({}, cache, np.full((1, 1, 1, 1), 5.0))
    np.testing.assert_array_equal(dx[0, :, :, 0], [[5, 5], [5, 5]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dy", [2.0, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("layer", [fnn.max_pool(2), fnn.global_max_pool()])
@pytest.mark.parametrize(
    ("block", "gets"),
    [
        ([1, 2, -np.inf, 0], [0, 1, 0, 0]),
        ([np.nan, 2, np.inf, 0], [np.nan, 0, 0, 0]),
        ([np.nan, 2, np.nan, 0], [np.nan, 0, np.nan, 0]),
        ([np.inf, 2, np.inf, 0], [1, 0, 1, 0]),
    ],
)
def test_only_the_largest_gets_the_gradient_be_it_nan_or_infinite(layer, block, gets, dy, dtype):
    x = np.array(block, dtype).reshape(1, 2, 2, 1)
    x = np.concatenate([x, np.zeros_like(x)])
    y, cache = layer.apply({}, {}, x, True)
    np.testing.assert_array_equal(y.ravel(), [np.array(block).max(), 0])
    dx, _ = layer.vjp({}, cache, np.full_like(y, dy))
    np.testing.assert_array_equal(dx[0].ravel(), [dy if got == 1 else got for got in gets])
    np.testing.assert_array_equal(dx[1], dy)


def test_means():
    x = np.arange(18.0).reshape(1, 3, 3, 2)
    np.testing.assert_array_equal(fnn.avg_pool(2).apply({}, {}, x, True)[0], [[[[4, 5]]]])
    np.testing.assert_array_equal(fnn.global_avg_pool().apply({}, {}, x, True)[0], [[8, 9]])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fnn.max_pool(0), "size: expected at least 1"),
        (lambda: fnn.avg_pool(3).shape((2, 5, 1)), "smaller than a block"),
        (lambda: fnn.max_pool(2).shape((784,)), "give it images"),
        (lambda: fnn.global_avg_pool().shape((784,)), "give it images"),
        (lambda: fnn.global_max_pool().shape((784,)), "give it images"),
        (
            lambda: fnn.max_pool(2).apply({}, {}, np.ones((5, 4)), True),
            r"found \(4,\): give it images",
        ),
        (
            lambda: fnn.max_pool(2).apply({}, {}, np.ones((5, 1, 4, 1)), True),
            "smaller than a block",
        ),
    ],
)
def test_bad_arguments_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
