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
from fnn.handwriting.color import grey_of_colors
from fnn.handwriting.frame import in_corners, without_frame
from fnn.handwriting.ink import NOISY, blank, ink_is_dark, ink_on_paper
from fnn.handwriting.raster import Floats, Mask, box, moving, otsu, pieces, resampled, shrunk
from fnn.handwriting.sheet import on_its_sheet

SIDE = 28
BOX = 20
LONGEST = 600  # pixels on the longer side to work with: a pen stroke on a page is about two wide
FEW = 2 * BOX  # pixels: a digit whose longer side is shorter is looked at again, closer up
FAINTEST = 0.035  # how much ink must differ from paper, as a share of the paper's brightness
SPREAD = 1.4826  # the standard deviation of normal noise in units of its median absolute value
TOO_NOISY = 3.5  # how much ink must differ from paper, in standard deviations of the paper's noise
LENGTH = 5  # the total length of strokes, in longer sides of the digit, is less
BLOB = 0.35  # share of its longer side: what touches the edge and is wider has no strokes
STROKES = (1.5, 4.5)  # stroke widths in the box, in pixels: 97% of MNIST's are in between
SPECK = 0.02  # share of the digit's area: a piece up to this size is a speck
HALO = 0.1  # fainter ink does not count for the bounding box


def digit_image(picture: Array) -> Array:
    """The digit in a picture as an image like MNIST's: light ink on black, (28, 28) uint8.

    The picture is grey, (H, W) uint8 of any size, with a digit dark on light or light on dark and
    some paper around it. The light may be uneven; specks, and whatever reaches in from the edges,
    are left out. The digit keeps its proportions; strokes thinner or thicker than MNIST's get the
    nearest width that MNIST has. An MNIST image stays almost the same.

    >>> drawing = np.full((100, 60), 255, np.uint8)
    >>> drawing[20:80, 25:31] = 0
    >>> image = digit_image(drawing)
    >>> image.shape, int(image.max()), int(image.min())
    ((28, 28), 255, 0)

    Raises InputError for a blank picture, or one of another shape or type.
    """
    picture = np.asarray(picture)
    colored = picture.ndim == 3 and picture.shape[2] == 3
    if not (picture.ndim == 2 or colored) or picture.dtype != np.uint8 or picture.size == 0:
        found = f"{picture.shape} of {picture.dtype}"
        raise InputError(f"expected a picture, (H, W) or (H, W, 3) of uint8, found {found}")
    picture = on_its_sheet(grey_of_colors(picture) if colored else picture)
    block = block_side(picture.shape)
    digit = digit_ink(shrunk(picture, block))
    if block > 1 and max(digit.ink.shape) < FEW:
        near = surroundings(picture, digit, block)
        digit = digit_ink(shrunk(near, block_side(near.shape)))
    return in_field(in_box(with_usual_strokes(digit.ink)))


class Digit(NamedTuple):
    """The ink in the box around a digit, 0..1, and the position of that box in the picture."""

    ink: Floats
    top: int
    left: int


def block_side(shape: Shape) -> int:
    """The side of square blocks of pixels of which no side of a picture has more than LONGEST."""
    return math.ceil(max(shape) / LONGEST)


def surroundings(picture: Array, digit: Digit, block: int) -> Array:
    """The part of a picture around a digit that was found in the means of its blocks."""
    margin = max(digit.ink.shape)
    rows, columns = (
        slice(max(start - margin, 0) * block, (start + n + margin) * block)
        for start, n in zip((digit.top, digit.left), digit.ink.shape, strict=True)
    )
    return picture[rows, columns]


