"""fnn-plot: loss and accuracy of training runs, epoch by epoch."""

import itertools
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fnn.cli.figures import (
    COLORS,
    GREY,
    add_out_argument,
    check_drawing,
    check_target,
    deliver,
    new_figure,
)
from fnn.cli.program import Parser, main_of, parser
from fnn.errors import InputError, one_line
from fnn.training.history import METRICS, SHARES, read_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Style(NamedTuple):
    """How a line looks, by the images that its accuracy is measured on."""

    name: str
    line: Literal["-", ":", "--"]
    fill: Literal["full", "top", "none"]  # of its markers


STYLES = {
    "test_accuracy": Style("test images", "-", "full"),
    "validation_accuracy": Style("validation images", ":", "top"),
    "train_accuracy": Style("training images", "--", "none"),
}
LONGEST = 90  # characters of a name
LARGEST = 1e100  # a loss; no scale can show much more
MARKERS = "osD^vPX*"
MARKED = 40  # most epochs for which each has a marker
WIDE_RANGE = 30.0  # a loss that varies by a larger factor gets a logarithmic scale


def arguments() -> Parser:
    p = parser(
        "fnn-plot",
        "Plot the loss and the accuracies of one or more training runs over their epochs. A RUN is "
        "a directory made by fnn-train --run, or the metrics.csv in it.",
        "fnn-plot runs/sgd runs/adam --out curves.png",
    )
    p.add_argument("runs", metavar="RUN", nargs="+", help="a run's directory, or its metrics.csv")
    add_out_argument(p)
    return p


def body(argv: Sequence[str]) -> None:
    args = arguments().parse_args(argv)
    check_target(args.out)
    curves = read_curves(args.runs)
    check_drawing(args.out)
    deliver(lambda: curves_figure(args.out, curves), args.out)


class Curves(NamedTuple):
    """A run, epoch by epoch; missing values are nan."""

    name: str
    epochs: list[int]
    loss: list[float]  # mean cross-entropy of the training images, nats
    accuracy: dict[str, list[float]]  # in 0..1, by column, for the columns with any values


def read_curves(runs: Sequence[str]) -> list[Curves]:
    """The curves of runs, each a directory with a metrics.csv, or such a file.

    Raises InputError, which names the file, if one cannot be read or shown.
    """
    paths = [file for run in runs for file in metrics_of(run)]
    return [read_one(path, name) for path, name in zip(paths, distinct_names(paths), strict=True)]


def metrics_of(run: str) -> list[Path]:
    """The metrics files of a run: its own, or those of its networks, which are runs in 1, 2, ..."""
    path = Path(run)
    file = path / METRICS if path.is_dir() else path
    if file.is_file():
        return [file]
    parts = (path / str(i) / METRICS for i in itertools.count(1))
    if there := list(itertools.takewhile(Path.is_file, parts)):
        return there
    if path.is_dir():
        found = f"the directory has no {METRICS}"
    else:
        found = "not a regular file" if path.exists() else "there is no such file"
    raise InputError(f"{run}: {found}; expected a directory made by fnn-train --run")


def read_one(path: Path, name: str) -> Curves:
    rows = read_rows(path).rows
    if not rows:
        raise InputError(f"{path}: has no epochs yet; wait for the end of the first")
    for row in rows:
        if LARGEST < abs(row.loss) < math.inf:
            raise InputError(
                f"{path}: expected a loss of at most {LARGEST:g}, found {row.loss:g} in epoch "
                f"{row.epoch}"
            )
    columns = {
        c: [math.nan if (v := getattr(row, c)) is None else v for row in rows] for c in SHARES
    }
    known = {c: v for c, v in columns.items() if any(map(math.isfinite, v))}
    return Curves(name, [row.epoch for row in rows], [row.loss for row in rows], known)


def curves_figure(out: str | None, runs: Sequence[Curves]) -> "Figure":
    """Losses on the left, accuracies on the right; a color and a marker for each run."""
    wide = max(len(one.name) for one in runs) > 24
    columns = 1 if wide else min(4, len(runs))
    lines = -(-len(runs) // columns)
    figure = new_figure(out, 11.0, 4.4 + 0.22 * lines, arranged=True)
    left, right = figure.subplots(1, 2)
    handles = []
    for i, one in enumerate(runs):
        look: dict[str, Any] = {
            "color": COLORS[i % len(COLORS)],
            "marker": MARKERS[i // len(COLORS) % len(MARKERS)],
            "markersize": 4 if len(one.epochs) <= MARKED else 0,
            "linewidth": 1.5,
        }
        handles += left.plot(one.epochs, one.loss, **look)
        for column, style in STYLES.items():
            if column in one.accuracy:
                percent = [100 * share for share in one.accuracy[column]]
                right.plot(one.epochs, percent, linestyle=style.line, fillstyle=style.fill, **look)
    finish(left, "Training loss", "mean cross-entropy per image (nats)")
    finish(right, "Accuracy", "images recognized (%)")
    losses = [loss for one in runs for loss in one.loss if math.isfinite(loss) and loss > 0]
    if losses and max(losses) > WIDE_RANGE * min(losses):
        left.set_yscale("log")
    name_styles(right, {column for one in runs for column in one.accuracy})
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


def finish(axes: "Axes", title: str, label: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set(title=title, xlabel="epoch", ylabel=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    first, last = axes.dataLim.intervalx
    if first == last:  # a single epoch: matplotlib would show only a few hundredths around it
        axes.set_xlim(first - 1, last + 1)
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def name_styles(axes: "Axes", columns: set[str]) -> None:
    """Add a legend that says which line is for which images."""
    from matplotlib.lines import Line2D

    shown = [style for column, style in STYLES.items() if column in columns]
    if not shown:
        axes.text(0.5, 0.5, "no accuracies", transform=axes.transAxes, ha="center", color=GREY)
        return
    lines = [
        Line2D([], [], color=GREY, linestyle=s.line, marker="o", markersize=4, fillstyle=s.fill)
        for s in shown
    ]
    axes.legend(lines, [style.name for style in shown], fontsize=9, loc="best")


def distinct_names(files: Sequence[Path]) -> list[str]:
    """A name for each file: its directory's, with as many of its parents as tell them apart.

    A file that is not called metrics.csv goes by its own name. The same file twice gets numbers.
    Long names lose their middle.

    >>> distinct_names([Path(p, METRICS) for p in ("/r/sgd", "/r/adam", "/old/adam")])
    ['sgd', 'r/adam', 'old/adam']
    """
    parts = [
        (f.parent if f.name == METRICS else f).parts
        for f in (Path(os.path.abspath(f)) for f in files)
    ]
    lengths = [1] * len(parts)
    while True:
        names = [Path(*p[-n:]).as_posix() for p, n in zip(parts, lengths, strict=True)]
        longer = [
            n + (names.count(name) > 1 and n < len(p))
            for name, p, n in zip(names, parts, lengths, strict=True)
        ]
        if longer == lengths:
            break
        lengths = longer
    names = [shortened(one_line(name)) for name in names]
    return [
        f"{name} ({names[:i].count(name) + 1})" if names.count(name) > 1 else name
        for i, name in enumerate(names)
    ]


def shortened(name: str) -> str:
    half = LONGEST // 2
    return name if len(name) <= LONGEST else f"{name[:half]}…{name[-half:]}"


main = main_of("fnn-plot", body)
