import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fnn
from fnn.data.distort import distort, sample

KINDS = {
    "turn": {"degrees": 20},
    "zoom": {"zoom": 0.2},
    "move": {"pixels": 2},
    "shear": {"shear": 0.3},
    "bend": {"alpha": 30, "sigma": 3},
    "all": {"degrees": 10, "zoom": 0.1, "pixels": 1, "shear": 0.1, "alpha": 20},
}
every_kind = pytest.mark.parametrize("bounds", KINDS.values(), ids=KINDS)


def blob(n=1, side=21, offset=(0, 0)):
    """A smooth spot, whose center of mass tells where it is to a fraction of a pixel."""
    i, j = np.mgrid[:side, :side] - (side - 1) / 2
    spot = np.exp(-((i - offset[0]) ** 2 + (j - offset[1]) ** 2) / 8)
    return np.repeat(spot[None], n, axis=0).astype(np.float32)


def center(x):
    i, j = np.mgrid[: x.shape[1], : x.shape[2]]
    mass = x.sum(axis=(1, 2))
    return np.stack([(x * i).sum(axis=(1, 2)) / mass, (x * j).sum(axis=(1, 2)) / mass])


@every_kind
@pytest.mark.parametrize("shape", [(6, 9, 7), (6, 9, 7, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_types_shapes_and_keys(bounds, shape, dtype):
    x = fnn.keys.generator(0).integers(0, 256, shape).astype(dtype)
    x.flags.writeable = False
    f = distort(**bounds)
    y = f(3, x)
    assert (y.shape, y.dtype) == (shape, dtype)
    np.testing.assert_array_equal(y, f((3,), x))
    assert (f(4, x) != y).any()
    assert y.min() >= 0
    assert y.max() <= 255


def test_without_bounds_nothing_changes():
    x = fnn.keys.generator(0).integers(0, 256, (5, 8, 9, 3)).astype(np.uint8)
    np.testing.assert_array_equal(distort()(0, x), x)


@pytest.mark.parametrize("bounds", KINDS.values(), ids=KINDS)
def test_colors_move_together(bounds):
    grey = fnn.keys.generator(0).integers(0, 256, (5, 12, 12)).astype(np.uint8)
    color = np.repeat(grey[..., None], 2, axis=3)
    y = distort(**bounds)(1, color)
    np.testing.assert_array_equal(y[..., 0], distort(**bounds)(1, grey))
    np.testing.assert_array_equal(y[..., 0], y[..., 1])


def test_moves_reach_their_bounds_evenly():
    moved = center(distort(pixels=2)(0, blob(4000))) - center(blob())
    assert abs(moved).max() <= 2.01
    assert abs(moved.mean(axis=1)).max() < 0.1
    np.testing.assert_allclose(moved.std(axis=1), 2 / np.sqrt(3), rtol=0.05)


def test_turns_are_about_the_center():
    off = blob(2000, offset=(0, 5))
    down, right = center(distort(degrees=30)(0, off)) - 10
    np.testing.assert_allclose(np.hypot(down, right), 5, atol=0.05)
    angles = np.degrees(np.arctan2(down, right))
    assert 29 < angles.max() < 30.5
    assert -30.5 < angles.min() < -29


def test_zoom_moves_away_from_the_center():
    _, right = center(distort(zoom=0.2)(0, blob(2000, side=41, offset=(0, 5)))) - 20
    assert 5.95 < right.max() < 6.01
    assert 3.99 < right.min() < 4.05


def test_a_field_bends_by_as_much_as_is_said():
    # A ramp shows how far each pixel was moved along it.
    ramp = np.broadcast_to(np.arange(60, dtype=np.float32), (50, 60, 60))
    moved = (distort(alpha=34, sigma=4)(0, ramp) - ramp)[:, 20:40, 20:40]
    assert 1.2 < moved.std() < 1.6
    assert abs(moved.mean()) < 0.1


@given(st.floats(-3, 11), st.floats(-3, 10))
def test_sample_interpolates_and_is_zero_outside(i, j):
    x = fnn.keys.generator(0).random((1, 9, 8))
    big = np.pad(x[0], 4)
    a, b = int(np.floor(i)), int(np.floor(j))
    u, v = i - a, j - b
    a, b = a + 4, b + 4
    expected = (1 - u) * ((1 - v) * big[a, b] + v * big[a, b + 1]) + u * (
        (1 - v) * big[a + 1, b] + v * big[a + 1, b + 1]
    )
    found = sample(x, np.array([[[i]]]), np.array([[[j]]]))
    np.testing.assert_allclose(found, [[[expected]]], atol=1e-12)


@pytest.mark.parametrize(
    "bounds", [{"degrees": -1}, {"zoom": 1}, {"pixels": float("nan")}, {"sigma": 0}]
)
def test_what_cannot_be_is_refused(bounds):
    with pytest.raises(ValueError, match=r"distort: .*expected"):
        distort(**bounds)
