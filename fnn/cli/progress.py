"""What fnn-train shows while it runs: a progress bar at a terminal, and a line for each epoch."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import numpy as np

from fnn.arrays import Array
from fnn.errors import say
from fnn.recognizer.recognizer import Recognizer, recognize
from fnn.training.history import Row
from fnn.training.loop import Job, Progress

TERMINAL = "FNN_TERMINAL"  # the terminal's columns, for a process that mpiexec keeps from it

AT_ONCE = 1000  # images between two steps of a bar
NEWS = 30.0  # seconds


class Show(NamedTuple):
    """How a training is shown: a function for its stages, and one for other lines."""

    stage: Callable[[Progress], None]
    line: Callable[[str], None]


def teller(quiet: bool) -> Callable[[str], None]:
    """A function that prints a line on standard error, or nothing if `quiet`."""
    return (lambda text: None) if quiet else say


@contextmanager
def shown(job: Job, quiet: bool, spelled: Callable[[Row], str] | None = None) -> Iterator[Show]:
    """Epochs as lines on standard output, and progress on standard error.

    That is a bar at a terminal, otherwise a line now and then. If `quiet`, nothing is shown but
    the lines that `spelled` makes of epochs for other programs, in place of those for people.
    """
    columns, spell = os.environ.get(TERMINAL), spelled or line_of
    if quiet:

        def only(now: Progress) -> None:
            if spelled and now.row is not None:
                tell(spell(now.row))

        yield Show(only, teller(quiet))
        return
    if sys.stderr is None or not (columns or sys.stderr.isatty()):
        yield Show(lines(job, spell), say)
        return
    from tqdm import tqdm

    n = len(job.train[1])
    total, unit = job.epochs * n, " images"
    desc, width = f"epoch 1/{job.epochs}", int(columns) if columns else None
    with tqdm(total=total, desc=desc, unit=unit, leave=False, ncols=width) as bar:

        def stage(now: Progress) -> None:
            learned = learned_of(job, now)
            if bar.n == 0:  # a resumed run starts where it stopped
                bar.initial = bar.n = now.epoch * n + max(0, learned - job.batch_size)
            if now.row is None:
                if learned:
                    bar.set_postfix_str(f"loss {now.loss / learned:.4f}", refresh=False)
                bar.update(now.epoch * n + learned - bar.n)
                return
            bar.clear()
            tell(spell(now.row))
            following = min(now.epoch + 1, job.epochs)
            accuracy = f"accuracy {now.row.test_accuracy:.4f}"
            bar.set_description(f"{accuracy}, epoch {following}/{job.epochs}")

        def stage_if_possible(now: Progress) -> None:
            with suppress(OSError):  # the terminal may be gone
                stage(now)

        def line(text: str) -> None:
            with suppress(OSError):
                bar.clear()
            say(text)

        yield Show(stage_if_possible, line)


def lines(job: Job, spell: Callable[[Row], str]) -> Callable[[Progress], None]:
    """A function that prints each epoch, and every NEWS seconds where the training stands."""
    told_at = time.monotonic()

    def stage(now: Progress) -> None:
        nonlocal told_at
        if now.row is not None:
            tell(spell(now.row))
        elif time.monotonic() - told_at < NEWS:
            return
        else:
            n = len(job.train[1])
            learned = learned_of(job, now)
            mean = now.loss / learned
            say(f"epoch {now.epoch + 1}: {learned:,} of {n:,} images, loss {mean:.4f}")
        told_at = time.monotonic()

    return stage


def learned_of(job: Job, now: Progress) -> int:
    """How many images of the epoch have been learned from."""
    return min(len(job.train[1]), now.batch * job.batch_size)


def tell(line: str) -> None:
    """Print a line on standard output; training goes on if that fails."""
    try:
        print(line, flush=True)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # a reader may go away, as head does
            say(f"standard output cannot be written ({error.strerror}); the training goes on")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def line_of(row: Row) -> str:
    """The results of an epoch, for people."""
    figures = [f"epoch {row.epoch}", f"loss {row.loss:.4f}"]
    if row.validation_accuracy is not None:
        figures.append(f"validation accuracy {row.validation_accuracy:.4f}")
    return "  ".join([*figures, f"accuracy {row.test_accuracy:.4f}", f"{row.seconds:.2f} s"])


def recognize_shown(found: Recognizer, images: Array) -> Array:
    """`recognize` with a bar on standard error, if that is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty() or len(images) <= AT_ONCE:
        return recognize(found, images)
    from tqdm import tqdm

    starts = tqdm(range(0, len(images), AT_ONCE), unit=" x 1000 images", leave=False)
    return np.concatenate([recognize(found, images[i : i + AT_ONCE]) for i in starts])
