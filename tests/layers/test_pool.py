import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import fnn
from fnn.kernels import depthwise, pool, rows
from fnn.kernels.window import places, square
from fnn.layers.window import window

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


def windows(x, at):
    """Each window on images (N, H, W, C), and where it lies, by loops."""
    h, w = x.shape[1:3]
    (high, wide), (down, right), ((top, _), (left, _)) = at
    for i, j in np.ndindex(*places(at, (h, w))):
        rows = slice(max(0, i * down - top), min(h, i * down - top + high))
        columns = slice(max(0, j * right - left), min(w, j * right - left + wide))
        yield i, j, np.s_[:, rows, columns]


def pairs(low, high):
    return st.integers(low, high) | st.tuples(*[st.integers(low, high)] * 2)


options = st.fixed_dictionaries(
    {"size": pairs(1, 4), "stride": pairs(1, 4), "pad": st.tuples(pairs(0, 2), pairs(0, 2))}
)
images = st.tuples(st.integers(1, 3), st.integers(3, 7), st.integers(3, 8), st.just(2))


@given(options, images, st.sampled_from([1, 20, rows.BLOCK]), st.booleans())
def test_pooling_with_any_stride_and_padding(given, shape, numbers, count_pad):
    at = window("pool", **given)
    assume(all(max(pad) < size for pad, size in zip(at.pad, at.size, strict=True)))
    assume(min(places(at, shape[1:])) >= 1)
    draw = fnn.keys.generator(0)
    x = draw.integers(0, 3, shape).astype(np.float64)  # few values, so that many tie
    made = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "BLOCK", numbers)
        patch.setattr(depthwise, "BLOCK", numbers)
        for layer in (fnn.max_pool(**given), fnn.avg_pool(**given, count_pad=count_pad)):
            y, cache = layer.apply({}, {}, x, True)
            dy = draw.integers(-9, 9, y.shape).astype(np.float64)
            made.append((y, dy, layer.vjp({}, cache, dy)[0]))
    expected = [(np.zeros(y.shape), np.zeros(x.shape)) for y, _, _ in made]
    for i, j, place in windows(x, at):
        block = x[place]
        (largest, dx), (mean, dmean) = expected
        largest[:, i, j] = block.max(axis=(1, 2))
        dx[place] += (block == largest[:, i, j][:, None, None]) * made[0][1][:, i, j][:, None, None]
        m = np.prod(at.size) if count_pad else block.shape[1] * block.shape[2]
        mean[:, i, j] = block.sum(axis=(1, 2)) / m
        dmean[place] += made[1][1][:, i, j][:, None, None] / m
    np.testing.assert_array_equal(made[0][0], expected[0][0])
    np.testing.assert_array_equal(made[0][2], expected[0][1])
    np.testing.assert_allclose(made[1][0], expected[1][0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(made[1][2], expected[1][1], rtol=1e-12, atol=1e-12)


@given(st.integers(1, 3), images, st.sampled_from([np.nan, np.inf, -np.inf]))
def test_blocks_side_by_side_are_windows_like_others(size, shape, value):
    x = fnn.keys.generator(0).integers(0, 3, shape).astype(np.float32)
    x[0, 1, 1, 0], at = value, square(size, size)
    blocks = x.transpose(1, 2, 0, 3).copy()
    y = pool.max_pool(blocks, (size, size))
    np.testing.assert_array_equal(pool.max_windows(blocks, at), y)
    dy = np.arange(y.size, dtype=np.float32).reshape(y.shape)
    np.testing.assert_array_equal(
        pool.max_windows_vjp(blocks, y, dy, at), pool.max_pool_vjp(blocks, y, dy, (size, size))
    )


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
        (lambda: fnn.max_pool(2, stride=0), "stride: expected at least 1"),
        (lambda: fnn.max_pool(2, pad=2), "expected a pad below the size 2, found 2"),
        (lambda: fnn.avg_pool((3, 1), pad=1), "expected a pad below the size 1, found 1"),
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
