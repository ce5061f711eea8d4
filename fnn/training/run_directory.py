"""A training as a directory: what it is, how it went, and where it stands.

    config.json    what the training is, written first; again only for more epochs
    metrics.csv    a row for every epoch that is done (see `fnn.training.history`)
    last.npz       where the training stands: it goes on from here
    best.npz       the network that is best on the validation images, if there are any
    params.npz     the network at the end
    start.npz      the parameters that it began with, if they were those of a file

Every file is replaced as a whole, so that a process that is killed leaves the old one or the new
one. A row is written before the checkpoint that counts it: rows beyond the checkpoint belong to an
epoch that will be done again. The .npz files of a named model are parameter files too, for every
program that takes --params.
"""

from __future__ import annotations

import errno
import json
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from fnn import tree
from fnn.errors import InputError
from fnn.files import checkpoint
from fnn.files.atomic import write_atomically
from fnn.files.read import read_bytes
from fnn.models import Spec
from fnn.recognizer.fit import fitting
from fnn.recognizer.recognizer import file_of, model_of
from fnn.train import TrainState
from fnn.training.history import METRICS, Row, read_rows
from fnn.training.loop import Best, Job, Progress
from fnn.tree import Tree

T = TypeVar("T")

FORMAT = 1
CONFIG, LAST, BEST, FINAL, LOCK = "config.json", "last.npz", "best.npz", "params.npz", "lock"
START = "start.npz"


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a run's directory; InputError if another training has it."""
    from filelock import FileLock, Timeout  # here, since it imports asyncio

    lock = FileLock(directory / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"{directory}: another training is at work on this run") from None
    except (OSError, NotImplementedError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"{directory}: cannot be locked ({why}), as on some network file systems; name a "
            "directory on another disk"
        ) from None
    try:
        yield
    finally:
        lock.release()


def create(directory: Path, start: str | None = None) -> None:
    """Make the directory of a new run, with a copy of the parameter file that it starts from.

    Raises InputError if it cannot be made or is not empty.
    """
    try:
        if not os.path.isdir(directory):
            if os.path.lexists(directory):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            directory.mkdir(parents=True)
        present = {entry.name for entry in directory.iterdir()} - {LOCK, START}
    except OSError as error:
        why = f"cannot be the directory of a run ({error.strerror})"
        raise InputError(f"{directory}: {why}; name another") from None
    if CONFIG in present:
        raise InputError(f"{directory}: holds a run already; go on with --resume {directory}")
    if any(not name.endswith(".tmp") for name in present):
        raise InputError(f"{directory}: is not empty; name a new directory for the run")
    if start is not None:
        checkpoint.save(directory / START, checkpoint.load(file_of(start)))


def holds_run(directory: Path) -> bool:
    """Whether a run has begun in the directory."""
    return os.path.lexists(directory / CONFIG)


def write_config(directory: Path, config: dict[str, Any]) -> None:
    """Write config.json: `config`, the format's number and the versions at work."""
    from fnn import __version__

    versions = {"fnn": __version__, "numpy": np.__version__, "python": platform.python_version()}
    text = json.dumps({"format": FORMAT, **config, "versions": versions}, indent=2) + "\n"
    write_atomically(directory / CONFIG, lambda file: file.write(text.encode()))


def read_config(directory: Path) -> dict[str, Any]:
    """What `write_config` wrote; InputError if there is no run."""
    path = directory / CONFIG
    if not holds_run(directory):
        raise InputError(
            f"{directory}: holds no run ({CONFIG} is missing); begin one with --run {directory}"
        )
    try:
        config = dict(json.loads(read_bytes(path)))
        found = config["format"]
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        why = f"not the file that fnn-train wrote ({type(error).__name__})"
        raise InputError(f"{path}: {why}; begin a new run") from None
    if found != FORMAT:
        why = f"its format is {found!r:.40}, this fnn reads {FORMAT}"
        raise InputError(f"{path}: {why}; go on with the fnn that began the run")
    return config


