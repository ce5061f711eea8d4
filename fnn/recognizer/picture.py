"""A picture of any size as the input of a trained network, and when an answer counts."""

from __future__ import annotations

import numpy as np

from fnn.arrays import Array
from fnn.data.pictures import picture_of, read_picture
from fnn.errors import InputError
from fnn.files.picture import check_pillow, without_transparency
from fnn.handwriting.color import as_grey
from fnn.handwriting.digit_image import SIDE, digit_image, digit_images
from fnn.handwriting.image_file import read_colors
from fnn.models import Spec


def reads_digits(spec: Spec) -> bool:
    """Whether a network is one for handwritten digits, as in MNIST."""
    return (spec.shape, spec.classes, spec.names) == ((SIDE, SIDE, 1), 10, ())


def input_from_file(spec: Spec, file: str, many: bool = False) -> Array:
    """A picture in a file as a network's input, (1, H, W, C) or (N, 28, 28), uint8.

    Networks for handwritten digits get one that looks like MNIST's or, with `many`, one for each
    digit of a number; others get it scaled and cropped, as in a directory of pictures. Raises
    InputError, which names the file.
    """
    if not reads_digits(spec):
        return read_picture(file, spec.shape)[None]
    picture = as_grey(read_colors(file))
    try:
        return digit_images(picture) if many else digit_image(picture)[None]
    except InputError as error:
        raise InputError(f"{file}: {error}") from None


def input_from_pixels(spec: Spec, pixels: Array) -> Array:
    """A picture, (H, W, 4) uint8 of red, green, blue and opacity, as a network's input.

    The same as `input_from_file` of a file with these pixels. Networks for handwritten digits need
    no pillow. Raises InputError if there is no digit, or without pillow where it is needed.
    """
    if reads_digits(spec):
        return digit_image(as_grey(without_transparency(pixels)))[None]
    check_pillow()
    from PIL import Image

    return picture_of(Image.fromarray(np.ascontiguousarray(pixels), "RGBA"), spec.shape)[None]


def no_digit(probabilities: Array, least: float) -> str | None:
    """Why an answer, (10,), does not count: no digit is at least so probable. Else None."""
    best, second = np.argsort(-probabilities, kind="stable")[:2]
    if probabilities[best] >= least:
        return None
    return (
        f"no digit is recognized: it looks like {best} ({probabilities[best]:.0%}) as well as "
        f"{second} ({probabilities[second]:.0%}); write it more clearly, or cut out one digit"
    )
