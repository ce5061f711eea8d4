"""metrics.csv: how a training went, a line for each epoch."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path
from typing import NamedTuple

from fnn.errors import InputError
from fnn.files.atomic import write_atomically
from fnn.files.read import read_bytes

METRICS = "metrics.csv"
SHARES = ("train_accuracy", "test_accuracy", "validation_accuracy")
LOSSES = ("loss", "test_loss", "validation_loss")
NEWER = ("test_loss", "validation_loss")  # columns, the last ones, that older files lack


class Row(NamedTuple):
    """The figures of one epoch; None is an empty field."""

    epoch: int  # counted from 1
    step: int | None  # since the beginning of the training
    loss: float  # mean over the training examples, as they were learned
    train_accuracy: float | None  # on training examples without augmentation, in 0..1
    test_accuracy: float | None
    validation_accuracy: float | None
    lr: float | None  # of the epoch's last step
    seconds: float | None
    images_per_second: float | None
    test_loss: float | None = None  # mean cross-entropy of the test images, nats
    validation_loss: float | None = None


class Table(NamedTuple):
    """The names of the columns in a file, and its rows.

    A file from before test_loss and validation_loss counts as having them, empty.
    """

    columns: tuple[str, ...]
    rows: list[Row]


def write_rows(path: Path, rows: list[Row]) -> None:
    """Write the table atomically, with the names of `Row` in its first line."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(Row._fields)
    table.writerows(["" if value is None else value for value in row] for row in rows)
    write_atomically(path, lambda file: file.write(text.getvalue().encode()))


def read_rows(path: Path) -> Table:
    """The table in a file; columns may be in any order, and only epoch and loss must be there.

    Raises InputError, which names the file and the line, for what cannot be read.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
        table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        columns = tuple(table.fieldnames or ())
        if missing := {"epoch", "loss"} - set(columns):
            why = f"there is no column {' and '.join(sorted(missing))}"
            raise InputError(f"{path}, line 1: {why}; expected a {METRICS} that fnn-train wrote")
        if columns + NEWER == Row._fields:
            columns = Row._fields
        rows: list[Row] = []
        for line in table:
            before = rows[-1].epoch if rows else -1
            rows.append(_row(line, before, f"{path}, line {table.line_num}"))
        return Table(columns, rows)
    except (UnicodeDecodeError, csv.Error) as error:
        why = f"not a table in text ({error})"
        raise InputError(f"{path}: {why}; expected a {METRICS} that fnn-train wrote") from None


def _row(line: dict[str, str | None], before: int, where: str) -> Row:
    """A line's figures; InputError, which says `where`, for a bad one."""
    if None in line or None in line.values():
        raise InputError(f"{where}: expected a value for each column of line 1, and no more")
    text = line["epoch"] or ""
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) <= before:
        after = f" above {before}" if before >= 0 else ""
        raise InputError(f"{where}: expected an epoch, a whole number{after}, found {text[:40]!r}")
    figures = {name: _number(line.get(name), name, where) for name in Row._fields[1:]}
    for name in SHARES:
        value = figures[name]
        if value is not None and not (math.isnan(value) or 0 <= value <= 1):
            raise InputError(f"{where}: expected {name} in 0..1, found {line[name]:.40}")
    loss, step = figures.pop("loss"), figures.pop("step")
    whole = int(step) if step is not None and math.isfinite(step) else None
    return Row(epoch=int(text), step=whole, loss=math.nan if loss is None else loss, **figures)


def _number(text: str | None, column: str, where: str) -> float | None:
    """The number in a field, None if it is empty; a loss that diverges is nan or inf."""
    try:
        return float(text) if text else None
    except ValueError:
        raise InputError(f"{where}: expected a number as {column}, found {text!r:.40}") from None
