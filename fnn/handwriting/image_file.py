"""Reads PNG, JPEG and similar files as grey pictures."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from fnn.arrays import Array
from fnn.files.picture import MOST as MOST
from fnn.files.picture import NAMES as NAMES
from fnn.files.picture import check_pillow as check_pillow
from fnn.files.picture import upright, use_picture

if TYPE_CHECKING:
    from PIL import Image


def read_grey(path: str | os.PathLike[str], most: int = MOST) -> Array:
    """The picture in a file as brightness, (H, W) uint8, turned upright by its EXIF data.

    An animation gives its first frame; for transparent pictures see `opaque`. Raises InputError if
    pillow is missing, or if the file is missing, damaged, not a picture, or has more than `most`
    pixels, which is checked before any memory is allocated for them.
    """
    return use_picture(path, grey_of, most)


def grey_of(image: Image.Image) -> Array:
    """The brightness of an open image of any mode, (H, W) uint8."""
    image = upright(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return opaque(np.asarray(image.convert("L")), np.asarray(image.getchannel("A")))
    if image.mode not in ("L", "RGB"):  # a palette, CMYK, bits
        image = image.convert("RGB")
    return np.asarray(image.convert("L"), np.uint8)


# ITU-R 601-2's 0.299, 0.587 and 0.114 in units of 2^-16, as pillow has them
RED, GREEN, BLUE = 19595, 38470, 7471


def grey_of_pixels(pixels: Array) -> Array:
    """The brightness of pixels, (H, W, 4) uint8 of red, green, blue and opacity: (H, W) uint8.

    The bits are those of `read_grey`, without pillow.

    >>> grey_of_pixels(np.uint8([[[255, 0, 0, 255], [0, 0, 255, 255]]]))
    array([[76, 29]], dtype=uint8)
    """
    shares = pixels[..., :3].astype(np.uint32) * np.array([RED, GREEN, BLUE], np.uint32)
    grey = ((shares.sum(axis=2, dtype=np.uint32) + (1 << 15)) >> 16).astype(np.uint8)
    return opaque(grey, pixels[..., 3])


def opaque(grey: Array, alpha: Array) -> Array:
    """A picture without transparency, from its brightness and opacity; all are (H, W) uint8.

    If the visible part covers less than half or has only one tone, it is ink without paper: its
    opacity is the picture, light on black. Otherwise there is paper, and transparent parts, such
    as round corners, take its tone.

    >>> opaque(np.uint8([[9, 9, 0, 0]]), np.uint8([[0, 255, 0, 0]]))
    array([[  0, 255,   0,   0]], dtype=uint8)
    >>> opaque(np.uint8([[9, 200, 200, 0]]), np.uint8([[255, 255, 255, 0]]))
    array([[  9, 200, 200, 200]], dtype=uint8)
    """
    if alpha.min(initial=255) == 255:
        return grey
    seen = grey[alpha > 127]
    if 2 * seen.size < grey.size or np.ptp(seen) < 32:
        return alpha
    mixed = alpha * grey.astype(np.uint16)
    mixed += (255 - alpha) * np.uint16(np.median(seen))
    return (mixed // 255).astype(np.uint8)