def done_rows(directory: Path, epochs: int) -> list[Row]:
    """The rows of the first `epochs` epochs; later ones will be made again."""
    path = directory / METRICS
    if not os.path.lexists(path):
        if epochs == 0:
            return []
        raise InputError(f"{path}: is missing, though {epochs} epochs are done")
    columns, rows = read_rows(path)
    rows = rows[:epochs]
    whole = len(rows) == epochs and all(row.epoch == i for i, row in enumerate(rows, 1))
    if columns != Row._fields or not whole:
        why = f"expected the epochs 1 to {epochs}, and the columns {', '.join(Row._fields)}"
        raise InputError(f"{path}: not what fnn-train wrote: {why}; restore it, or begin anew")
    return rows


def network_of(job: Job, ts: TrainState, accuracy: float | None = None) -> Tree:
    """The content of a parameter file; only for a job with a spec can the programs read it.

    `accuracy` is that on the test images.
    """
    if job.spec is None:
        return {"params": ts.params, "state": ts.state}
    origin = None if job.origin is None else job.origin._replace(accuracy=accuracy)
    return model_of(job.spec, ts.params, ts.state, origin)


def save_progress(directory: Path, job: Job, now: Progress) -> None:
    """Write last.npz."""
    more = {
        "opt_state": now.ts.opt_state,
        "loss": now.ts.loss,
        "progress": {name: getattr(now, name) for name in ("epoch", "batch", "loss")},
        "best": {name: getattr(now.best, name) for name in ("epoch", "accuracy", "loss")},
    }
    accuracy = None if now.row is None else now.row.test_accuracy
    checkpoint.save(directory / LAST, network_of(job, now.ts, accuracy) | more)


def load_progress(directory: Path, job: Job, fresh: TrainState) -> Progress | None:
    """Where the run stands, or None if it has no checkpoint yet. `fresh` is the state of step 0.

    Raises InputError for a checkpoint that is damaged or of another network.
    """
    path = directory / LAST
    if not os.path.lexists(path):
        return None

    def progress(content: Tree) -> Progress:
        if not _same_model(content.get("model"), job.spec):
            raise ValueError("it is of another model than the run's")
        opt_state = tree.map(fitting, fresh.opt_state, content["opt_state"])
        ts = _network(content, fresh)._replace(opt_state=opt_state, loss=float(content["loss"]))
        now = Progress(ts, **content["progress"], best=Best(**content["best"]))
        counts = now.epoch, now.batch, now.best.epoch
        figures = now.loss, now.best.accuracy, now.best.loss
        if not all(type(n) is int and n >= 0 for n in counts):
            raise ValueError(f"its counts are {counts}")
        if not all(type(figure) is float for figure in figures):
            raise ValueError(f"its figures are {figures}")
        return now

    now = _checked(path, progress)
    if not now.best.epoch:
        return now
    best = _checked(directory / BEST, lambda content: _network(content, fresh))
    return now._replace(best=now.best._replace(params=best.params, state=best.state))


def _same_model(kept: Tree, spec: Spec | None) -> bool:
    """Whether a checkpoint is of the job's network; older ones do not name the classes."""
    if spec is None or kept is None:
        return spec is None and kept is None
    found = Spec(**kept)
    return found._replace(names=found.names or spec.names) == spec


def _network(content: Tree, fresh: TrainState) -> TrainState:
    params, state = (
        tree.map(fitting, getattr(fresh, name), content[name]) for name in ("params", "state")
    )
    return fresh._replace(params=params, state=state)


def _checked(path: Path, made: Callable[[Tree], T]) -> T:
    """What is made of a checkpoint's content; InputError, which names the file, if it cannot be."""
    content = checkpoint.load(path)
    try:
        if type(content) is not dict:
            raise TypeError(f"it holds a {type(content).__name__}")
        return made(content)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise InputError(
            f"{path}: not a checkpoint of this run ({why}); put the right one back, or remove it "
            "to begin the run again"
        ) from None
