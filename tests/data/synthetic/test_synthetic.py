"""The built-in sets: their form and their keys; test_synthetic_learning has what nets learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnn.data.synthetic import BLOCK, COLOR_CLASSES, colors, digits
from fnn.data.synthetic.glyphs import GLYPHS, glyph
from fnn.data.synthetic.shapes import draw_shapes
from fnn.data.synthetic.strokes import draw_digits

SETS = [pytest.param(digits, (28, 28), id="digits"), pytest.param(colors, (32, 32, 3), id="colors")]


@pytest.mark.parametrize(("make", "shape"), SETS)
@pytest.mark.parametrize("n", [0, 1, 9, 10, 37, BLOCK, BLOCK + 1, 3 * BLOCK - 5, np.int64(12)])
def test_form_and_balance(make, shape, n):
    images, labels = make(3, n)
    assert images.shape == (n, *shape)
    assert labels.shape == (n,)
    assert images.dtype == labels.dtype == np.uint8
    counts = np.bincount(labels, minlength=10)
    assert len(counts) == 10
    assert np.ptp(counts) <= 1


@pytest.mark.parametrize(("make", "shape"), SETS)
@settings(max_examples=10, deadline=None)
@given(
    key=st.one_of(st.integers(0, 2**70), st.tuples(st.integers(0, 9), st.integers(0, 2**32 - 1))),
    n=st.integers(0, 2 * BLOCK),
    more=st.integers(0, BLOCK),
)
def test_same_key_same_bytes_however_many(make, shape, key, n, more):
    few, many = make(key, n), make(key, n + more)
    np.testing.assert_array_equal(few.images, many.images[:n])
    np.testing.assert_array_equal(few.labels, many.labels[:n])


@pytest.mark.parametrize(("make", "shape"), SETS)
def test_other_keys_and_blocks_give_other_images(make, shape):
    sets = [make(key, 2 * BLOCK) for key in (0, 1, (0, 0), (0, 1), (1, 0))]
    images = np.concatenate([s.images for s in sets]).reshape(10 * BLOCK, -1)
    assert len(np.unique(images, axis=0)) == len(images)
    orders = np.concatenate([s.labels for s in sets]).reshape(10, BLOCK)
    assert len(np.unique(orders, axis=0)) == 10


def test_order_is_shuffled():
    tens = digits(0, 2000).labels.reshape(-1, 10)
    assert (np.sort(tens, axis=1) == np.arange(10)).all()
    # Each digit comes first in 20 of 200 tens, give or take: 4.2 is one standard deviation.
    assert np.abs(np.bincount(tens[:, 0], minlength=10) - 20).max() < 20
    assert len(np.unique(tens, axis=0)) > 190


@pytest.mark.parametrize(("make", "shape"), SETS)
@pytest.mark.parametrize(
    ("rng", "n", "error"),
    [
        (0, -1, ValueError),
        (0, 2.0, TypeError),
        (0, "3", TypeError),
        (0, None, TypeError),
        (-1, 0, ValueError),
        ((), 0, ValueError),
        (None, 0, TypeError),
        (np.random.default_rng(0), 0, TypeError),
    ],
)
def test_bad_arguments(make, shape, rng, n, error):
    with pytest.raises(error):
        make(rng, n)


@pytest.mark.parametrize(("make", "shape"), SETS)
def test_global_random_state_is_left_alone(make, shape):
    before = np.random.get_state()  # noqa: NPY002 - the state that must not change
    first = make(0, 10)
    np.random.seed(1)  # noqa: NPY002
    again = make(0, 10)
    np.random.set_state(before)  # noqa: NPY002
    np.testing.assert_array_equal(first.images, again.images)
    make(0, 10)
    after = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("draw", [draw_digits, draw_shapes])
def test_labels_are_only_read(draw):
    labels = np.arange(10, dtype=np.uint8)
    labels.flags.writeable = False
    images = draw((5, 2), labels)
    np.testing.assert_array_equal(images, draw((5, 2), labels))


def test_digits_look_like_mnist_in_form():
    images = digits(0, 2000).images.astype(np.float32)
    # Black paper, bright lines: few pixels are lit, but no digit is faint or has run over.
    lit = (images > 127).mean((1, 2))
    assert lit.min() > 0.02
    assert lit.max() < 0.4
    assert images.max((1, 2)).min() > 150
    assert images[:, [0, -1]].mean() < 3
    assert images[:, :, [0, -1]].mean() < 3
    # The center of mass is in the middle but for a shift of up to 2 pixels.
    place = np.arange(28, dtype=np.float32)
    mass = images.sum((1, 2))
    x, y = images.sum(1) @ place / mass, images.sum(2) @ place / mass
    assert np.abs(x - 13.5).max() < 3.5
    assert np.abs(y - 13.5).max() < 3.5
    assert abs(x.mean() - 13.5) < 0.2
    assert abs(y.mean() - 13.5) < 0.2
    assert 0.8 < x.std() < 1.6


def test_every_digit_has_its_forms_in_order():
    assert [g.digit for g in GLYPHS] == sorted(g.digit for g in GLYPHS)
    assert {g.digit for g in GLYPHS} == set(range(10))
    for g in GLYPHS:
        points = np.array([p for stroke in g.strokes for p in stroke])
        assert all(len(stroke) >= 2 for stroke in g.strokes)
        assert points.min() >= 0
        assert points[:, 0].max() <= 14
        assert points[:, 1].max() <= 20


def test_glyph_reads_points_and_strokes():
    assert glyph(4, "1,2 3.5,4|5,6  7,8") == (4, (((1, 2), (3.5, 4)), ((5, 6), (7, 8))))


def test_colors_are_ten_named_classes():
    assert len(set(COLOR_CLASSES)) == 10
    images, labels = colors(0, 5000)
    # The mean color of a class is the mean color of all: 128, about.
    means = np.array([images[labels == k].mean((0, 1, 2)) for k in range(10)])
    assert np.abs(means - means.mean(0)).max() < 12
