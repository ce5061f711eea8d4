"""What all pictures have in common: colors, and a figure that pyplot knows nothing of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fnn.arrays import Array
from fnn.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150  # dots per inch of a PNG

# Colors that differ for any kind of color vision, and by their lightness in grey.
# Source: Okabe and Ito, "Color universal design", 2008.
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#000000"
COLORS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
GREY = "#5F5F5F"


def check_matplotlib() -> None:
    """Raise InputError unless matplotlib is installed and starts."""
    try:
        import matplotlib  # noqa: F401 - to see whether it is installed
    except ImportError as error:
        raise InputError(f"pictures need matplotlib ({error}): pip install matplotlib") from None
    except ValueError as error:  # an unknown MPLBACKEND, or a matplotlibrc that is no text
        raise InputError(
            f"matplotlib does not start: {' '.join(str(error).split())}; correct MPLBACKEND or "
            "matplotlibrc"
        ) from None


def new_figure(width: float, height: float, arranged: bool = False) -> Figure:
    """An empty figure of a size in inches; if `arranged`, matplotlib keeps its axes apart."""
    check_matplotlib()
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1) if arranged else None
    return Figure(figsize=(width, height), layout=layout)


def check_image(image: Array, what: str) -> None:
    """Raise InputError, which says `what`, unless it is (H, W), (H, W, 1) or (H, W, 3)."""
    shape = np.shape(image)
    if len(shape) not in (2, 3) or shape[2:] not in ((), (1,), (3,)) or 0 in shape:
        raise InputError(f"{what}: expected (H, W), (H, W, 1) or (H, W, 3), found {shape}")


def plain(axes: Axes) -> None:
    """A light grid behind the lines, and no frame above and at the right."""
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
