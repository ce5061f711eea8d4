"""fnn-plot: losses and accuracies of training runs, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fnn.cli import figures
from fnn.cli.curves import distinct_names, metrics_of, read_curves
from fnn.cli.figures import check_drawing, check_target, deliver
from fnn.cli.program import Parser, main_of, parser
from fnn.cli.tensorboard import to_tensorboard
from fnn.errors import InputError
from fnn.plots import Curves, curves
from fnn.plots.trainings import WIDE_RANGE, positive
from fnn.training.history import LOSSES


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
    runs = read_curves(args.runs)
    if args.log and not any(map(positive, losses_of(runs))):
        raise InputError("--log: expected a loss above 0, found none in these runs; leave it out")
    check_drawing(args.out)
    deliver(lambda: curves(runs, args.log), args.out)


def losses_of(runs: Sequence[Curves]) -> list[float]:
    return [v for one in runs for column in LOSSES for v in one.figures.get(column, ())]


main = main_of("fnn-plot", body)
