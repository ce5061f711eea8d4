"""Separates ink from paper, whichever is darker and however the light falls."""

from __future__ import annotations

import math

import numpy as np

from fnn.errors import InputError
from fnn.handwriting.raster import Floats, Mask, blurred, moving, resampled, without_slope

COARSE = 64  # pixels along a side: enough to see how the light falls
NOISY = 200  # pixels along a side: in larger pictures a stroke is wider than one pixel
NARROW = 2  # how much longer than wide
DARKEST = 64.0  # brightness: a share of darker paper would be mostly noise


def ink_is_dark(grey: Floats) -> bool:
    """Whether the ink is darker than the paper.

    Ink is the rarer of the two: with the slope of the light removed by a fitted plane, the
    brightness is skewed to its side. If both are about equally common, the border is paper. In a
    narrow picture, cut at the strokes of a 1, ink is the more common, and the corners are paper.
    """
    small = resampled(grey, *(min(n, COARSE) for n in grey.shape))
    rest = without_slope(small).ravel()
    spread = rest.std()
    if spread < 1e-3:
        raise blank()
    skew = ((rest / spread) ** 3).mean()  # two tones, the rarer in 38% of the pixels, have 0.5
    if max(grey.shape) > NARROW * min(grey.shape):
        corners = rest.reshape(small.shape)[np.ix_([0, -1], [0, -1])]
        return bool(np.median(corners) > (rest.max() + rest.min()) / 2)
    if abs(skew) > 0.5:
        return bool(skew < 0)
    border = np.ones(small.shape, bool)
    border[1:-1, 1:-1] = False
    return bool(rest[border.ravel()].mean() > 0)


def ink_on_paper(grey: Floats) -> Floats:
    """How much darker than the paper each pixel is, 0..1."""
    calm = blurred(grey) if max(grey.shape) >= NOISY else grey
    paper = paper_under(calm)
    return np.clip((paper - calm) / np.maximum(paper, DARKEST), 0, 1)


def paper_under(grey: Floats) -> Floats:
    """The brightness of the paper everywhere, even under the ink.

    A morphological closing: the lightest pixel in a window of half the picture's size is paper, and
    the darkest of these values in a window is the paper at its center. This follows light and
    shadow, and is exact where the light changes linearly, except where the window meets the edge;
    there the paper is extrapolated.
    """
    small = resampled(grey, *(min(n, COARSE) for n in grey.shape))
    y, x = (n // 4 for n in small.shape)
    window = 2 * y + 1, 2 * x + 1
    closed = moving(np.minimum, moving(np.maximum, small, *window), *window)
    inner = closed[y : small.shape[0] - y, x : small.shape[1] - x]
    paper = np.pad(inner, ((y, y), (x, x)), mode="reflect", reflect_type="odd")
    return resampled(np.clip(paper, inner.min() / 2, 255), *grey.shape)


def grain(ink: Floats, digit: Mask) -> float:
    """The standard deviation of the paper's grain, from differences of neighbors; 0 without any."""
    paper = ~moving(np.maximum, digit, 3, 3)
    steps = np.diff(ink, axis=1)[paper[:, 1:] & paper[:, :-1]]
    return math.sqrt(float((steps**2).mean()) / 2) if steps.size else 0.0


def blank() -> InputError:
    expected = "expected a digit, dark on light or light on dark"
    return InputError(f"the picture is blank or its ink too faint: {expected}")
