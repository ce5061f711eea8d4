"""The width of strokes, and strokes as wide as MNIST's."""

from __future__ import annotations

import numpy as np

from fnn.handwriting.raster import Floats, Mask, box, moving

BOX = 20
STROKES = (1.5, 4.5)  # stroke widths in the box, in pixels: 97% of MNIST's are in between
HALO = 0.1  # fainter ink does not count for the bounding box


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
