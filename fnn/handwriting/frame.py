"""Takes away what surrounds a digit: the lines of a cell, of a form or of ruled paper."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fnn.handwriting.raster import Floats, Mask, border, moving, otsu, pieces

SMALLEST = 24  # pixels: in smaller pictures a line cannot be told from a stroke
LINE = 0.85  # share of a row that has ink, where there is a line
OUTER = 0.24  # share of the rows, at each end, where lines are looked for
CORNERS = 0.6  # share of a piece that is outside the ellipse, above which it is no digit
SLANT = 24  # a line rises or falls by up to 1 in this many


def without_frame(ink: Floats, weights: Floats) -> Floats:
    """The ink without lines from edge to edge near the edges, in 0..1, (H, W).

    Such lines, upright or level or slanting by up to 1 in 24, are a cell's or a form's. What they
    cross is lost, too. If what is left in the middle still touches the edge, the picture was cut
    at a digit's own strokes, and nothing is taken away; `weights` say how central each pixel is.
    """
    if min(ink.shape) < SMALLEST:
        return ink
    mask = ink > 0.8 * otsu(ink, np.ones_like(ink))
    rows, columns = (_lines(side) for side in (mask, mask.T))
    lines = rows[:, None] | columns
    rest = mask & ~lines
    if not lines.any():
        return ink
    if rest.any():
        number = pieces(rest)
        main = 1 + np.bincount(number.ravel(), weights.ravel())[1:].argmax()
        edge = border(number)
        if main in edge and not in_corners(number == main):
            return ink
    return np.where(lines, np.float32(0), ink)


def in_corners(piece: Mask) -> bool:
    """Whether most of a piece is outside the ellipse that fits into the picture.

    A digit is inside, even if the picture has no margin; corners and parts of a frame are not.
    """
    y, x = ((2 * np.arange(n) + 1) / n - 1 for n in piece.shape)
    return bool(piece[np.add.outer(y**2, x**2) > 1].sum() > CORNERS * piece.sum())


def _lines(mask: Mask) -> NDArray[np.bool_]:
    """Which rows belong to a line near the top or the bottom, (H,)."""
    height, width = mask.shape
    window = max(3, height // SLANT) | 1
    near = moving(np.maximum, mask, window, 1)
    end = max(1, width // 25)
    line = near.mean(axis=1) > LINE
    line &= near[:, :end].any(axis=1) & near[:, -end:].any(axis=1)
    line[int(height * OUTER) : height - int(height * OUTER)] = False
    return np.asarray(moving(np.maximum, line[:, None], window, 1)[:, 0])
