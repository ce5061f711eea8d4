"""How trainings went: the metrics.csv of runs, and names to tell them apart."""

import csv
import itertools
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fnn.errors import InputError, one_line
from fnn.training.run_directory import METRICS

ACCURACIES = ("train_accuracy", "validation_accuracy", "test_accuracy")
LONGEST = 90  # letters of a name
LARGEST = 1e100  # a loss; no scale can show much more


class Curves(NamedTuple):
    """A training, epoch by epoch; where a figure is missing it is nan."""

    name: str
    epochs: list[int]
    loss: list[float]  # mean cross-entropy of the training images, nats
    accuracy: dict[str, list[float]]  # shares in 0..1, by column; columns without figures left out


def read_curves(runs: Sequence[str]) -> list[Curves]:
    """The curves of runs, each a directory with a metrics.csv, or such a file.

    Raises InputError for what cannot be read, naming file and line.
    """
    paths = [file for run in runs for file in metrics_of(run)]
    names = distinct_names(paths)
    return [read_one(path, name) for path, name in zip(paths, names, strict=True)]


def metrics_of(run: str) -> list[Path]:
    """The metrics of a run: its own, or those of its networks, which are runs in 1, 2, ..."""
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
    raise InputError(f"{run}: {found}; expected the directory of a run of fnn-train")


def read_one(path: Path, name: str) -> Curves:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file, strict=True)
            missing = {"epoch", "loss"} - set(table.fieldnames or ())
            if missing:
                raise InputError(
                    f"{path}, line 1: there is no column {' and '.join(sorted(missing))}; "
                    f"expected a {METRICS} that fnn-train wrote"
                )
            rows: list[tuple[int, float, dict[str, float]]] = []
            for row in table:
                before = rows[-1][0] if rows else -1
                rows.append(parse_row(row, before, f"{path}, line {table.line_num}"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path}: not a table in text ({error}); expected a {METRICS} that fnn-train wrote"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if not rows:
        raise InputError(f"{path}: there is no epoch in it yet; wait for the first")
    columns = {column: [row[2][column] for row in rows] for column in ACCURACIES}
    known = {c: v for c, v in columns.items() if any(map(math.isfinite, v))}
    return Curves(name, [row[0] for row in rows], [row[1] for row in rows], known)


def parse_row(
    row: dict[str, str | None], before: int, where: str
) -> tuple[int, float, dict[str, float]]:
    """Epoch, loss and accuracies of a line; InputError, which says `where`, for a bad one."""
    if None in row or None in row.values():
        raise InputError(f"{where}: expected a value for each column of line 1, and no more")
    text = row["epoch"] or ""
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) <= before:
        after = f" above {before}" if before >= 0 else ""
        raise InputError(f"{where}: expected an epoch, a whole number{after}, found {text[:40]!r}")
    loss = number(row["loss"], "loss", where)
    if LARGEST < abs(loss) < math.inf:
        raise InputError(f"{where}: expected a loss of {LARGEST:g} at most, found {row['loss']}")
    shares = {column: number(row.get(column), column, where) for column in ACCURACIES}
    for column, share in shares.items():
        if not (math.isnan(share) or 0 <= share <= 1):
            raise InputError(f"{where}: expected {column} in 0..1, found {row[column]}")
    return int(text), loss, shares


def number(text: str | None, column: str, where: str) -> float:
    """The number, nan for an empty field. A loss may be nan or inf: so a training diverges."""
    try:
        return float(text or "nan")
    except ValueError:
        raise InputError(f"{where}: expected a number as {column}, found {text!r:.40}") from None


def distinct_names(files: Sequence[Path]) -> list[str]:
    """A name for each file: its directory's, with as many of those above as tell them apart.

    A file that is not called metrics.csv counts with its own name. The same file twice gets
    numbers. Long names lose their middle.

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
