"""Small distortions of images, like those of handwriting: images are sampled at moved positions.

    y[n, i, j] = x[n, at a position near (i, j)], by bilinear interpolation between four pixels

Images are (N, H, W) or (N, H, W, C), uint8 or floats; dtype and shape stay the same. Outside the
image the value is 0. All changes to an image are combined into one position for each pixel, so it
is interpolated, and blurred, only once.
"""

from __future__ import annotations

import math

import numpy as np

from fnn.arrays import Array
from fnn.data.batches import Augment
from fnn.errors import real
from fnn.keys import Key, generator


def distort(
    *,
    degrees: float = 0.0,
    zoom: float = 0.0,
    pixels: float = 0.0,
    shear: float = 0.0,
    alpha: float = 0.0,
    sigma: float = 4.0,
) -> Augment:
    """Rotates, scales, shears, shifts and bends each image, uniformly within the given bounds.

    The image is rotated about its center by up to `degrees` either way, scaled by a factor in
    1 - zoom..1 + zoom, sheared by up to `shear` columns per row, and shifted by up to `pixels`
    along both axes, by fractions too. It is bent by moving each pixel by `alpha` times a random
    field, uniform in -1..1 and smoothed by a Gaussian of `sigma` pixels: with alpha 34 and sigma 4
    by 1.4 pixels (root mean square). Source: Simard, Steinkraus and Platt, "Best practices for
    convolutional neural networks applied to visual document analysis", ICDAR 2003.
    Raises ValueError for a negative bound, a zoom of 1 or more, and a sigma of 0.
    """
    bounds = {"degrees": degrees, "zoom": zoom, "pixels": pixels, "shear": shear, "alpha": alpha}
    for name, bound in bounds.items():
        if real(f"distort: {name}", bound) < 0:
            raise ValueError(f"distort: expected {name} of 0 or more, found {bound}")
    if zoom >= 1 or real("distort: sigma", sigma) <= 0:
        raise ValueError(f"distort: expected zoom < 1 and sigma > 0, found {zoom} and {sigma}")

    def augment(rng: Key, x: Array) -> Array:
        n, h, w = x.shape[:3]
        draw = generator(rng)

        def uniform(bound: float) -> Array:
            return draw.uniform(-bound, bound, (n, 1, 1)).astype(np.float32)

        angle, factor = uniform(math.radians(degrees)), 1 / (1 + uniform(zoom))
        slant, down, right = uniform(shear), uniform(pixels), uniform(pixels)
        # Each pixel's position in the original image, relative to the center.
        i = np.arange(h, dtype=np.float32)[:, None] - (h - 1) / 2
        j = np.arange(w, dtype=np.float32) - (w - 1) / 2
        cos, sin = np.cos(angle) * factor, np.sin(angle) * factor
        rows = cos * i - sin * j
        columns = (sin + slant * cos) * i + (cos - slant * sin) * j
        rows += (h - 1) / 2 - down
        columns += (w - 1) / 2 - right
        if alpha:
            field = draw.random((2, n, h, w), np.float32)
            field -= 0.5
            bend = _gaussian(h, sigma) * np.float32(2 * alpha) @ field @ _gaussian(w, sigma).T
            rows += bend[0]
            columns += bend[1]
        return sample(x, rows, columns)

    return augment


def sample(x: Array, rows: Array, columns: Array) -> Array:
    """The images x at positions (rows, columns) between their pixels; 0 outside the image.

    x is (N, H, W) or (N, H, W, C), the positions are floats (N, H', W'), with pixel (0, 0) at
    (0, 0). The result is (N, H', W') or (N, H', W', C) in x's dtype; integers are rounded.
    """
    n, h, w = x.shape[:3]
    around = [(0, 0), (1, 1), (1, 1), (0, 0)][: x.ndim]
    padded = np.pad(x, around).reshape(n * (h + 2) * (w + 2), *x.shape[3:])
    top, below = _between(rows, h)
    left, beside = _between(columns, w)
    place = (np.arange(n, dtype=np.int32)[:, None, None] * (h + 2) + top) * (w + 2) + left
    if x.ndim == 4:
        below, beside = below[..., None], beside[..., None]

    def line(first: Array) -> Array:
        a = padded[first].astype(below.dtype)
        b = padded[first + 1].astype(below.dtype)
        b -= a
        b *= beside
        a += b
        return a

    y, under = line(place), line(place + (w + 2))
    under -= y
    under *= below
    y += under
    if x.dtype.kind in "iu":
        y += 0.5  # truncation then rounds
    return y.astype(x.dtype)


def _between(places: Array, extent: int) -> tuple[Array, Array]:
    """The pixel before each position, in an image with a margin of 1, and how far past it, 0..1."""
    inside = np.clip(places, -1, extent)
    inside += 1
    before = np.minimum(inside.astype(np.int32), extent)
    inside -= before
    return before, inside


def _gaussian(n: int, sigma: float) -> Array:
    """The (n, n) matrix that smooths a vector with a Gaussian whose weights sum to 1."""
    i = np.arange(n)
    weights = np.exp(-((i[:, None] - i) ** 2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
    return weights.astype(np.float32)
