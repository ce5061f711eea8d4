"""What fnn-train shows while it runs: a live line on a terminal, and a line for every epoch."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from fnn.errors import say
from fnn.training.loop import Job, Stage
from fnn.training.run_directory import Progress, Row


class Show(NamedTuple):
    """How a training is told: each of its stages, and anything else in a line."""

    stage: Callable[[Stage], None]
    line: Callable[[str], None]


def teller(quiet: bool) -> Callable[[str], None]:
    """What tells something in a line, where it may."""
    return (lambda text: None) if quiet else say


@contextmanager
def shown(job: Job, start: Progress, quiet: bool) -> Iterator[Show]:
    """Lines for epochs on standard output, and a bar on standard error where it is a terminal."""
    if quiet:
        yield Show(lambda stage: None, lambda text: None)
        return
    if sys.stderr is None or not sys.stderr.isatty():
        yield Show(lambda stage: tell(_line(stage.row)) if stage.row else None, say)
        return
    from tqdm import tqdm

    with tqdm(
        total=job.epochs * len(job.train.labels),
        initial=_images(job, start),
        desc=f"epoch {start.epoch + 1}/{job.epochs}",
        unit=" images",
        leave=False,
    ) as bar:

        def stage(stage: Stage) -> None:
            if stage.row is None:
                _advance(bar, job, stage.now)
            else:
                bar.clear()
                tell(_line(stage.row))
                following = min(stage.row.epoch + 1, job.epochs)
                accuracy = f"accuracy {stage.row.test_accuracy:.4f}"
                bar.set_description(f"{accuracy}, epoch {following}/{job.epochs}")

        def line(text: str) -> None:
            bar.clear()
            say(text)

        yield Show(stage, line)


def tell(line: str) -> None:
    """One line on standard output; a reader who has gone away does not end the training."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _line(row: Row) -> str:
    validation = (
        ""
        if row.validation_accuracy is None
        else f"validation accuracy {row.validation_accuracy:.4f}  "
    )
    return (
        f"epoch {row.epoch}  loss {row.loss:.4f}  {validation}accuracy {row.test_accuracy:.4f}  "
        f"{row.seconds:.2f} s"
    )


def _images(job: Job, now: Progress) -> int:
    """How many images have been learned so far, one counted again in every epoch."""
    n = len(job.train.labels)
    return now.epoch * n + min(n, now.batch * job.batch_size)


def _advance(bar: Any, job: Job, now: Progress) -> None:
    learned = min(len(job.train.labels), now.batch * job.batch_size)
    bar.set_postfix_str(f"loss {now.loss / learned:.4f}", refresh=False)
    bar.update(_images(job, now) - bar.n)
