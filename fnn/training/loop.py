"""The loop of fnn-train: from where a training stands to where it ends, one step after another."""

import itertools
import math
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fnn import keys, tree
from fnn.arrays import Array
from fnn.data.augment import alternating_flip
from fnn.data.batches import Augment, batches, to_float
from fnn.data.dataset import Split
from fnn.errors import InputError
from fnn.keys import Key
from fnn.layers.layer import Layer
from fnn.layers.norm import recalibrate
from fnn.optim.schedules import Rate, rate_at
from fnn.train import Batch, Metrics, Step, TrainState, evaluate, states
from fnn.training.run_directory import Best, Progress, Row

RECALIBRATED = 10000  # images whose mini-batches give the expectations


class Job(NamedTuple):
    """What a training does, apart from where it stands."""

    net: Layer
    step: Step
    rate: Rate | None  # None: the optimizer has none
    train: Split
    validation: Split | None
    test: Split
    epochs: int
    batch_size: int
    seed: int
    augment: Augment | None = None
    alternating_flip: bool = False
    patience: int | None = None  # epochs without a better one on the validation images


class Stage(NamedTuple):
    """Where a training stands after a step, or after an epoch, which has a row."""

    now: Progress
    row: Row | None = None
    best: TrainState | None = None  # of all so far on the validation images, if it is this one


class Diverged(InputError):
    """The loss is not a finite number any more."""


def train(job: Job, now: Progress) -> Iterator[Stage]:
    """Every stage from where `now` stands to the end of the training.

    Raises Diverged after the last stage that is worth keeping.
    """
    while not finished(job, now):
        start = time.perf_counter()
        left = len(job.train.labels) - now.batch * job.batch_size
        for later in _rest_of_epoch(job, now):
            now = later
            yield Stage(now)
        rate = max(left, 0) / (time.perf_counter() - start)
        stage = _end_of_epoch(job, now, start, rate)
        yield stage
        now = stage.now


def finished(job: Job, now: Progress) -> bool:
    """Whether all epochs are done, or so many without a better one that patience has run out."""
    waited = now.epoch - now.best.epoch
    return now.epoch >= job.epochs or (job.patience is not None and waited >= job.patience)


def epoch_key(seed: int, epoch: int) -> Key:
    """The key of an epoch, counted from 1: its order, its augmentation, its samples."""
    return keys.child(seed, keys.EPOCH, epoch)


def held_out(split: Split, part: float, seed: int) -> tuple[Split, Split]:
    """A share `part` of the images, drawn by the seed, apart from the others: (others, part).

    Raises ValueError where one of the two would be empty.
    """
    n = len(split.labels)
    count = round(part * n)
    if not 0 < count < n:
        raise ValueError(f"of {n} training images a share of {part} would be {count}")
    order = keys.generator(keys.child(seed, keys.SPLIT)).permutation(n)
    others, chosen = np.sort(order[count:]), np.sort(order[:count])
    return Split(*(a[others] for a in split)), Split(*(a[chosen] for a in split))


def feed(job: Job, epoch: int, first: int = 0) -> Iterator[Batch]:
    """The batches of an epoch, from number `first` on."""
    images, labels = job.train
    if job.alternating_flip:
        images = alternating_flip(keys.child(job.seed, keys.FLIP), images, epoch)
    rng = epoch_key(job.seed, epoch)
    return batches(rng, images, labels, job.batch_size, to_float, job.augment, first)


def expectation_batches(job: Job, epoch: int) -> Iterator[Array]:
    """What batch norm's expectations are taken over: training images as they are."""
    size = max(2, job.batch_size)  # of one example some layers know no variance
    rng = keys.child(epoch_key(job.seed, epoch), keys.SAMPLE)
    every = batches(rng, *job.train, size, to_float)
    return (x for x, _ in itertools.islice(every, -(-RECALIBRATED // size)) if len(x) > 1)


def with_expectations(job: Job, ts: TrainState, epoch: int) -> TrainState:
    """The state with batch norm's expectations over some mini-batches, equation (38)."""
    some = expectation_batches(job, epoch)
    return ts._replace(state=recalibrate(job.net, ts.params, ts.state, some))


def choose(job: Job, now: Progress, best: TrainState | None) -> tuple[TrainState, Metrics | None]:
    """The state to keep at the end of a training, and the test figures if they are new ones.

    `best` is the state of the epoch that was best on the validation images; where there are none,
    it is the last that counts.
    """
    return (now.ts, None) if best is None else (best, measure(job, best, job.test))


def measure(job: Job, ts: TrainState, split: Split) -> Metrics:
    """Loss and accuracy on images as they are, in test mode."""
    return evaluate(job.net, ts.params, ts.state, *split, prepare=to_float)


def _rest_of_epoch(job: Job, now: Progress) -> Iterator[Progress]:
    n, epoch = len(job.train.labels), now.epoch + 1
    for ts in states(job.step, feed(job, epoch, now.batch), now.ts):
        if not math.isfinite(ts.loss):
            raise Diverged(
                f"the loss became {ts.loss} in step {now.batch + 1} of epoch {epoch}: the training "
                "diverges"
            )
        size = min(job.batch_size, n - now.batch * job.batch_size)
        now = now._replace(ts=ts, batch=now.batch + 1, loss=now.loss + ts.loss * size)
        yield now


def _end_of_epoch(job: Job, now: Progress, start: float, images_per_second: float) -> Stage:
    epoch = now.epoch + 1
    n = len(job.train.labels)
    # What may be kept is measured as it will be used.
    may_be_kept = epoch == job.epochs or job.validation is not None
    ts = with_expectations(job, now.ts, epoch) if may_be_kept else now.ts
    check_finite(ts, epoch)
    # As many training images as there are test images, to compare with.
    train = measure(job, ts, Split(*(part[: len(job.test.labels)] for part in job.train)))
    test = measure(job, ts, job.test)
    chosen = None if job.validation is None else measure(job, ts, job.validation)
    best = now.best
    if chosen is not None and (chosen.accuracy, -chosen.loss) > (best.accuracy, -best.loss):
        best = Best(epoch, chosen.accuracy, chosen.loss)
    step = epoch * -(-n // job.batch_size)
    row = Row(
        epoch=epoch,
        step=step,
        loss=now.loss / n,
        train_accuracy=train.accuracy,
        test_accuracy=test.accuracy,
        validation_accuracy=None if chosen is None else chosen.accuracy,
        lr=None if job.rate is None else rate_at(job.rate, step - 1),
        seconds=round(time.perf_counter() - start, 3),
        images_per_second=round(images_per_second, 1),
    )
    going_on = now.ts if job.validation is not None else ts
    return Stage(Progress(going_on, epoch, best=best), row, ts if best.epoch == epoch else None)


def check_finite(ts: TrainState, epoch: int) -> None:
    """Raise Diverged for parameters or a state that are no numbers any more."""
    kept = [*tree.leaves(ts.params), *tree.leaves(ts.state)]
    if not all(np.isfinite(leaf).all() for leaf in kept if isinstance(leaf, np.ndarray)):
        raise Diverged(f"the parameters became infinite in epoch {epoch}: the training diverges")
