"""What of a picture is ink and what paper, whichever is darker and however the light falls."""

import numpy as np

from fnn.errors import InputError
from fnn.handwriting.raster import Floats, blurred, moving, resampled

COARSE = 64  # pixels of a side that show how the light falls
NOISY = 200  # pixels of a side from which on single pixels are no strokes
DARKEST = 64.0  # brightness of paper below which a share of it would be one of noise


def ink_is_dark(grey: Floats) -> bool:
    """Whether the ink is darker than the paper.

    Ink is what there is less of, when a plane has taken away how the light falls: then the
    brightness is skewed to its side. Where both are about as much, paper is what is at the border.
    """
    small = resampled(grey, *(min(n, COARSE) for n in grey.shape))
    y, x = (axis / n for axis, n in zip(np.indices(small.shape), small.shape, strict=True))
    plane = np.stack([np.ones(small.size), y.ravel(), x.ravel()], axis=1)
    rest = small.ravel() - plane @ np.linalg.lstsq(plane, small.ravel())[0]
    spread = rest.std()
    if spread < 1e-3:
        raise blank()
    skew = ((rest / spread) ** 3).mean()  # of two tones, 0.5 where 38% are of the rarer
    if abs(skew) > 0.5:
        return bool(skew < 0)
    border = np.ones(small.shape, bool)
    border[1:-1, 1:-1] = False
    return bool(rest[border.ravel()].mean() > 0)


def ink_on_paper(grey: Floats) -> Floats:
    """How much darker than the paper, 0..1, each pixel is."""
    calm = blurred(grey) if max(grey.shape) >= NOISY else grey
    paper = paper_under(calm)
    return np.clip((paper - calm) / np.maximum(paper, DARKEST), 0, 1)


def paper_under(grey: Floats) -> Floats:
    """The brightness of the paper everywhere, also where ink is.

    A morphological closing: the lightest in a window of half the picture's size is paper, and the
    darkest of such in a window is the paper in its middle. That follows light and shadow, and is
    exact where the light changes evenly, save where the window meets the edge; there the paper
    goes on as it changed before.
    """
    small = resampled(grey, *(min(n, COARSE) for n in grey.shape))
    y, x = (n // 4 for n in small.shape)
    window = 2 * y + 1, 2 * x + 1
    closed = moving(np.minimum, moving(np.maximum, small, *window), *window)
    inner = closed[y : small.shape[0] - y, x : small.shape[1] - x]
    paper = np.pad(inner, ((y, y), (x, x)), mode="reflect", reflect_type="odd")
    return resampled(np.clip(paper, inner.min() / 2, 255), *grey.shape)


def blank() -> InputError:
    return InputError(
        "the picture is blank or its ink too faint: expected a digit, dark on light or light on "
        "dark"
    )
