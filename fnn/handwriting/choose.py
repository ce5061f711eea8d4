"""Which pieces of ink are the digit, or the digits of a number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fnn.arrays import Array
from fnn.handwriting.ink import NOISY
from fnn.handwriting.raster import Floats, Mask, border, box, moving, pieces

SPECK = 0.02  # share of the digit's area: a piece up to this size is a speck
ENCLOSED = 0.35  # share of a circle's longer side that a digit in it has at least
HIGH = 0.5  # share of a digit's height that its neighbor in a number has at least
HEAVY = 0.15  # share of its area


class Piece(NamedTuple):
    """A connected piece of ink: its number, its box and its area."""

    number: int
    rows: slice
    columns: slice
    area: int

    @property
    def longer(self) -> int:
        return max(int(side.stop - side.start) for side in (self.rows, self.columns))


def digit_masks(mask: Mask, weights: Floats) -> list[Mask]:
    """The pieces of ink that make up each digit, from left to right.

    The first digit is the piece with the most weight or, if that goes around others like a drawn
    circle, what is inside it. Pieces beside it that are about as high are further digits. To each
    belongs what is near it and larger than a speck. Pieces that touch the edge, such as a frame or
    a shadow, are left out, unless the main piece touches it too.
    """
    gap = 1 + 2 * (max(mask.shape) // NOISY)  # a stroke may have breaks of about this many pixels
    number = pieces(moving(np.maximum, mask, gap, gap)) * mask
    main = 1 + int(np.bincount(number.ravel(), weights.ravel())[1:].argmax())
    edge = set(np.unique(border(number)))
    while (inner := _inside(number, main)) is not None:
        number = np.where(number == main, 0, number)
        main = inner
    area = int((number == main).sum())
    found = _pieces(number, SPECK * area)
    first = next(piece for piece in found if piece.number == main)
    if main not in edge:
        found = [piece for piece in found if piece.number not in edge]
    found = [piece for piece in found if not _around(piece, first)]
    digits = sorted([first, *_neighbors(first, found)], key=lambda piece: piece.columns.start)
    parts: dict[int, list[int]] = {digit.number: [digit.number] for digit in digits}
    for piece in found:
        if piece.number not in parts:
            nearest = min(digits, key=lambda digit: _distance(digit, piece))
            if _distance(nearest, piece) <= nearest.longer // 4:
                parts[nearest.number].append(piece.number)
    return [np.isin(number, parts[digit.number]) for digit in digits]


def _pieces(number: Array, least: float) -> list[Piece]:
    """The pieces of more than so many pixels in a numbered mask."""
    areas = np.bincount(number.ravel())
    return [
        Piece(int(i) + 1, *box(number == i + 1), int(areas[i + 1]))
        for i in np.flatnonzero(areas[1:] > least)
    ]


def _inside(number: Array, main: int) -> int | None:
    """The largest piece that the main one goes around, if that can be a digit."""
    place = box(number == main)
    around = np.pad(number[place] == main, 2)
    outside = pieces(~moving(np.maximum, around, 3, 3))  # a thin line must not leak at its corners
    inner = np.where(outside != outside[0, 0], np.pad(number[place], 2), 0)
    inner[inner == main] = 0
    found = _pieces(inner, SPECK * np.count_nonzero(number == main))
    if not found:
        return None
    whole = box(np.isin(inner, [piece.number for piece in found]))
    longer = max(side.stop - side.start for side in whole)
    largest = max(found, key=lambda piece: piece.area)
    return largest.number if longer > ENCLOSED * max(around.shape) else None


def _around(a: Piece, b: Piece) -> bool:
    """Whether a piece reaches beyond another one on all four sides."""
    sides = (a.rows, b.rows), (a.columns, b.columns)
    return all(outer.start < inner.start and outer.stop > inner.stop for outer, inner in sides)


def _neighbors(first: Piece, found: list[Piece]) -> list[Piece]:
    """The pieces that are further digits of a number."""
    chosen = [first]
    for piece in sorted(found, key=lambda piece: -piece.area):
        height, own = (p.rows.stop - p.rows.start for p in (piece, first))
        level = min(piece.rows.stop, first.rows.stop) - max(piece.rows.start, first.rows.start)
        alike = HIGH * own <= height <= own / HIGH and piece.area >= HEAVY * first.area
        beside = all(_between(piece.columns, other.columns) > 0 for other in chosen)
        if piece is not first and alike and beside and level >= min(height, own) / 2:
            chosen.append(piece)
    return chosen[1:]


def _between(a: slice, b: slice) -> int:
    """How far one range is from another; negative if they overlap."""
    return int(max(a.start, b.start) - min(a.stop, b.stop))


def _distance(a: Piece, b: Piece) -> int:
    return max(_between(a.rows, b.rows), _between(a.columns, b.columns), 0)
