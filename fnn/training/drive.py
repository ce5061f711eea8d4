"""A training that is kept in a directory, and goes on after whatever ended it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from fnn.data.dataset import fingerprint
from fnn.errors import InputError
from fnn.files import checkpoint
from fnn.shards import ALONE, Group
from fnn.training import loop
from fnn.training import run_directory as files
from fnn.training.history import METRICS, write_rows
from fnn.training.loop import Diverged, Job, Progress

SAVE_EVERY = 60.0  # seconds


def run(
    job: Job,
    directory: str | PathLike[str],
    save_every: float = SAVE_EVERY,
    stop: Callable[[], bool] = lambda: False,
    config: Mapping[str, Any] | None = None,
    group: Group = ALONE,
) -> Iterator[Progress]:
    """The stages of `fnn.training.train`, kept in a directory: begins there, or goes on.

    The directory gets metrics.csv, checkpoints, the best network and the one at the end (see
    `fnn.training.run_directory`). A checkpoint is written after each epoch, every `save_every`
    seconds within one, and when the loop over the stages is left, by `break` or Ctrl-C. If `stop()`
    is true after a step, the training is saved and KeyboardInterrupt is raised. A training that
    goes on ends with the same bits as an undisturbed one, on the same machine with the same NumPy.
    One that is done yields where it stands, once.

    Of a group, the first process alone writes; all must see the directory, and they stop together,
    after the same step, if `stop()` is true in one of them. Their number may change later.

    `config` is added to config.json; its "fingerprint" is by default that of the job's data.
    Raises InputError for a directory that holds something else or another training, and Diverged,
    which leaves the last checkpoint.
    """
    place = Path(directory)
    if group.rank:
        meet(group)  # the first process has opened the directory
        now = _position(place, job, group)
        yield from stages(job, now, stop, group)
        return
    with opened(place, job, config or {}):
        meet(group)
        now = _position(place, job, group)
        rows = files.done_rows(place, now.epoch)
        write_rows(place / METRICS, rows)
        saved, saved_at = now, time.monotonic()
        try:
            for stage in stages(job, now, stop, group):
                now = stage
                if now.row is not None:
                    if now.best.epoch == now.epoch:
                        best = files.network_of(job, loop.outcome(now), now.row.test_accuracy)
                        checkpoint.save(place / files.BEST, best)
                    rows = [*rows, now.row]
                    write_rows(place / METRICS, rows)
                if now.row is not None or time.monotonic() - saved_at >= save_every:
                    loop.check_finite(now)
                    files.save_progress(place, job, now)
                    saved, saved_at = now, time.monotonic()
                yield now
        except (KeyboardInterrupt, GeneratorExit):
            if now is not saved and loop.is_finite(now.ts):
                files.save_progress(place, job, now)
            raise
        except Diverged as error:
            raise Diverged(f"{error}; {place} keeps what was saved before") from None
        accuracy = rows[(now.best.epoch or now.epoch) - 1].test_accuracy
        checkpoint.save(place / files.FINAL, files.network_of(job, loop.outcome(now), accuracy))


def meet(group: Group) -> None:
    """Wait until every process of the group is here."""
    group.add(np.zeros(1, np.float32))


def _position(place: Path, job: Job, group: Group) -> Progress:
    """Where the training in the directory stands; InputError if processes see different ones."""
    fresh = loop.begin(job)
    now = files.load_progress(place, job, fresh.ts) or fresh
    mine = np.array([now.epoch, now.batch], np.float64)
    if not np.array_equal(group.add(mine), group.size * mine):
        raise InputError(
            f"{place}: process {group.rank} finds the run at another step than the others do; "
            "keep it where all hosts see the same files"
        )
    return now


def stages(job: Job, now: Progress, stop: Callable[[], bool], group: Group) -> Iterator[Progress]:
    """Those of `loop.train`; KeyboardInterrupt once `stop()` is true in a process of the group."""
    for stage in [now] if loop.finished(job, now) else loop.train(job, now, group):
        yield stage
        if group.add(np.array([stop()], np.float32))[0]:
            raise KeyboardInterrupt


def _lengthened(directory: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """The run's config.json, which is written again if `config` has another number of epochs."""
    found = files.read_config(directory)
    kept, given = found.get("options"), config.get("options")
    if not (isinstance(kept, dict) and given and kept.get("epochs") != given["epochs"]):
        return found
    found = {**found, "options": {**kept, "epochs": given["epochs"]}}
    files.write_config(directory, found)
    return found


@contextmanager
def opened(directory: Path, job: Job, config: Mapping[str, Any]) -> Iterator[None]:
    """Hold a run's directory, which is made if there is none.

    Raises InputError if the run in it began with other data, batches or seed.
    """
    if not files.holds_run(directory):
        files.create(directory)
    numbers = {"batch_size": job.batch_size, "seed": job.seed}
    with files.locked(directory):
        seen = config.get("fingerprint") or fingerprint(job.train, job.validation, job.test)
        if not files.holds_run(directory):
            files.write_config(directory, {**config, "job": numbers, "fingerprint": seen})
        found = _lengthened(directory, config)
        if found.get("fingerprint") != seen:
            raise InputError(
                f"{directory}: the run began with other images; go on with the same ones (--data "
                "in fnn-train), or name a new directory"
            )
        if found.get("job", numbers) != numbers:
            raise InputError(
                f"{directory}: the run began with {found['job']}, found {numbers}; go on with the "
                "same, or name a new directory"
            )
        yield
