"""Figures in a file or a window, and sheets of small images with captions.

A program calls `check_target` before any work and `check_drawing` once its input is read: of
several mistakes, the one in the input is told first. It ends with `deliver` and a function that
draws on a `new_figure`. A figure for a file does not touch pyplot's global state; only a window
needs that.
"""

from __future__ import annotations

import math
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    """Raise InputError if `out` is no name for a picture, or cannot be written."""
    if out is None:
        return
    if file_format(out) not in FORMATS:
        raise InputError(f"{option} {out}: expected a file name that ends in {ENDINGS}")
    check_writable(out)


def check_drawing(out: str | None, option: str = "--out") -> None:
    """Raise InputError if matplotlib cannot draw or, for `out` None, cannot open a window."""
    try:
        import matplotlib
    except ImportError as error:
        raise InputError(f"pictures need matplotlib ({error}): pip install matplotlib") from None
    except ValueError as error:  # an unknown MPLBACKEND, or a matplotlibrc that is no text
        raise InputError(
            f"matplotlib does not start: {' '.join(str(error).split())}; correct MPLBACKEND or "
            "matplotlibrc"
        ) from None
    if out is None and not has_screen():
        raise InputError(
            f"there is no screen, or none that matplotlib's backend {matplotlib.get_backend()} "
            f"opens windows on: draw to a file with {option} FILE.png"
        )


def file_format(path: str) -> str:
    """The format of a picture file: the ending of its name.

    >>> file_format("a/b.PNG"), file_format("a.b/c")
    ('png', '')
    """
    return Path(path).suffix.lower().removeprefix(".")


def has_screen() -> bool:
    """Whether matplotlib can open a window. Asking makes it choose a backend."""
    from matplotlib import pyplot as plt

    with own_style():
        try:
            plt.switch_backend(plt.get_backend())
            figure = plt.figure()  # not shown; its canvas, until it is closed, knows the toolkit
            toolkit = figure.canvas.required_interactive_framework
            plt.close(figure)
        except Exception:  # any module may be named as a backend, and fail in its own way
            return False
    # A notebook's backends have no toolkit: they draw for a page that a program is not part of.
    return toolkit is not None or plt.get_backend().lower() == "webagg"  # that one is a server


@contextmanager
def own_style() -> Iterator[None]:
    """Matplotlib's defaults instead of the user's settings, which could break the pictures.

    LaTeX may be missing and chokes on names like a_b, and the sheets have their own layout, colors
    and sizes. The user's fonts serve for the characters that matplotlib's own font lacks.
    """
    import matplotlib
    from matplotlib.font_manager import fontManager

    user, usual = matplotlib.rcParams, matplotlib.rcParamsDefault["font.sans-serif"]
    named = [*user["font.family"], *user["font.sans-serif"]]
    present = {font.name for font in fontManager.ttflist}.difference(usual)
    fonts = [usual[0], *(font for font in named if font in present)]
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        # rcdefaults leaves this one: windows would close at once.
        matplotlib.rcParams.update({"interactive": False, "font.family": fonts})
        yield


def new_figure(out: str | None, width: float, height: float, arranged: bool = False) -> Figure:
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


def deliver(draw: Callable[[], Figure], out: str | None) -> None:
    """Write a figure to the file `out`, whole or not at all; or show it until it is closed."""
    with own_style(), warnings.catch_warnings():
        # Characters that the font lacks show as boxes, which says enough.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = draw()
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
) -> Figure:
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
    axes: Axes,
    card: Card,
    box: tuple[float, float, float, float],
    limits: tuple[float, float],
    colors: str,
) -> AxesImage:
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
