"""Small tools for one grey picture, (H, W): resizing, moving extremes, pieces, a threshold."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn.arrays import Array

Floats: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]


def shrunk(picture: Array, side: int) -> Floats:
    """Means of square blocks of pixels; those at the right and bottom edges may be smaller.

    >>> shrunk(np.array([[0, 4, 8], [4, 8, 8]], np.uint8), 2)
    array([[4., 8.]], dtype=float32)
    """
    means: Array = picture
    for axis in np.argsort(picture.shape)[::-1] if side > 1 else ():  # the longer one first
        starts = np.arange(0, picture.shape[axis], side)
        counts = np.diff(starts, append=picture.shape[axis])
        sums = np.add.reduceat(means, starts, axis, dtype=np.float32)
        means = sums / counts.astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
    return means.astype(np.float32)


def resampled(grey: Floats, height: int, width: int) -> Floats:
    """The picture resized: means of areas along an axis that shrinks, else linear interpolation.

    >>> resampled(np.float32([[0, 4, 8, 8]]), 1, 2), resampled(np.float32([[0, 8]]), 1, 4)
    (array([[2., 8.]], dtype=float32), array([[0., 2., 6., 8.]], dtype=float32))
    """
    rows, columns = _weights(grey.shape[0], height), _weights(grey.shape[1], width)
    return np.asarray(rows @ grey @ columns.T, np.float32)


def _weights(n: int, m: int) -> Floats:
    """The matrix (m, n) that maps n pixels to m."""
    if m > n:
        at = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
        return np.clip(1 - abs(at[:, None] - np.arange(n)), 0, 1).astype(np.float32)
    edges = np.arange(m + 1)[:, None] * n / m
    shares = np.minimum(edges[1:], np.arange(1, n + 1)) - np.maximum(edges[:-1], np.arange(n))
    return np.asarray(np.clip(shares, 0, 1) * m / n, np.float32)


def moving(extreme: np.ufunc, picture: Array, height: int, width: int) -> Array:
    """np.maximum or np.minimum over a window of this size around each pixel.

    The window ends at the picture's edge; an even one extends one pixel further up and left.

    >>> moving(np.maximum, np.array([[1, 0, 0, 2, 0]]), 1, 3)
    array([[1, 1, 2, 2, 2]])
    """
    for axis, window in enumerate((height, width)):
        around = [(0, 0), (0, 0)]
        around[axis] = (window // 2, (window - 1) // 2)
        x = np.moveaxis(np.pad(picture, around, mode="edge"), axis, 0)
        done = 1
        while done < window:  # two windows give one of up to twice the size
            step = min(done, window - done)
            x = extreme(x[:-step], x[step:])
            done += step
        picture = np.moveaxis(x, 0, axis)
    return picture


def blurred(picture: Floats) -> Floats:
    """Means of each pixel and its eight neighbors; outside, the pixels at the edge are repeated."""
    for axis in (0, 1):
        x = np.moveaxis(np.pad(picture, 1, mode="edge"), axis, 0)[:, 1:-1]
        mean = (x[:-2] + x[1:-1] + x[2:]) / np.float32(3)
        picture = np.moveaxis(mean, 0, axis)
    return picture


def box(mask: Mask) -> tuple[slice, slice]:
    """The bounding box of a mask: its rows and its columns.

    >>> box(np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], bool))
    (slice(1, 2, None), slice(1, 2, None))
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def pieces(mask: Mask) -> Array:
    """The connected pieces, numbered row by row: 0 outside, then 1, 2, ...

    Pixels that share a corner are connected.

    >>> pieces(np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 1, 0]], bool))
    array([[1, 0, 1],
           [0, 1, 0],
           [0, 0, 0],
           [2, 2, 0]])
    """
    own, ink = np.arange(mask.size).reshape(mask.shape), mask.ravel()
    neighbors = (  # pixels, and those to their right, below, below right and below left
        [own[:, :-1], own[:-1], own[:-1, :-1], own[:-1, 1:]],
        [own[:, 1:], own[1:], own[1:, 1:], own[1:, :-1]],
    )
    pairs = np.stack([np.concatenate(pixels, axis=None) for pixels in neighbors])
    first, second = pairs[:, ink[pairs].all(axis=0)]
    root = own.ravel().copy()
    # Every pixel points to an earlier one of its piece, in the end to the first. Each round joins
    # the parts that still touch others, so that a few rounds are enough.
    while (apart := root[first] != root[second]).any():
        first, second = first[apart], second[apart]
        a, b = root[first], root[second]
        np.minimum.at(root, np.maximum(a, b), np.minimum(a, b))
        while (root[root] != root).any():
            root = root[root]
    numbers = np.cumsum((root == np.arange(mask.size)) & ink)
    return np.where(ink, numbers[root], 0).reshape(mask.shape)


def border(picture: Array) -> Array:
    """The pixels at the picture's four edges, in one row; those of the corners come twice."""
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


def without_slope(picture: Array) -> Array:
    """A picture, (H, W) or (H, W, C), less the plane that fits it best: float64 of that shape."""
    y, x = (axis / n for axis, n in zip(np.indices(picture.shape[:2]), picture.shape, strict=False))
    plane = np.stack([np.ones(y.size), y.ravel(), x.ravel()], axis=1)
    values = picture.reshape(y.size, -1)
    rest = values - plane @ np.linalg.lstsq(plane, values)[0]
    return np.asarray(rest.reshape(picture.shape))


def otsu(values: Array, weights: Array) -> float:
    """The threshold that divides values in 0..1 into the two classes that differ most.

    It maximizes the variance between the classes, with each value counted by its weight. Source:
    Otsu, "A threshold selection method from gray-level histograms", 1979.

    >>> 0.2 < otsu(np.array([0.1, 0.2, 0.8]), np.ones(3)) <= 0.8
    True
    """
    bins = np.minimum(values.ravel() * 256, 255).astype(np.intp)
    counts = np.bincount(bins, weights.ravel(), 256)
    below = np.cumsum(counts)[:-1]
    sums = np.cumsum(counts * np.arange(256))
    above = below[-1] + counts[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):  # where a class is empty
        gaps = sums[:-1] / below - (sums[-1] - sums[:-1]) / above
    between = np.nan_to_num(below * above * gaps**2, posinf=0)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))  # the middle of an empty gap
    return float(best.mean() + 1) / 256


def interpolated(picture: Array, y: Array, x: Array) -> Array:
    """The picture at places between its pixels; beyond the edge, the pixels there are repeated."""
    y, x = (a.clip(0, n - 1) for a, n in zip((y, x), picture.shape, strict=True))
    top, left = (
        np.minimum(a.astype(np.intp), n - 2) for a, n in zip((y, x), picture.shape, strict=True)
    )
    b, r = (y - top).astype(np.float32), (x - left).astype(np.float32)
    rows: Floats = (1 - b) * picture[top, left] + b * picture[top + 1, left]
    others: Floats = (1 - b) * picture[top, left + 1] + b * picture[top + 1, left + 1]
    return np.asarray(np.rint((1 - r) * rows + r * others), np.uint8)


def hull(mask: Mask) -> Mask:
    """The convex hull of a mask, from its extents in 60 directions."""
    places, every = np.argwhere(mask), np.indices(mask.shape)
    inside = np.ones_like(mask)
    for angle in np.arange(60) * (np.pi / 60):
        axis = np.array([np.sin(angle), np.cos(angle)])
        along, extent = np.tensordot(axis, every, 1), places @ axis
        inside &= (along >= extent.min()) & (along <= extent.max())
    return inside
