"""A training as a directory: what was asked for, how it went, and where it stands.

    config.json    what was asked for, written first and never again
    metrics.csv    a row for every epoch that is done
    last.npz       where the training stands: it goes on from here
    best.npz       the network that was best on the validation images, where there are any
    params.npz     the network at the end

Every file is replaced as a whole, so that a process that is killed leaves the old one or the new
one. A row is written before the checkpoint that counts it: rows beyond the checkpoint are those of
an epoch that will be done again. `last.npz` and `best.npz` are parameter files too, for every
program that takes `--params`.
"""

import csv
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnn import tree
from fnn.data.dataset import Dataset
from fnn.errors import InputError
from fnn.files import checkpoint
from fnn.files.atomic import write_atomically
from fnn.models import Spec
from fnn.recognizer.recognizer import fitting, model_of
from fnn.train import TrainState

FORMAT = 1
CONFIG, METRICS, LAST, BEST, FINAL = (
    "config.json",
    "metrics.csv",
    "last.npz",
    "best.npz",
    "params.npz",
)
LOCK = "lock"


class Row(NamedTuple):
    """The figures of one epoch: a line of metrics.csv. None is an empty field."""

    epoch: int
    step: int  # since the beginning of the training
    loss: float  # mean of an image, as it was learned
    train_accuracy: float
    test_accuracy: float
    validation_accuracy: float | None
    lr: float | None  # of the epoch's last step
    seconds: float
    images_per_second: float


class Best(NamedTuple):
    """The epoch that was best on the validation images; epoch 0 is none."""

    epoch: int = 0
    accuracy: float = -1.0
    loss: float = float("inf")


class Progress(NamedTuple):
    """Where a training stands: all that the next step depends on."""

    ts: TrainState
    epoch: int = 0  # epochs done
    batch: int = 0  # batches done of the epoch after those
    loss: float = 0.0  # of those batches, summed over their images
    best: Best = Best()


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a run's directory; InputError where another training has it."""
    from filelock import FileLock, Timeout  # imports asyncio, a tenth of a second

    lock = FileLock(directory / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"{directory}: another training is at work on this run; wait for its end, or name "
            "another directory"
        ) from None
    try:
        yield
    finally:
        lock.release()


def create(directory: Path) -> None:
    """Make the directory of a new run.

    Raises InputError where it cannot be made or holds something already.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        present = {entry.name for entry in directory.iterdir()} - {LOCK}
    except OSError as error:
        raise InputError(
            f"{directory}: cannot be the directory of a run ({error.strerror}); name another"
        ) from None
    if CONFIG in present:
        raise InputError(
            f"{directory}: holds a run already: go on with --resume {directory}, or name another "
            "directory"
        )
    if any(not name.endswith(".tmp") for name in present):
        raise InputError(f"{directory}: is not empty; name a new directory for the run")


def write_config(directory: Path, config: dict[str, Any]) -> None:
    text = json.dumps({"format": FORMAT, **config}, indent=2) + "\n"
    write_atomically(directory / CONFIG, lambda file: file.write(text.encode()))


def read_config(directory: Path) -> dict[str, Any]:
    """What `write_config` wrote; InputError where there is no run."""
    path = directory / CONFIG
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise InputError(f"{path}: is not a regular file; begin a new run")
    try:
        config = json.loads(path.read_bytes())
        if config["format"] != FORMAT:
            raise InputError(
                f"{path}: its format is {config['format']!r}, this fnn reads {FORMAT}; go on with "
                "the fnn that began the run"
            )
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(
            f"{directory}: holds no run ({CONFIG} is missing); begin one with --run {directory}"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path}: not the file that fnn-train wrote ({type(error).__name__}); begin a new run"
        ) from None
    return dict(config)


def fingerprint(data: Dataset) -> str:
    """A hash of all images and labels: other data than a run began with are not taken."""
    digest = hashlib.sha256()
    for part in data:
        for array in part:
            digest.update(repr((array.shape, str(array.dtype))).encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def write_metrics(directory: Path, rows: list[Row]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(Row._fields)
    table.writerows(["" if value is None else value for value in row] for row in rows)
    write_atomically(directory / METRICS, lambda file: file.write(text.getvalue().encode()))


def read_metrics(directory: Path, epochs: int) -> list[Row]:
    """The rows of the first `epochs` epochs; later ones will be made again."""
    path = directory / METRICS
    kinds: list[Callable[[str], Any]] = [int, int, float, float, float, _optional, _optional]
    kinds += [float, float]
    try:
        with open(path, newline="", encoding="ascii") as file:
            head, *lines = csv.reader(file)
        if tuple(head) != Row._fields:
            raise ValueError("its first line is another")
        rows = [
            Row(*(kind(text) for kind, text in zip(kinds, line, strict=True)))
            for line in lines[:epochs]
        ]
        if len(rows) != epochs or any(row.epoch != i for i, row in enumerate(rows, 1)):
            raise ValueError(f"expected the epochs 1 to {epochs}")
    except FileNotFoundError:
        if epochs == 0:
            return []
        raise InputError(f"{path}: is missing, though {epochs} epochs are done") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, csv.Error) as error:
        raise InputError(
            f"{path}: not the table that fnn-train wrote ({error}); put it back, or begin a new run"
        ) from None
    return rows


def _optional(text: str) -> float | None:
    return float(text) if text else None


def save_progress(directory: Path, spec: Spec, now: Progress) -> None:
    content = {
        **model_of(spec, now.ts.params, now.ts.state),
        "opt_state": now.ts.opt_state,
        "loss": now.ts.loss,
        "progress": {"epoch": now.epoch, "batch": now.batch, "loss": now.loss},
        "best": now.best._asdict(),
    }
    checkpoint.save(directory / LAST, content)


def load_progress(directory: Path, spec: Spec, fresh: TrainState) -> Progress | None:
    """Where the run stands; None where there is no checkpoint yet. `fresh` is the state of step 0.

    Raises InputError for a checkpoint that is damaged or another network's.
    """
    path = directory / LAST
    if not os.path.lexists(path):
        return None
    content = checkpoint.load(path)
    try:
        if type(content) is not dict:
            raise TypeError(f"it holds a {type(content).__name__}")
        if content["model"] != model_of(spec, {}, {})["model"]:
            raise ValueError("it is of another model than the run's")
        params, state, opt_state = (
            tree.map(fitting, getattr(fresh, name), content[name])
            for name in ("params", "state", "opt_state")
        )
        ts = TrainState(params, state, opt_state, float(content["loss"]))
        now = Progress(ts, **content["progress"], best=Best(**content["best"]))
        counts = now.epoch, now.batch, now.best.epoch
        figures = now.loss, now.best.accuracy, now.best.loss
        if not all(type(n) is int and n >= 0 for n in counts):
            raise ValueError(f"its counts are {counts}")
        if not all(type(figure) is float for figure in figures):
            raise ValueError(f"its figures are {figures}")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise InputError(
            f"{path}: not a checkpoint of this run ({why}); put the right one back, or remove it "
            "to begin the run again"
        ) from None
    return now
