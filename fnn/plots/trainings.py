"""Trainings epoch by epoch: losses and accuracies on training, test and validation images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fnn.errors import InputError
from fnn.plots.style import COLORS, GREY, new_figure, plain
from fnn.training.history import LOSSES, SHARES, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Style(NamedTuple):
    """How a line looks, by the images that its figures are measured on."""

    name: str
    line: Literal["-", ":", "--"]
    fill: Literal["full", "top", "none"]  # of its markers
    loss: str  # the columns of its figures
    accuracy: str


STYLES = (
    Style("training images", "-", "full", "loss", "train_accuracy"),
    Style("test images", "--", "none", "test_loss", "test_accuracy"),
    Style("validation images", ":", "top", "validation_loss", "validation_accuracy"),
)
# Line styles are taken, so runs differ by color and marker. The numbers of the two have no common
# divisor: each run of the first 104 has a look of its own, and neighbors differ in both.
RUN_COLORS = (*COLORS, "#8A2BE2", "#8FBC1F", "#FF1493", "#332288", "#7F7F7F", "#800000")
MARKERS, MARKED = "osD^vPX*", 20  # at most so many on a line
WIDTH, LETTER = 11.0, 0.1  # of the figure and of a letter in the legend, inches
WIDE_RANGE = 30.0  # a loss that varies by a larger factor gets a logarithmic scale


class Curves(NamedTuple):
    """A training, epoch by epoch: values by column, as in metrics.csv; missing ones are nan."""

    name: str
    epochs: list[int]
    figures: dict[str, list[float]]  # by column: the loss, and the other columns with any values


def curves_of(rows: Sequence[Row], name: str = "") -> Curves:
    """The curves of a training from the rows of its stages, one for each epoch.

    >>> import fnn
    >>> digits = fnn.open_data("digits", "test").data
    >>> net = fnn.serial(fnn.flatten(), fnn.dense(10))
    >>> stages = fnn.training.train(fnn.training.Job(net, fnn.sgd(), digits, epochs=2))
    >>> one = curves_of([now.row for now in stages if now.row], "sgd")
    >>> one.epochs, sorted(one.figures)
    ([1, 2], ['loss', 'train_accuracy'])

    Raises InputError for no rows.
    """
    if not rows:
        raise InputError("rows: expected those of one or more epochs, found none")
    found = {column: values_of(rows, column) for column in (*LOSSES, *SHARES)}
    known = {c: v for c, v in found.items() if c == "loss" or any(map(math.isfinite, v))}
    return Curves(name, [row.epoch for row in rows], known)


def values_of(rows: Sequence[Row], column: str) -> list[float]:
    return [math.nan if (v := getattr(row, column)) is None else v for row in rows]


def positive(loss: float) -> bool:
    """Whether a logarithmic axis has a place for it."""
    return 0 < loss < math.inf


def curves(runs: Sequence[Curves], log: bool = False) -> Figure:
    """Losses on the left, accuracies on the right; a color and a marker for each run.

    Full lines are for training images, dashed ones for test images, and dotted ones for validation
    images. If `log`, losses are drawn on a logarithmic axis, as they are anyway if they vary by
    more than a factor of 30. Raises InputError for no runs, and for one without its losses.
    """
    if not runs:
        raise InputError("runs: expected one or more, found none")
    for i, one in enumerate(runs):
        lengths = {column: len(values) for column, values in one.figures.items()}
        if "loss" not in lengths or not one.epochs or {*lengths.values()} != {len(one.epochs)}:
            raise InputError(
                f"runs[{i}].figures: expected the loss, and for each column a value for each of "
                f"{len(one.epochs)} epochs, found {lengths}"
            )
    longest = max(len(one.name) for one in runs)
    columns = max(1, min(4, len(runs), int(WIDTH / (0.5 + LETTER * longest))))
    lines = -(-len(runs) // columns)
    figure = new_figure(WIDTH, 4.4 + 0.22 * lines, arranged=True)
    left, right = figure.subplots(1, 2)
    for i, one in enumerate(runs):
        every = -(-len(one.epochs) // MARKED)
        look: dict[str, Any] = {
            "color": RUN_COLORS[i % len(RUN_COLORS)],
            "marker": MARKERS[i % len(MARKERS)],
            "markevery": (i % every, every),  # not all at the same epochs
            "markersize": 4,
            "linewidth": 1.5,
        }
        for style in STYLES:
            more = {"linestyle": style.line, "fillstyle": style.fill, **look}
            if style.loss in one.figures:
                left.plot(one.epochs, one.figures[style.loss], **more)
            if style.accuracy in one.figures:
                percent = [100 * share for share in one.figures[style.accuracy]]
                right.plot(one.epochs, percent, **more)
    finish(left, "Loss", "mean cross-entropy per image (nats)")
    finish(right, "Accuracy", "images recognized (%)")
    losses = [v for one in runs for s in STYLES for v in one.figures.get(s.loss, ())]
    shown = list(filter(positive, losses))
    if shown and (log or max(shown) > WIDE_RANGE * min(shown)):
        left.set_yscale("log", nonpositive="mask")
        if lost := sum(loss <= 0 for loss in losses):
            left.set_title(f"Loss (left out: {lost} not above 0)")
    known = {column for one in runs for column in one.figures}
    name_styles(left, [style for style in STYLES if style.loss in known])
    name_styles(right, [style for style in STYLES if style.accuracy in known])
    handles = [line for line in left.lines if line.get_linestyle() == STYLES[0].line]
    # Names are set afterwards: matplotlib skips labels that begin with "_".
    legend = figure.legend(
        handles,
        [str(i) for i in range(len(runs))],
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=9,
    )
    for text, one in zip(legend.get_texts(), runs, strict=True):
        text.set_parse_math(False)
        text.set_text(one.name)
    return figure


def finish(axes: Axes, title: str, label: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set(title=title, xlabel="epoch", ylabel=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    first, last = axes.dataLim.intervalx
    if first == last:  # a single epoch: matplotlib would show only a few hundredths around it
        axes.set_xlim(first - 1, last + 1)
    plain(axes)


def name_styles(axes: Axes, shown: Sequence[Style]) -> None:
    """Add a legend that says which line is for which images."""
    from matplotlib.lines import Line2D

    if not shown:
        axes.text(0.5, 0.5, "no accuracies", transform=axes.transAxes, ha="center", color=GREY)
        return
    lines = [
        Line2D([], [], color=GREY, linestyle=s.line, marker="o", markersize=4, fillstyle=s.fill)
        for s in shown
    ]
    names = [style.name for style in shown]
    axes.legend(lines, names, fontsize=9, loc="best", handlelength=3.2)
