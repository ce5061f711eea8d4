"""The confusion matrix as a picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fnn.arrays import Array
from fnn.errors import InputError, one_line
from fnn.plots.style import check_matplotlib, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NUMBERED = 30  # most classes for which each cell of the picture shows its count


def confusion_matrix(counts: Array, names: Sequence[str] | None = None, title: str = "") -> Figure:
    """The counts of `fnn.confusion`, (classes, classes): a row for each true class.

    Colors show shares of the row, numbers the counts, for up to 30 classes; 0 is blank. The classes
    are called 0, 1, ... without `names`. Raises InputError if there is not one name for each row
    and each column.
    """
    counts = np.asarray(counts)
    if names is None:
        names = [str(i) for i in range(len(np.atleast_1d(counts)))]
    if counts.shape != (len(names), len(names)) or not len(names):
        raise InputError(
            f"counts: expected as many rows and columns as names, {len(names)}, found the shape "
            f"{counts.shape}"
        )
    check_matplotlib()
    from matplotlib.colors import PowerNorm

    classes = len(names)
    cell = 0.5 if classes <= NUMBERED else 0.12
    side = max(2.5, cell * classes)
    figure = new_figure(side + 2.3, side + 1.4, arranged=True)
    axes = figure.add_subplot()
    support = counts.sum(axis=1, keepdims=True)
    shares = np.divide(100 * counts, support, out=np.zeros(counts.shape), where=support != 0)
    # Square-root scale: on a linear one, the few mistakes of a good network would be white.
    shown = axes.imshow(shares, "Blues", norm=PowerNorm(0.5, 0, 100))
    size, places = (9 if classes <= NUMBERED else 6), range(classes)
    turned = max(map(len, names)) * size * 0.6 / 72 > cell
    axes.set_xticks(places, names, fontsize=size, rotation=90 if turned else 0)
    axes.set_yticks(places, names, fontsize=size)
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        text.set_parse_math(False)
    axes.tick_params(length=0)
    if classes <= NUMBERED:
        for (i, j), count in np.ndenumerate(counts):
            color = "white" if shares[i, j] > 36 else "black"
            if count:
                axes.text(j, i, f"{count}", ha="center", va="center", fontsize=8, color=color)
    axes.set_title(textwrap.fill(one_line(title), int(side / 0.09)), fontsize=11, parse_math=False)
    axes.set(xlabel="answer", ylabel="true class")
    figure.colorbar(
        shown, ax=axes, label="share of the true class (%, square-root scale)", shrink=0.8
    )
    return figure
