"""fnn-eval: how well a network recognizes the test images, overall and class by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.arrays import Array
from fnn.cli import program
from fnn.cli.figures import ENDINGS, check_drawing, check_target, deliver
from fnn.cli.help import DATA_HOME, THREADS
from fnn.cli.inputs import add_data_argument, add_params_argument, network_for, reading_for
from fnn.cli.json_line import json_line
from fnn.cli.program import Parser, main_of, parser
from fnn.cli.progress import recognize_shown
from fnn.data.catalogue import open_data
from fnn.losses import softmax_cross_entropy
from fnn.metrics import accuracy, confusion, f1, precision, recall
from fnn.plots import confusion_matrix

WINDOW = ""  # the value of --plot without a file


def arguments() -> Parser:
    p = parser(
        "fnn-eval",
        "Evaluate a network on the test images: accuracy, mean cross-entropy, the precision, "
        "recall and F1 of each class, and the confusion matrix. A value of 0/0 is printed as - and "
        "left out of the mean over the classes.",
        "fnn-eval --params mine.npz --plot confusion.png",
        "a network is named with --params {0}, a data set with --data {0}",
        (DATA_HOME, THREADS),
    )
    add_params_argument(p)
    add_data_argument(p)
    p.add_argument(
        "--plot",
        metavar="FILE",
        nargs="?",
        const=WINDOW,
        help=f"draw the confusion matrix to a file, {ENDINGS}; without FILE, in a window",
    )
    p.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object: data, images, correct, accuracy, loss, classes; precision, "
        "recall, f1 and support of each class; mean; confusion (a list for each true class). 0/0 "
        "is null",
    )
    return p


def body(argv: Sequence[str]) -> None:
    args = arguments().parse_args(argv)
    program.keep_freed_memory()
    target = None if args.plot == WINDOW else args.plot
    if args.plot is not None:
        check_target(target, "--plot")
    source = open_data(args.data, "test", reading=reading_for(args))
    found, source = network_for(args, source)
    images, labels = source.data
    if args.plot is not None:
        check_drawing(target, "--plot")
    logits = recognize_shown(found, images)
    counts = confusion(labels, logits.argmax(axis=1), found.spec.classes)
    names = source.classes
    share = accuracy(logits, labels)
    loss = float(softmax_cross_entropy(logits, labels)[0])
    if args.json:
        known = {"data": source.name, "images": len(labels), "accuracy": share, "loss": loss}
        print(json_line(known | as_values(counts, names)))
    else:
        print(f"accuracy {share:.4f}: {np.trace(counts)} of {len(labels)} test images")
        print(f"mean loss {loss:.4f} nats\n")
        print(class_table(counts, names), matrix_table(counts, names), sep="\n\n")
    if args.plot is not None:
        title = f"{source.name}: {share:.2%} of {len(labels)} test images correct"
        deliver(lambda: confusion_matrix(counts, names, title), target)


FIGURES = {"precision": precision, "recall": recall, "f1": f1}


def as_values(counts: Array, names: Sequence[str]) -> dict[str, Any]:
    """The counts and the figures of each class by name, with their means; NaN is 0/0."""
    figures = {name: figure(counts) for name, figure in FIGURES.items()}
    return {
        "correct": np.trace(counts),
        "classes": list(names),
        **figures,
        "support": counts.sum(axis=1),
        "mean": {name: mean_known(values) for name, values in figures.items()},
        "confusion": counts,
    }


def mean_known(figures: Array) -> float:
    """The mean of those that are known; nanmean warns if there are none, as without images."""
    return float(np.nanmean(figures)) if np.isfinite(figures).any() else np.nan


def class_table(counts: Array, names: Sequence[str]) -> str:
    """Precision, recall, F1 and the number of images: one line per class, then the mean.

    >>> print(class_table(np.array([[3, 1], [0, 0]]), ("no", "yes")))
    class  precision  recall      F1  images
    no        1.0000  0.7500  0.8571       4
    yes       0.0000       -  0.0000       0
    mean      0.5000  0.7500  0.4286
    """
    figures = [figure(counts) for figure in FIGURES.values()]
    means = map(mean_known, figures)
    rows = [*zip(names, *figures, counts.sum(axis=1), strict=True), ("mean", *means, "")]
    wide = max(len("class"), *map(len, names))
    lines = [
        f"{name:{wide}}  {number(p):>9}  {number(r):>6}  {number(f):>6}  {n:>6}".rstrip()
        for name, p, r, f, n in rows
    ]
    return "\n".join([f"{'class':{wide}}  precision  recall      F1  images", *lines])


def number(figure: float) -> str:
    return "-" if np.isnan(figure) else f"{figure:.4f}"


def matrix_table(counts: Array, names: Sequence[str]) -> str:
    """The counts: a row for each true class, with its number and name; a column for each answer.

    >>> print(matrix_table(np.array([[3, 1], [0, 12]]), ("no", "yes")))
    confusion matrix: a row for each true class, a column for each answer
             0   1
     0 no    3   1
     1 yes   0  12
    """
    digits = len(str(len(names) - 1))
    # Names that only repeat the numbers are left out.
    plain = all(name == str(i) for i, name in enumerate(names))
    heads = [f"{i:{digits}}" if plain else f"{i:{digits}} {n}" for i, n in enumerate(names)]
    left, wide = max(map(len, heads)), max(digits, len(str(counts.max())))
    lines = [(" " * left, range(len(names))), *zip(heads, counts, strict=True)]
    rows = [
        f" {head:{left}}  " + "  ".join(f"{value:{wide}}" for value in values)
        for head, values in lines
    ]
    title = "confusion matrix: a row for each true class, a column for each answer"
    return "\n".join([title, *rows])


main = main_of("fnn-eval", body)
