"""Reads PNG, JPEG and similar files as pictures of a digit."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from fnn.arrays import Array
from fnn.files.picture import MOST as MOST
from fnn.files.picture import NAMES as NAMES
from fnn.files.picture import check_pillow as check_pillow
from fnn.files.picture import upright, use_picture
from fnn.handwriting.color import brightness

if TYPE_CHECKING:
    from PIL import Image


def read_grey(path: str | os.PathLike[str], most: int = MOST) -> Array:
    """The brightness of the picture that `read_colors` reads, (H, W) uint8."""
    return brightness(read_colors(path, most))


def read_colors(path: str | os.PathLike[str], most: int = MOST) -> Array:
    """The picture in a file, (H, W, 3) or, if it is stored as grey, (H, W), uint8, held upright.

    It is turned by its EXIF data. An animation gives its first frame; for transparent pictures see
    `opaque`. Raises InputError if pillow is missing, or if the file is missing, damaged, not a
    picture, or has more than `most` pixels, which is checked before any memory is allocated.
    """
    return use_picture(path, colors_of, most)


def colors_of(image: Image.Image) -> Array:
    """The colors of an open image of any mode, (H, W, 3) uint8, or (H, W) if it has none."""
    image = upright(image)
    if image.has_transparency_data:
        return without_transparency(np.asarray(image.convert("RGBA")))
    return np.asarray(image if image.mode == "L" else image.convert("RGB"), np.uint8)


def without_transparency(pixels: Array) -> Array:
    """Pixels, (H, W, 4) uint8 of red, green, blue and opacity, as a picture without the last.

    If the visible part covers less than half or has only one tone, it is ink without paper: its
    opacity is the picture, (H, W), light on black. Otherwise there is paper, and transparent parts,
    such as round corners, take its color: the picture is (H, W, 3).

    >>> pixels = np.uint8([[[9, 9, 9, 0], [9, 9, 9, 255], [0, 0, 0, 0], [0, 0, 0, 0]]])
    >>> without_transparency(pixels)
    array([[  0, 255,   0,   0]], dtype=uint8)
    """
    colors, alpha = pixels[..., :3], pixels[..., 3]
    if alpha.min(initial=255) == 255:
        return colors
    seen = colors[alpha > 127]
    if 2 * len(seen) < alpha.size or np.ptp(seen, axis=0).max() < 32:
        return alpha
    paper = np.median(seen, axis=0).astype(np.uint16)
    mixed = alpha[..., None] * colors.astype(np.uint16) + (255 - alpha[..., None]) * paper
    return (mixed // 255).astype(np.uint8)
