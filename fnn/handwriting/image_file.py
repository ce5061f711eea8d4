"""Reads PNG, JPEG and similar files as pictures of a digit."""

from __future__ import annotations

import os

from fnn.arrays import Array
from fnn.files.picture import MOST as MOST
from fnn.files.picture import NAMES as NAMES
from fnn.files.picture import check_pillow as check_pillow
from fnn.files.picture import colors_of, use_picture
from fnn.handwriting.color import brightness


def read_grey(path: str | os.PathLike[str], most: int = MOST) -> Array:
    """The brightness of the picture that `read_colors` reads, (H, W) uint8."""
    return brightness(read_colors(path, most))


def read_colors(path: str | os.PathLike[str], most: int = MOST) -> Array:
    """The picture in a file, (H, W, 3) or, if it is stored as grey, (H, W), uint8, held upright.

    It is turned by its EXIF data. An animation gives its first frame; for transparent pictures see
    `without_transparency`. Raises InputError if pillow is missing, or if the file is missing,
    damaged, not a picture, or has more than `most` pixels, which is checked before any memory is
    allocated for them.
    """
    return use_picture(path, colors_of, most)
