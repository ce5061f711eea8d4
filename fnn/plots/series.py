"""Lines, and an image beside the probabilities of its classes."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from fnn.arrays import Array
from fnn.errors import InputError, kind, one_line
from fnn.plots.style import COLORS, GREEN, GREY, VERMILION, check_image, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DASHES = ("-", "--", ":", "-.")
MOST = 30  # most bars that can be read
LETTERS, WIDEST = 48, 16  # letters of a title over bars, and of a name under one


def smoothed(values: ArrayLike, n: int) -> tuple[Array, Array]:
    """The means of each n values in a row, and how many values there have been by then.

    What is left at the end, fewer than n, is left out.

    >>> at, means = smoothed([3, 1, 4, 2, 9], 2)
    >>> at.tolist(), means.tolist()
    ([2, 4], [2.0, 3.0])

    Raises InputError if there are fewer than n values, or n is below 1.
    """
    series = np.asarray(values, np.float64).ravel()
    if not 1 <= n <= len(series):
        raise InputError(f"n: expected 1..{len(series)}, the number of values, found {n}")
    rows = len(series) // n
    return n * np.arange(1, rows + 1), series[: rows * n].reshape(rows, n).mean(axis=1)


def lines(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    log: bool = False,
) -> Figure:
    """One line for each name, through the points of its two series: x and y, both (n,).

    The lines differ in color and, for those who see none, in their dashes. If `log`, the axis of y
    is logarithmic. Raises InputError for no lines, and for one without two series of equal length.
    """
    if not curves:
        raise InputError("curves: expected one or more lines, found none")
    figure = new_figure(7, 3.2, arranged=True)
    axes = figure.add_subplot()
    for i, (name, series) in enumerate(curves.items()):
        try:
            x, y = series
        except (TypeError, ValueError):
            expected = f"expected two series, x and y, found {kind(series)}"
            raise InputError(f"curves[{name!r}]: {expected}") from None
        shapes = np.shape(x), np.shape(y)
        if len(shapes[0]) != 1 or shapes[0] != shapes[1]:
            raise InputError(f"curves[{name!r}]: expected x and y alike, (n,), found {shapes}")
        axes.plot(
            np.asarray(x),
            np.asarray(y),
            color=COLORS[i % len(COLORS)],
            linestyle=DASHES[i // len(COLORS) % len(DASHES)],
            linewidth=1.5,
            label=f"line {i}",
        )
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_title(textwrap.fill(one_line(title), 70), fontsize=11, parse_math=False)
    if log:
        axes.set_yscale("log", nonpositive="mask")
    plain(axes)
    legend = figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    # Names are set afterwards: matplotlib skips labels that begin with "_".
    for text, name in zip(legend.get_texts(), curves, strict=True):
        text.set_parse_math(False)
        text.set_text(one_line(name))
    return figure


def answer(
    image: Array, p: ArrayLike, names: Sequence[str] | None = None, label: int | None = None
) -> Figure:
    """An image, (H, W) or (H, W, 3), beside the probabilities p, (classes,), of its classes.

    The title says which class is the most probable, and which is the true one if `label` is given:
    its bar is green, the answer's orange if that is another. The classes are called 0, 1, ...
    without `names`. Raises InputError for no image, or if names or label do not fit p.
    """
    check_image(image, "image")
    shares = np.asarray(p, np.float64)
    classes = [str(i) for i in range(shares.size)] if names is None else list(map(one_line, names))
    if shares.ndim != 1 or not 1 <= shares.size <= MOST or len(classes) != shares.size:
        raise InputError(
            f"p: expected 1..{MOST} probabilities, one for each name, found {shares.shape} and "
            f"{len(classes)} names"
        )
    if label is not None and not 0 <= label < len(shares):
        raise InputError(f"label: expected 0..{len(shares) - 1}, found {label}")
    said = int(shares.argmax())
    colors = [GREY] * len(shares)
    if label is not None:
        colors[said] = VERMILION
        colors[label] = GREEN
    title = f"answer: {classes[said]} ({shares[said]:.0%})"
    if label is not None:
        title += f"; label: {classes[label]}"
    figure = new_figure(6.5, 2.6, arranged=True)
    left, right = figure.subplots(1, 2, width_ratios=(1, 2))
    left.imshow(image, "gray", interpolation="nearest")
    left.axis("off")
    right.bar(range(len(shares)), shares, color=colors)
    ticks = [name if len(name) <= WIDEST else f"{name[: WIDEST - 1]}…" for name in classes]
    turned = max(map(len, ticks)) * len(ticks) > LETTERS
    right.set_xticks(range(len(shares)), ticks, rotation=90 if turned else 0)
    for text in right.get_xticklabels():
        text.set_parse_math(False)
    right.set(ylim=(0, 1), ylabel="probability")
    right.set_title(textwrap.fill(title, LETTERS), fontsize=10, parse_math=False)
    right.spines[["top", "right"]].set_visible(False)
    return figure
