"""A picture of any size as the input of a trained network."""

from __future__ import annotations

import numpy as np

from fnn.arrays import Array
from fnn.data.pictures import picture_of, read_picture
from fnn.errors import InputError
from fnn.files.picture import check_pillow
from fnn.handwriting.digit_image import SIDE, digit_image
from fnn.handwriting.image_file import grey_of_pixels, read_grey
from fnn.models import Spec


def reads_digits(spec: Spec) -> bool:
    """Whether a network is one for handwritten digits, as in MNIST."""
    return (spec.shape, spec.classes, spec.names) == ((SIDE, SIDE, 1), 10, ())


def input_from_file(spec: Spec, file: str) -> Array:
    """A picture in a file as a network's input, (1, H, W, C) or (1, 28, 28), uint8.

    Networks for handwritten digits get one that looks like MNIST's; others get it scaled and
    cropped, as in a directory of pictures. Raises InputError, which names the file.
    """
    if not reads_digits(spec):
        return read_picture(file, spec.shape)[None]
    picture = read_grey(file)
    try:
        return digit_image(picture)[None]
    except InputError as error:
        raise InputError(f"{file}: {error}") from None


def input_from_pixels(spec: Spec, pixels: Array) -> Array:
    """A picture, (H, W, 4) uint8 of red, green, blue and opacity, as a network's input.

    The same as `input_from_file` of a file with these pixels. Networks for handwritten digits need
    no pillow. Raises InputError if there is no digit, or without pillow where it is needed.
    """
    if reads_digits(spec):
        return digit_image(grey_of_pixels(pixels))[None]
    check_pillow()
    from PIL import Image

    return picture_of(Image.fromarray(np.ascontiguousarray(pixels), "RGBA"), spec.shape)[None]
