"""fnn-plot: losses and accuracies of training runs, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fnn.cli import figures
from fnn.cli.curves import Curves, distinct_names, metrics_of, read_curves
from fnn.cli.figures import COLORS, GREY, check_drawing, check_target, deliver
from fnn.cli.program import Parser, main_of, parser
from fnn.cli.tensorboard import to_tensorboard
from fnn.errors import InputError
from fnn.training.history import LOSSES

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


def arguments() -> Parser:
    p = parser(
        "fnn-plot",
        "Plot the losses and the accuracies of one or more training runs over their epochs. A RUN "
        "is a directory made by fnn-train --run, or the metrics.csv in it.",
        "fnn-plot runs/sgd runs/adam --out curves.png",
    )
    p.add_argument("runs", metavar="RUN", nargs="+", help="a run's directory, or its metrics.csv")
    p.add_argument(
        "--log",
        action="store_true",
        help="draw the losses on a logarithmic axis, which has no place for those of 0 or less; "
        f"by default only if they vary by more than a factor of {WIDE_RANGE:.0f}",
    )
    figures.add_out_argument(p)
    p.add_argument(
        "--tensorboard",
        metavar="DIR",
        help="write event files for TensorBoard instead: a directory in DIR for each run, whose "
        "earlier file is replaced",
    )
    return p


def body(argv: Sequence[str]) -> None:
    args = arguments().parse_args(argv)
    if args.tensorboard is not None:
        for option, said in (("--log", args.log), ("--out", args.out is not None)):
            if said:
                raise InputError(f"{option}: --tensorboard draws nothing; leave out one of the two")
        paths = [file for run in args.runs for file in metrics_of(run)]
        to_tensorboard(list(zip(paths, distinct_names(paths), strict=True)), Path(args.tensorboard))
        return
    check_target(args.out)
    curves = read_curves(args.runs)
    if args.log and not any(map(positive, losses_of(curves))):
        raise InputError("--log: expected a loss above 0, found none in these runs; leave it out")
    check_drawing(args.out)
    deliver(lambda: curves_figure(args.out, curves, args.log), args.out)


def losses_of(runs: Sequence[Curves]) -> list[float]:
    return [v for one in runs for column in LOSSES for v in one.figures.get(column, ())]


def positive(loss: float) -> bool:
    """Whether a logarithmic axis has a place for it."""
    return 0 < loss < math.inf


def curves_figure(out: str | None, runs: Sequence[Curves], log: bool = False) -> Figure:
    """Losses on the left, accuracies on the right; a color and a marker for each run."""
    longest = max(len(one.name) for one in runs)
    columns = max(1, min(4, len(runs), int(WIDTH / (0.5 + LETTER * longest))))
    lines = -(-len(runs) // columns)
    figure = figures.new_figure(out, WIDTH, 4.4 + 0.22 * lines, arranged=True)
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
    losses = losses_of(runs)
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
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


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


main = main_of("fnn-plot", body)
