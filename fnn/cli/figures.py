"""Figures in a file or a window, and sheets of small images with captions.

A program calls `check_target` before any work, draws on a `new_figure`, and ends with `deliver`.
A figure for a file does not touch pyplot's global state; only a window needs that.
"""

import math
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fnn.arrays import Array
from fnn.cli.program import Parser
from fnn.errors import InputError, one_line, say
from fnn.files.atomic import check_writable, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

FORMATS = ("png", "pdf", "svg")
ENDINGS = ".png, .pdf or .svg"
DPI = 150  # dots per inch of a PNG

# Colors that differ for any kind of color vision, and by their lightness in grey.
# Source: Okabe and Ito, "Color universal design", 2008.
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#000000"
COLORS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
GREY = "#5F5F5F"


def add_out_argument(parser: Parser) -> None:
    parser.add_argument(
        "--out",
        metavar="FILE",
        help=f"the file to draw to, {ENDINGS}; by default a window, if there is a screen",
    )


def check_target(out: str | None, option: str = "--out") -> None:
    """Raise InputError if a picture cannot be drawn to the file `out` or, for None, a window."""
    try:
        import matplotlib  # noqa: F401 - to see whether it is installed
    except ImportError as error:
        raise InputError(f"pictures need matplotlib ({error}): pip install matplotlib") from None
    except ValueError as error:  # an unknown MPLBACKEND
        raise InputError(f"matplotlib does not start: {' '.join(str(error).split())}") from None
    if out is None:
        if not has_screen():
            raise InputError(
                f"there is no screen for a window: draw to a file with {option} FILE.png"
            )
        return
    if file_format(out) not in FORMATS:
        raise InputError(f"{option} {out}: expected a file name that ends in {ENDINGS}")
    check_writable(out)


def file_format(path: str) -> str:
    """The format of a picture file: the ending of its name.

    >>> file_format("a/b.PNG"), file_format("a.b/c")
    ('png', '')
    """
    return Path(path).suffix.lower().removeprefix(".")


def has_screen() -> bool:
    """Whether matplotlib can open a window. Asking makes it choose a backend."""
    from matplotlib import pyplot as plt

    try:
        plt.switch_backend(plt.get_backend())
    except ImportError:  # a toolkit that was requested by name is missing
        return False
    return plt.get_backend().lower() not in {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}


def new_figure(out: str | None, width: float, height: float, arranged: bool = False) -> "Figure":
    """An empty figure of a size in inches, for the file `out` or, for None, a window.

    If `arranged`, matplotlib arranges the axes so that nothing overlaps.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1) if arranged else None
    if out is not None:
        return Figure(figsize=(width, height), layout=layout)
    from matplotlib import pyplot as plt

    return plt.figure(figsize=(width, height), layout=layout)


def deliver(figure: "Figure", out: str | None) -> None:
    """Write the figure to the file `out`, whole or not at all; or show it until it is closed."""
    with warnings.catch_warnings():
        # Characters that the font lacks show as boxes, which says enough.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        if out is None:
            from matplotlib import pyplot as plt

            plt.show()
        else:
            kind = file_format(out)
            write_atomically(out, lambda file: figure.savefig(file, format=kind, dpi=DPI))
            say(f"picture written to {out}")


# All lengths are in inches: the axes fill the figure, and their unit is the inch.
MARGIN, GAP = 0.15, 0.14
TITLE_LINE, LINE, NOTE, BAR = 0.24, 0.16, 0.15, 0.7
TITLE_LETTER, LETTER = 0.095, 0.066  # widths of a wide letter, to leave room for captions
NARROWEST = 3.5  # width of a figure: a color bar and a title need this much


class Card(NamedTuple):
    """An image, (H, W) or (H, W, 3), with a caption above it and a grey note below it.

    The caption's second line, `answer`, is colored.
    """

    image: Array
    caption: str
    answer: str = ""
    note: str = ""


def columns_of(n: int) -> int:
    """The number of columns that makes a sheet of n images about twice as wide as high.

    >>> [columns_of(n) for n in (1, 2, 10, 50)]
    [1, 2, 5, 10]
    """
    return min(n, math.ceil(math.sqrt(2 * n)))


def sheet(
    out: str | None,
    title: str,
    cards: Sequence[Card],
    limits: tuple[float, float] = (0, 255),
    colors: str = "gray",
    scale: str = "",
) -> "Figure":
    """A figure of one or more cards, row by row, for the file `out` or a window.

    Grey images, (H, W), are drawn with the color map `colors` between the two limits, with a color
    bar labeled `scale` below them if that is given; images (H, W, 3) are drawn as they are.
    """
    columns = columns_of(len(cards))
    rows = -(-len(cards) // columns)
    letters = max(max(len(c.caption), len(c.answer), len(c.note)) for c in cards)
    side = max(min(3.0, max(1.0, 9.0 / columns)) - GAP, letters * LETTER)
    height = side * cards[0].image.shape[0] / cards[0].image.shape[1]
    above = LINE * max(bool(c.caption) + bool(c.answer) for c in cards)
    cell = above + height + NOTE * any(c.note for c in cards) + GAP
    content = columns * (side + GAP) - GAP
    width = max(content + 2 * MARGIN, NARROWEST)
    title = textwrap.fill(one_line(title), int((width - 2 * MARGIN) / TITLE_LETTER))
    top = MARGIN + TITLE_LINE * len(title.splitlines()) + GAP / 2
    bottom = top + rows * cell + BAR * bool(scale)
    figure = new_figure(out, width, bottom)
    figure.suppressComposite = True  # PDF and SVG would merge the images, which takes minutes
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.text(width / 2, MARGIN, title, ha="center", va="top", fontsize=11, parse_math=False)
    for i, card in enumerate(cards):
        x = (width - content) / 2 + i % columns * (side + GAP)
        y = top + i // columns * cell + above
        shown = draw(axes, card, (x, x + side, y + height, y), limits, colors)
    axes.set(xlim=(0, width), ylim=(bottom, 0), aspect="auto")  # imshow has changed them
    if scale:
        wide = min(4.0, width - 4 * MARGIN)
        place = (0.5 - wide / width / 2, 0.46 / bottom, wide / width, 0.1 / bottom)
        bar = figure.colorbar(shown, cax=figure.add_axes(place), orientation="horizontal")
        bar.set_label(scale, fontsize=8.5)
        bar.ax.tick_params(labelsize=7)
    return figure


def draw(
    axes: "Axes",
    card: Card,
    box: tuple[float, float, float, float],
    limits: tuple[float, float],
    colors: str,
) -> "AxesImage":
    """Draw a card; `box` is the left, right, lower and upper edge of its image, y pointing down."""
    left, right, lower, upper = box
    middle = (left + right) / 2
    frame = [left, right, right, left, left], [lower, lower, upper, upper, lower]
    axes.plot(*frame, color="silver", linewidth=0.5)
    lines = [(text, c) for text, c in ((card.answer, VERMILION), (card.caption, BLACK)) if text]
    for up, (text, color) in enumerate(lines):
        y = upper - LINE * up - 0.03
        axes.text(middle, y, text, ha="center", va="bottom", fontsize=8.5, color=color)
    y = lower + 0.03
    axes.text(middle, y, card.note, ha="center", va="top", fontsize=6.5, color=GREY)
    low, high = limits
    return axes.imshow(card.image, colors, vmin=low, vmax=high, extent=box, interpolation="nearest")
