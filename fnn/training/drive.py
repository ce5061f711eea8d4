"""A training that is kept in a directory, and goes on after whatever ended it."""

import platform
import shlex
import signal
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fnn import __version__
from fnn.cli.parsed import kept_options
from fnn.cli.progress import shown
from fnn.cli.train_options import SAVE_EVERY
from fnn.data.catalogue import KNOWN, Source
from fnn.data.dataset import Dataset
from fnn.errors import InputError
from fnn.recognizer.recognizer import load_recognizer, save_recognizer
from fnn.train import TrainState
from fnn.training import run_directory
from fnn.training.assemble import Task, finish, outcome
from fnn.training.loop import Diverged, Stage, check_finite, train
from fnn.training.run_directory import Progress


def train_run(args: Namespace, source: Source[Dataset], task: Task) -> TrainState:
    """Begin the run in --run, or go on with the one in --resume, to its end: what it ends with."""
    with opened(args, source) as directory:
        start = run_directory.load_progress(directory, task.spec, task.fresh)
        return _go_on(args, directory, task, start or Progress(task.fresh))


@contextmanager
def opened(args: Namespace, source: Source[Dataset]) -> Iterator[Path]:
    """The directory of --run, made and with its config, or of --resume, checked; nobody else's.

    Raises InputError where the run began with other images.
    """
    directory = Path(args.run or args.resume)
    if args.run:
        run_directory.create(directory)
    with run_directory.locked(directory):
        seen = run_directory.fingerprint(source.data)
        if args.run:
            run_directory.write_config(directory, _config(args, source, seen))
        elif run_directory.read_config(directory).get("fingerprint") != seen:
            raise InputError(
                f"{directory}: the run began with other images than those of {source.name}; "
                "name the same ones with --data"
            )
        yield directory


def _config(args: Namespace, source: Source[Dataset], seen: str) -> dict[str, Any]:
    named = source.name if source.name in KNOWN else str(Path(source.name).resolve())
    return {
        "options": {**kept_options(args), "data": named},
        "fingerprint": seen,
        "versions": {
            "fnn": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def _go_on(args: Namespace, directory: Path, task: Task, start: Progress) -> TrainState:
    rows = run_directory.read_metrics(directory, start.epoch)
    run_directory.write_metrics(directory, rows)
    pause = SAVE_EVERY if args.save_every is None else args.save_every
    saved = time.monotonic()
    try:
        with shown(task.job, start, args.quiet) as show, _asked_to_stop() as asked:
            stage = Stage(start)
            for stage in train(task.job, start):
                show.stage(stage)
                if stage.best is not None:
                    best = stage.best
                    save_recognizer(
                        directory / run_directory.BEST, task.spec, best.params, best.state
                    )
                if stage.row is not None:
                    rows = [*rows, stage.row]
                    run_directory.write_metrics(directory, rows)
                stop = asked()
                if stage.row is not None or stop or time.monotonic() - saved >= pause:
                    if stage.row is None:  # at an epoch's end it has been checked
                        check_finite(stage.now.ts, stage.now.epoch + 1)
                    run_directory.save_progress(directory, task.spec, stage.now)
                    saved = time.monotonic()
                if stop:
                    show.line(
                        f"stopped after step {stage.now.batch} of epoch {stage.now.epoch + 1}; go "
                        f"on with: fnn-train --resume {shlex.quote(str(args.whole or directory))}"
                    )
                    raise KeyboardInterrupt
            now = stage.now
            kept = _best(directory, now.ts) if now.best.epoch else None
            ts = outcome(task, now, kept, show)
            finish(args, directory, task.spec, ts, task.job.test, show.line)
            return ts
    except Diverged as error:
        raise InputError(
            f"{error}; {directory} keeps what was saved before; begin a new run with a smaller --lr"
        ) from None


def _best(directory: Path, ts: TrainState) -> TrainState:
    found = load_recognizer(directory / run_directory.BEST)
    return ts._replace(params=found.params, state=found.state)


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """A function that says whether Ctrl-C or SIGTERM came; a second one ends the program."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set  # only the main thread may handle signals
        return

    def ask(number: int, frame: object) -> None:
        signal.signal(number, signal.default_int_handler)
        asked.set()

    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, ask) for kind in kinds]
    try:
        yield asked.is_set
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)
