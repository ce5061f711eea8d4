"""fnn-plot --tensorboard: the metrics of runs as TensorBoard's event files."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from fnn.errors import InputError, say
from fnn.files.event_file import Event, write_events
from fnn.training.history import Row, read_rows

EVENTS = "events.out.tfevents.fnn"
TAGS = {
    "loss": "loss/train",
    "test_loss": "loss/test",
    "validation_loss": "loss/validation",
    "train_accuracy": "accuracy/train",
    "test_accuracy": "accuracy/test",
    "validation_accuracy": "accuracy/validation",
    "lr": "learning_rate",
    "images_per_second": "images_per_second",
}


def to_tensorboard(runs: Sequence[tuple[Path, str]], directory: Path) -> None:
    """Write an event file for each metrics.csv, in a directory of the name that goes with it.

    A file that was written before is replaced. All are read before the first is written. Raises
    InputError, which names the file, for one that cannot be read or written.
    """
    tables = [(read_rows(path).rows, os.path.getmtime(path), name) for path, name in runs]
    for rows, ended, name in tables:
        place = directory.joinpath(*(part for part in name.split("/") if part))
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"--tensorboard {directory}: cannot make the directory {place} "
                f"({error.strerror}); name another"
            ) from None
        write_events(place / EVENTS, events_of(rows, ended))
    many = f"{len(runs)} run{'s' if len(runs) > 1 else ''}"
    say(f"events of {many} written to {directory}: tensorboard --logdir {directory}")


def events_of(rows: Sequence[Row], ended: float) -> list[Event]:
    """The figures of each epoch, which is the step.

    Rows tell how long epochs took, but not when: the last is taken to end at `ended`.
    """
    seconds = [row.seconds for row in rows]
    took = [s if s is not None and math.isfinite(s) else 0.0 for s in seconds]
    times = [ended - sum(took) + passed for passed in accumulate(took)]
    figures = ({TAGS[name]: getattr(row, name) for name in TAGS} for row in rows)
    return [
        Event(time, row.epoch, {tag: value for tag, value in known.items() if value is not None})
        for time, row, known in zip(times, rows, figures, strict=True)
    ]
