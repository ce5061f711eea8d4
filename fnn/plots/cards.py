"""Sheets of small images with captions."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from fnn.arrays import Array
from fnn.errors import InputError, kind, one_line
from fnn.plots.style import BLACK, GREY, VERMILION, check_image, check_matplotlib, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

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
    cards: Sequence[Card],
    title: str = "",
    limits: tuple[float, float] = (0, 255),
    colors: str = "gray",
    scale: str = "",
    columns: int | None = None,
) -> Figure:
    """A figure of one or more cards, row by row, all of them as high and as wide as the first.

    Grey images, (H, W), are drawn with the color map `colors` between the two limits, with a color
    bar labeled `scale` below them if that is given; images (H, W, 3) are drawn as they are: uint8,
    or 0..1. There are `columns` cards in a row, by default so many that the sheet is about twice as
    wide as high. Raises InputError for no cards, no images, or fewer than one column.
    """
    check_matplotlib()
    if not cards:
        raise InputError("cards: expected one or more, found none")
    if columns is not None and columns < 1:
        raise InputError(f"columns: expected 1 or more, found {columns}")
    for i, card in enumerate(cards):
        if not isinstance(card, Card):
            raise InputError(f"cards[{i}]: expected a Card(image, caption), found {kind(card)}")
        check_image(card.image, f"cards[{i}].image")
    columns = columns_of(len(cards)) if columns is None else min(columns, len(cards))
    rows = -(-len(cards) // columns)
    letters = max(max(len(c.caption), len(c.answer), len(c.note)) for c in cards)
    side = max(min(3.0, max(1.0, 9.0 / columns)) - GAP, letters * LETTER)
    height = side * cards[0].image.shape[0] / cards[0].image.shape[1]
    above = LINE * max(bool(c.caption) + bool(c.answer) for c in cards)
    cell = above + height + NOTE * any(c.note for c in cards) + GAP
    content = columns * (side + GAP) - GAP
    width = max(content + 2 * MARGIN, NARROWEST)
    title = textwrap.fill(one_line(title), int((width - 2 * MARGIN) / TITLE_LETTER))
    top = MARGIN + (TITLE_LINE * len(title.splitlines()) + GAP / 2) * bool(title)
    bottom = top + rows * cell + BAR * bool(scale)
    figure = new_figure(width, bottom)
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
        shown = axes.text(middle, y, text, ha="center", va="bottom", fontsize=8.5, color=color)
        shown.set_parse_math(False)
    y = lower + 0.03
    note = axes.text(middle, y, card.note, ha="center", va="top", fontsize=6.5, color=GREY)
    note.set_parse_math(False)
    low, high = limits
    return axes.imshow(card.image, colors, vmin=low, vmax=high, extent=box, interpolation="nearest")