def digit_ink(grey: Floats, framed: bool = True) -> Digit:
    """The digit in a picture, (H, W) in 0..255.

    With `framed`, a piece that fills its box is taken for a sheet on some background, or a tile,
    and the digit is looked for inside it. Raises InputError if nothing stands out.
    """
    weights = central(grey.shape)
    ink = without_frame(ink_on_paper(grey if ink_is_dark(grey) else 255 - grey), weights)
    mask = ink > otsu(ink, weights)
    if not mask.any():
        raise blank()
    digit = digit_mask(mask, weights)
    low = np.median(ink[~mask])
    at_edge = digit[[0, -1]].any() or digit[:, [0, -1]].any()
    noise = SPREAD * np.median(abs(ink[~mask] - low))
    if ink[digit].mean() - low < max(FAINTEST, TOO_NOISY * noise):
        raise blank()
    if at_edge and in_corners(digit):
        raise blank()  # dark corners, or the rest of a frame
    rows, columns = box(digit)
    width, longer = stroke_width(digit[rows, columns]), max(digit[rows, columns].shape)
    if (at_edge and width > BLOB * longer) or digit.sum() > LENGTH * width * longer:
        raise blank()  # a shadow, a thumb or the table; or the grain of the paper
    if framed and is_sheet(digit[rows, columns]):
        y, x = (n // 16 for n in digit[rows, columns].shape)  # a tilted border stays at the edge
        inside = grey[rows.start + y : rows.stop - y, columns.start + x : columns.stop - x]
        found = digit_ink(inside, framed=False)
        return found._replace(top=found.top + rows.start + y, left=found.left + columns.start + x)
    # Soft edges belong to the digit: in a small picture they are a large part of it.
    around = moving(np.maximum, digit, 3, 3)
    high = np.quantile(ink[digit], 0.8)
    soft = np.where(around, np.clip((ink - low) / (high - low), 0, 1), 0).astype(np.float32)
    rows, columns = box(soft > HALO)
    return Digit(soft[rows, columns], rows.start, columns.start)


def central(shape: Shape) -> Floats:
    """Weights, (H, W) in 0..1: 1 in the middle, almost 0 at the edges."""
    y, x = ((np.arange(n) + 0.5) / n for n in shape)
    hill = 16 * np.outer(y * (1 - y), x * (1 - x))
    return (hill**2).astype(np.float32)


def digit_mask(mask: Mask, weights: Floats) -> Mask:
    """The pieces of ink that make up the digit.

    They are the piece with the most weight, and any piece near it that is larger than a speck.
    Pieces that touch the edge, such as a frame or a shadow, are left out, unless the main piece
    touches it too.
    """
    gap = 1 + 2 * (max(mask.shape) // NOISY)  # a stroke may have breaks of about this many pixels
    number = pieces(moving(np.maximum, mask, gap, gap)) * mask
    areas = np.bincount(number.ravel())
    main = 1 + np.bincount(number.ravel(), weights.ravel())[1:].argmax()
    place = box(number == main)
    reach = max(side.stop - side.start for side in place) // 4
    near = number[tuple(slice(max(s.start - reach, 0), s.stop + reach) for s in place)]
    kept = np.bincount(near.ravel(), minlength=len(areas)) > 0
    kept &= areas > SPECK * areas[main]
    edge = np.concatenate([number[0], number[-1], number[:, 0], number[:, -1]])
    if main not in edge:
        kept[edge] = False
    kept[0] = False
    return np.asarray(kept[number])


def is_sheet(piece: Mask) -> bool:
    """Whether a piece fills so much of its box that it cannot be a digit, not even a 1."""
    shorter, longer = sorted(piece.shape)
    return bool(piece.mean() > 0.75 and shorter >= SIDE and shorter > longer / 2)


def with_usual_strokes(ink: Floats) -> Floats:
    """The ink in its box, with strokes that are as wide as MNIST's once it is scaled to 20 pixels.

    The stroke width is the area divided by half the perimeter. Without this step, hairlines would
    fade in the scaling, and the strokes of a broad brush would fill the box.
    """
    width = stroke_width(ink)
    pixel = max(ink.shape) / BOX
    change = round(min(max(width, STROKES[0] * pixel), STROKES[1] * pixel) - width)
    if change == 0:
        return ink
    reach = abs(change)
    extreme = np.maximum if change > 0 else np.minimum
    changed = moving(extreme, np.pad(ink, reach), reach + 1, reach + 1)
    left = changed > HALO
    # Thinning may leave nothing of an uneven patch: it is not made of strokes.
    return np.asarray(changed[box(left)]) if left.any() else ink


def stroke_width(ink: Floats | Mask) -> float:
    """The width of the strokes in pixels: the area divided by half the perimeter."""
    padded = np.pad(ink.astype(np.float32), 1)
    steps = sum(float(abs(np.diff(padded, axis=axis)).sum()) for axis in (0, 1))
    perimeter = steps * np.pi / 4  # along a slanting line, the steps are up to 1.4 times its length
    return 2 * float(padded.sum()) / perimeter


def in_box(ink: Floats) -> Floats:
    """The ink, scaled so that its longer side is 20 pixels."""
    return resampled(ink, *(max(1, round(BOX * n / max(ink.shape))) for n in ink.shape))


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
