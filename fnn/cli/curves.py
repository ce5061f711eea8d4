"""The metrics of runs as curves, and a name for each run."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from pathlib import Path

from fnn.errors import InputError, one_line
from fnn.plots import Curves, curves_of
from fnn.training.history import LOSSES, METRICS, read_rows

LONGEST, LARGEST = 90, 1e100  # characters of a name; a loss, since no scale can show much more


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
    found = curves_of(rows, name)
    for column in LOSSES:
        for row, value in zip(rows, found.figures.get(column, ()), strict=False):
            if LARGEST < abs(value) < math.inf:
                raise InputError(
                    f"{path}: expected a {column} of at most {LARGEST:g}, found {value:g} in epoch "
                    f"{row.epoch}"
                )
    return found


def distinct_names(files: Sequence[Path]) -> list[str]:
    """A name for each file: its directory's, with as many of its parents as tell them apart.

    One of several networks, in 1, 2, ..., is named with its run. A file that is not called
    metrics.csv goes by its own name. The same file twice gets numbers. Long ones lose their middle.

    >>> distinct_names([Path(p, METRICS) for p in ("/r/sgd", "/r/adam", "/old/adam")])
    ['sgd', 'r/adam', 'old/adam']
    >>> distinct_names([Path(p, METRICS) for p in ("/r/two/1", "/r/two/2")])
    ['two/1', 'two/2']
    """
    parts = [
        (f.parent if f.name == METRICS else f).parts
        for f in (Path(os.path.abspath(f)) for f in files)
    ]
    lengths = [1 + p[-1].isdecimal() for p in parts]
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
