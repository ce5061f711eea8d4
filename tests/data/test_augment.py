import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fnn
from fnn.data import augment

KINDS = {
    "shift": augment.shift(2),
    "shift reflected": augment.shift(2, mode="reflect"),
    "flip": augment.flip(),
    "cutout": augment.cutout(3),
    "cutout even": augment.cutout(2),
    "noise": augment.noise(20),
    "partly": augment.partly(augment.shift(2), 0.5),
    "all": augment.compose(augment.flip(), augment.shift(1), augment.cutout(1)),
}
every_kind = pytest.mark.parametrize("f", KINDS.values(), ids=KINDS)
SHAPES = [(6, 7, 5), (6, 7, 5, 3)]


def images(shape, dtype=np.uint8):
    return fnn.keys.generator(0).integers(1, 256, shape).astype(dtype)


@every_kind
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_types_shapes_and_keys(f, shape, dtype):
    x = images(shape, dtype)
    x.flags.writeable = False
    y = f(3, x)
    assert (y.shape, y.dtype) == (shape, dtype)
    np.testing.assert_array_equal(y, f((3,), x))
    assert any((f(seed, x) != y).any() for seed in range(4, 8))
    assert not np.shares_memory(x, y)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shift_moves_every_image_by_whole_pixels_in_all_directions(shape):
    x = images((300, *shape[1:]))
    y = augment.shift(1)(0, x)
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)][: x.ndim])
    h, w = shape[1:3]
    seen = np.zeros((3, 3), int)
    for image, big in zip(y, padded, strict=True):
        equal = [
            (i, j)
            for i in range(3)
            for j in range(3)
            if np.array_equal(image, big[i : i + h, j : j + w])
        ]
        seen[equal[0]] += 1
    assert seen.sum() == 300
    assert seen.min() > 15


def test_a_reflected_shift_brings_no_zeros():
    assert augment.shift(2, mode="reflect")(0, images((20, 5, 5))).min() > 0


def test_flips_are_halves():
    x = images((500, 2, 3, 1))
    y = augment.flip()(0, x)
    flipped = (y == x[:, :, ::-1]).all(axis=(1, 2, 3))
    kept = (y == x).all(axis=(1, 2, 3))
    assert (flipped | kept).all()
    assert 200 < flipped.sum() < 300


def test_alternating_flips_show_both_sides_in_two_epochs():
    x = np.random.default_rng(0).integers(0, 256, (500, 3, 4, 2), np.uint8)
    odd, even, third = (augment.alternating_flip(5, x, epoch) for epoch in (1, 2, 3))
    assert (odd == third).all()
    mirrored = (odd == x[:, :, ::-1]).all(axis=(1, 2, 3))
    assert 200 < mirrored.sum() < 300
    assert (even == odd[:, :, ::-1]).all()


@given(st.integers(1, 6), st.integers(0, 50))
def test_cutout_is_one_square(side, seed):
    x = np.ones((4, 9, 8, 2), np.uint8)
    zeros = augment.cutout(side)(seed, x)[..., 0] == 0
    for image in zeros:
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        assert image.sum() == len(rows) * len(columns)
        assert 1 <= len(rows) <= side
        assert 1 <= len(columns) <= side
    inner = augment.cutout(side)(seed, np.ones((50, 40, 40), np.uint8))
    assert ((inner == 0).sum(axis=(1, 2)).max()) == side * side


def test_noise_has_mean_0_and_a_deviation_of_each_image_up_to_the_bound():
    found = augment.noise(20)(0, np.full((500, 30, 30), 128, np.float64)) - 128
    each = found.std(axis=(1, 2))
    assert abs(found.mean()) < 0.2
    assert 19 < each.max() < 22
    assert each.min() < 0.5
    assert 9 < each.mean() < 11
    dark = augment.noise(200)(0, np.zeros((5, 9, 9), np.uint8))
    assert dark.min() == 0
    assert dark.max() > 100


@pytest.mark.parametrize(
    "make", [lambda: augment.shift(-1), lambda: augment.cutout(0), lambda: augment.noise(-1)]
)
def test_what_cannot_be_is_refused(make):
    with pytest.raises(ValueError, match="expected"):
        make()


def test_batches_give_every_batch_its_own_key_and_may_begin_later():
    x, labels = images((20, 7, 5)), np.arange(20)
    whole = list(fnn.batches(1, x, labels, 6, fnn.to_float, augment.shift(2)))
    later = list(fnn.batches(1, x, labels, 6, fnn.to_float, augment.shift(2), first=2))
    assert len(later) == len(whole) - 2
    for a, b in zip(whole[2:], later, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])
    same = np.ones((20, 9, 9), np.uint8)
    first, second, *_ = (b for b, _ in fnn.batches(1, same, labels, 6, None, augment.shift(3)))
    assert (first != second).any()


def test_partly_changes_a_share_of_the_images():
    x = images((500, 4, 3))
    y = augment.partly(lambda rng, x: 255 - x, 0.3)(0, x)
    changed = (y == 255 - x).all(axis=(1, 2))
    assert (changed | (y == x).all(axis=(1, 2))).all()
    assert 110 < changed.sum() < 190
    for share, same in ((0, True), (1, False)):
        assert np.array_equal(augment.partly(augment.distort(degrees=40), share)(0, x), x) == same
    assert augment.partly(augment.distort(pixels=2), 0.5)(0, x[:0]).shape == (0, 4, 3)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match=r"expected a share in 0\.\.1"):
        augment.partly(augment.flip(), share)
