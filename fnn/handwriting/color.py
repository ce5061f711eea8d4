"""A picture's colors as grey, along the direction in which ink and paper differ most."""

from __future__ import annotations

import numpy as np

from fnn.arrays import Array
from fnn.handwriting.raster import Floats, shrunk, without_slope

# ITU-R 601-2's 0.299, 0.587 and 0.114 in units of 2^-16, as pillow has them
BRIGHTNESS = (19595, 38470, 7471)
COARSE = 100  # pixels on the longer side: enough to see which colors there are
ENOUGH = 0.4  # share of the colors' variance: if brightness has it, it is what counts
LEAST = 5.0  # levels of 255 by which colors must deviate to count


def as_grey(picture: Array) -> Array:
    """A picture, (H, W) or (H, W, 3) uint8, as (H, W): `grey_of_colors` where it has colors."""
    return picture if picture.ndim == 2 else grey_of_colors(picture)


def grey_of_colors(picture: Array) -> Array:
    """Brightness, (H, W) uint8 of (H, W, 3); another mixture if ink and paper hardly differ in it.

    Red ink on blue paper may be as bright as the paper. With the slope of the light removed from
    each color, the direction of most variance (the first principal component) tells them apart. It
    is scaled so that the picture has all of 0..255; which end is ink stays open.

    >>> grey_of_colors(np.uint8([[[255, 0, 0], [0, 0, 255]]]))
    array([[76, 29]], dtype=uint8)
    """
    mixture = _mixture(picture)
    if mixture is None:
        return brightness(picture)
    mixed = picture.astype(np.float32) @ mixture
    low, high = np.quantile(mixed[:: len(mixed) // COARSE + 1], (0.001, 0.999))
    spread = 255 * (mixed - low) / max(high - low, 1)
    return np.asarray(spread.clip(0, 255), np.uint8)


def brightness(picture: Array) -> Array:
    """Brightness, (H, W) uint8, of (H, W, 3) or (H, W), with pillow's weights and rounding."""
    if picture.ndim == 2:
        return picture
    shares = picture.astype(np.uint32) * np.array(BRIGHTNESS, np.uint32)
    rounded = shares.sum(axis=2, dtype=np.uint32) + (1 << 15)
    return np.asarray(rounded >> 16, np.uint8)


def _mixture(picture: Array) -> Floats | None:
    """The weights of red, green and blue, (3,); None for those of brightness."""
    if min(picture.shape[:2]) < 3:
        return None
    side = -(-max(picture.shape[:2]) // COARSE)
    small = np.stack([shrunk(picture[..., i], side) for i in range(3)], axis=-1)
    rest = without_slope(small.astype(np.float64)).reshape(-1, 3)
    variances, directions = np.linalg.eigh(rest.T @ rest / len(rest))
    bright = np.array(BRIGHTNESS) / np.linalg.norm(BRIGHTNESS)
    if variances[-1] < LEAST**2:
        return None
    if ((rest @ bright) ** 2).mean() > ENOUGH * variances[-1]:
        return None
    return np.asarray(directions[:, -1], np.float32)
