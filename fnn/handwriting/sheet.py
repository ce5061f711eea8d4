"""Finds the sheet that a digit is on, if the picture shows more than it, and straightens it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from fnn.arrays import Array
from fnn.handwriting.raster import Mask, border, hull, interpolated, moving, otsu, pieces, shrunk

COARSE = 128  # pixels on the longer side: enough to see a sheet
APART = 40.0  # levels of 255 by which a sheet and what it lies on differ at least
LEAST = 64  # pixels of the shorter side: a smaller picture is a digit cut out closely
SMALLEST = 24  # pixels of a sheet's shorter side, at that size
SLIM = 2.5  # what is longer than this many times its width is a stroke
RECTANGLE = 0.86  # share of its rectangle that a rectangle fills; a disc has 0.785
FULL = 0.6  # share of its rectangle that a sheet fills
PLAIN = 0.8  # share of a sheet that is paper
CONVEX = 0.94  # share of its convex hull that a sheet fills; outlines of digits have dents
LITTER = 0.1  # share of the rest of the picture that is as light as the sheet, at most
BETWEEN, SOFT = 0.2, 0.1  # share of pixels that are in between, at most: corners get dark slowly
WRITTEN = 0.997  # share of a dark sheet that is paper, at most
AROUND = 0.6  # share of the picture's edge that is not the sheet
INSET = 0.045  # share of its sides that is cut away: edges are not quite straight
LONGEST = 1200  # pixels of a straightened sheet's longer side


class Turned(NamedTuple):
    """A rectangle: its center (y, x), its height and width, and its angle in radians."""

    center: tuple[float, float]
    height: float
    width: float
    angle: float


def on_its_sheet(picture: Array) -> Array:
    """The sheet in a picture, (H, W) uint8, upright and without its edges.

    A sheet is convex and lighter than what it lies on, or darker and written on. It is turned by
    up to 45 degrees. The picture is returned as it is if there is none, or if the sheet reaches
    beyond most of the picture's edge.
    """
    side = -(-max(picture.shape) // COARSE)
    small = shrunk(picture, side)
    if min(small.shape) < LEAST:
        return picture
    level = 255 * otsu(small / 255, np.ones_like(small))
    light = small > level
    if light.all() or not light.any():
        return picture
    apart = small[light].mean() - small[~light].mean()
    if apart < APART:
        return picture
    between = abs(small - level) < BETWEEN * apart
    for mask, darker in ((light, False), (~light, True)):
        if (there := sheet_in(mask, darker)) is not None:
            sheet, found = there
            if between.mean() > SOFT:  # light that falls off has no edge to cut along
                full = sheet.sum() > RECTANGLE * found.height * found.width
                return straightened(picture, scaled(found, side)) if full else picture
            inside = moving(np.minimum, sheet, 3, 3).repeat(side, 0).repeat(side, 1)
            inside = inside[: picture.shape[0], : picture.shape[1]]
            alone = np.where(inside, picture, np.uint8(np.median(small[mask & sheet])))
            return straightened(alone, scaled(found, side))
    return picture


def sheet_in(mask: Mask, must_be_written_on: bool) -> tuple[Mask, Turned] | None:
    """The largest piece of a mask with all that is in it, and its rectangle, if it is a sheet."""
    number = pieces(mask)
    piece = number == 1 + np.bincount(number.ravel())[1:].argmax()
    if border(piece).mean() > 1 - AROUND:
        return None
    outside = pieces(np.pad(~piece, 1, constant_values=True))
    filled = (outside != outside[0, 0])[1:-1, 1:-1]
    found = rectangle(filled)
    area = found.height * found.width
    shorter, longer = sorted((found.height, found.width))
    if shorter < SMALLEST or longer > SLIM * shorter or filled.sum() < FULL * area:
        return None
    paper = piece.sum() / filled.sum()
    if paper < PLAIN or (must_be_written_on and paper > WRITTEN) or mask[~filled].mean() > LITTER:
        return None
    return (filled, found) if filled.sum() > CONVEX * hull(filled).sum() else None


def rectangle(mask: Mask) -> Turned:
    """The smallest rectangle around a mask, of those at whole degrees from -45 to 45."""
    border = mask & ~moving(np.minimum, mask, 3, 3)
    border |= mask & (np.pad(mask, 1)[2:, 1:-1] != mask)
    points = np.argwhere(border if border.any() else mask).astype(np.float64)

    def at(degrees: int) -> Turned:
        angle = math.radians(degrees)
        down = np.array([math.cos(angle), -math.sin(angle)])
        right = np.array([math.sin(angle), math.cos(angle)])
        sides = [points @ axis for axis in (down, right)]
        middle = [(s.max() + s.min()) / 2 for s in sides]
        y, x = middle[0] * down + middle[1] * right
        height, width = (s.max() - s.min() + 1 for s in sides)
        return Turned((float(y), float(x)), float(height), float(width), angle)

    every = [at(degrees) for degrees in range(-45, 46)]
    return min(every, key=lambda found: (found.height * found.width, abs(found.angle)))


def scaled(found: Turned, side: int) -> Turned:
    """A rectangle of means of blocks in the picture itself."""
    y, x = (side * (n + 0.5) - 0.5 for n in found.center)
    return Turned((y, x), side * found.height, side * found.width, found.angle)


def straightened(picture: Array, found: Turned) -> Array:
    """The part of a picture in a rectangle without its edges, upright; linear interpolation."""
    height, width = ((1 - 2 * INSET) * n for n in (found.height, found.width))
    step = max(1.0, max(height, width) / LONGEST)
    v, u = (np.arange(max(1, int(n / step))) * step - (n - step) / 2 for n in (height, width))
    cos, sin = math.cos(found.angle), math.sin(found.angle)
    y = found.center[0] + cos * v[:, None] + sin * u
    x = found.center[1] - sin * v[:, None] + cos * u
    return interpolated(picture, y, x)
