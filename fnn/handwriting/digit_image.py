"""Turns a photo or drawing of a digit into an image like MNIST's, so that a network can read it.

The steps are those that turned NIST's forms into MNIST: separate ink from paper, fit the digit into
a box of 20 x 20 pixels, and put its center of mass in the middle of 28 x 28. Sources: Grother,
"NIST Special Database 19", 1995; LeCun, Bottou, Bengio and Haffner, "Gradient-based learning
applied to document recognition", 1998, section III.A. A photo needs more care than a scanned form:
which of the two is ink, how the light falls, and what else is in the picture.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from fnn.arrays import Array, Shape
from fnn.errors import InputError
from fnn.handwriting.choose import digit_masks
from fnn.handwriting.frame import in_corners, without_frame
from fnn.handwriting.ink import blank, grain, ink_is_dark, ink_on_paper
from fnn.handwriting.raster import Floats, Mask, blurred, box, moving, otsu, resampled, shrunk
from fnn.handwriting.sheet import on_its_sheet
from fnn.handwriting.strokes import BOX, HALO, stroke_width, with_usual_strokes

SIDE = 28
LONGEST = 600  # pixels on the longer side to work with: a pen stroke on a page is about two wide
FEW = 2 * BOX  # pixels: a digit whose longer side is shorter is looked at again, closer up
FAINTEST = 0.035  # how much ink must differ from paper, as a share of the paper's brightness
TOO_NOISY = 6.5  # how much ink must differ from paper, in standard deviations of the paper's grain
SMALL = 17  # pixels of the longer side of a digit that gets soft when it is enlarged
GAIN = 1.3
CRISP = 0.08  # share of middle tones, below which ink has sharp edges
LENGTH = 5  # the total length of strokes, in longer sides of the digit, is less
BLOB = 0.35  # share of its longer side: what touches the edge and is wider has no strokes


def digit_image(picture: Array) -> Array:
    """The digit in a picture as an image like MNIST's: light ink on black, (28, 28) uint8.

    The picture is grey, (H, W) uint8 of any size, with a digit dark on light or light on dark and
    some paper around it. The light may be uneven; the table under the sheet, the lines of a cell,
    a circle around the digit, specks, and whatever reaches in from the edges, are left out. The
    digit keeps its proportions; strokes thinner or thicker than MNIST's get the nearest width that
    MNIST has. An MNIST image stays almost the same.

    >>> drawing = np.full((100, 60), 255, np.uint8)
    >>> drawing[20:80, 25:31] = 0
    >>> image = digit_image(drawing)
    >>> image.shape, int(image.max()), int(image.min())
    ((28, 28), 255, 0)

    Raises InputError for a blank picture, one with several digits, or one of another shape or type.
    """
    images = digit_images(picture)
    if len(images) > 1:
        raise InputError(
            f"the picture shows {len(images)} digits side by side: cut out one of them, or read "
            "all of them (fnn-predict --many, fnn.digit_images)"
        )
    image: Array = images[0]
    return image


def digit_images(picture: Array) -> Array:
    """The digits in a picture from left to right, (N, 28, 28) uint8, each like `digit_image`'s.

    Digits are side by side if they are about equally high and no column of the picture has ink of
    two. Raises InputError for a blank picture, or one of another shape or type.
    """
    picture = np.asarray(picture)
    if picture.ndim != 2 or picture.dtype != np.uint8 or picture.size == 0:
        found = f"{picture.shape} of {picture.dtype}"
        raise InputError(f"expected a grey picture, (H, W) of uint8, found {found}")
    picture = on_its_sheet(picture)
    block = block_side(picture.shape)
    digits = digits_in(shrunk(picture, block))
    if block > 1 and max(max(digit.ink.shape) for digit in digits) < FEW:
        near = surroundings(picture, digits, block)
        digits = digits_in(shrunk(near, block_side(near.shape)))
    return np.stack([in_field(in_box(with_usual_strokes(digit.ink))) for digit in digits])


class Digit(NamedTuple):
    """The ink in the box around a digit, 0..1, and the position of that box in the picture."""

    ink: Floats
    top: int
    left: int


def block_side(shape: Shape) -> int:
    """The side of square blocks of pixels of which no side of a picture has more than LONGEST."""
    return math.ceil(max(shape) / LONGEST)


def surroundings(picture: Array, digits: list[Digit], block: int) -> Array:
    """The part of a picture around digits that were found in the means of its blocks."""
    margin = max(max(digit.ink.shape) for digit in digits)
    top, left = min(d.top for d in digits), min(d.left for d in digits)
    bottom = max(d.top + d.ink.shape[0] for d in digits)
    right = max(d.left + d.ink.shape[1] for d in digits)
    rows, columns = (
        slice(max(start - margin, 0) * block, (stop + margin) * block)
        for start, stop in ((top, bottom), (left, right))
    )
    return picture[rows, columns]


def digits_in(grey: Floats) -> list[Digit]:
    """The digits in a picture, (H, W) in 0..255, from left to right; InputError for none."""
    weights = central(grey.shape)
    ink = without_frame(ink_on_paper(grey if ink_is_dark(grey) else 255 - grey), weights)
    mask = ink > otsu(ink, weights)
    if not mask.any():
        raise blank()
    masks = digit_masks(mask, weights)
    every = np.logical_or.reduce(masks)
    low = np.median(ink[~mask]) if not mask.all() else np.float32(0)
    if ink[every].mean() - low < max(FAINTEST, TOO_NOISY * grain(ink, every)):
        raise blank()
    if not all(is_written(one) for one in masks):
        raise blank()
    return [soft_ink(ink, one, low) for one in masks]


def soft_ink(ink: Floats, digit: Mask, low: np.floating) -> Digit:
    """The ink of a digit in its box, with its soft edges; `low` is what paper has."""
    # Soft edges belong to the digit: in a small picture they are a large part of it.
    around = moving(np.maximum, digit, 3, 3)
    high = np.quantile(ink[digit], 0.8)
    soft = np.where(around, np.clip((ink - low) / (high - low), 0, 1), 0).astype(np.float32)
    rows, columns = box(soft > HALO)
    return Digit(soft[rows, columns], rows.start, columns.start)


def is_written(digit: Mask) -> bool:
    """Whether a mask has strokes as a digit has; not so a shadow, a thumb, or grain."""
    at_edge = digit[[0, -1]].any() or digit[:, [0, -1]].any()
    inside = digit[box(digit)]
    width, longer = stroke_width(inside), max(inside.shape)
    if at_edge and (in_corners(digit) or width > BLOB * longer):
        return False
    return bool(inside.sum() <= LENGTH * width * longer)


def central(shape: Shape) -> Floats:
    """Weights, (H, W) in 0..1: 1 in the middle, almost 0 at the edges."""
    y, x = ((np.arange(n) + 0.5) / n for n in shape)
    hill = 16 * np.outer(y * (1 - y), x * (1 - x))
    return (hill**2).astype(np.float32)


def in_box(ink: Floats) -> Floats:
    """The ink, scaled so that its longer side is 20 pixels; what is soft is sharpened."""
    scaled = resampled(ink, *(max(1, round(BOX * n / max(ink.shape))) for n in ink.shape))
    if max(ink.shape) > SMALL or ((ink > 0.2) & (ink < 0.8)).mean() < CRISP:
        return scaled
    soft = blurred(np.pad(scaled, 1))[1:-1, 1:-1]
    return np.asarray(np.clip(GAIN * (2 * scaled - soft), 0, 1))  # an unsharp mask


def in_field(ink: Floats) -> Array:
    """The image, (28, 28) uint8, with the center of mass of the ink at pixel (14, 14).

    MNIST's images have it there to within half a pixel: they, too, were shifted by whole pixels.
    A digit that would extend beyond the image is moved back to its edge.
    """
    height, width = ink.shape
    mass = float(ink.sum())
    middle = SIDE // 2
    y = middle - round(float(ink.sum(axis=1) @ np.arange(height)) / mass)
    x = middle - round(float(ink.sum(axis=0) @ np.arange(width)) / mass)
    y, x = min(max(y, 0), SIDE - height), min(max(x, 0), SIDE - width)
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[y : y + height, x : x + width] = np.rint(255 * ink.clip(0, 1))
    return image
