"""The loop of a training: from where it stands to its end, one step after another."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from fnn import keys, tree
from fnn.arrays import Array
from fnn.data.augment import alternating_flip
from fnn.data.batches import Augment, batches, to_float
from fnn.data.dataset import Split
from fnn.data.dataset import held_out as held_out  # part of fnn.training
from fnn.errors import InputError
from fnn.keys import Key
from fnn.layers.layer import Layer
from fnn.layers.norm import recalibrate
from fnn.layers.whiten import with_whitening
from fnn.losses import softmax_cross_entropy
from fnn.metrics import accuracy
from fnn.models import Spec
from fnn.optim.schedules import Rate, rate_at
from fnn.optim.transforms import Optimizer
from fnn.recognizer.recognizer import Origin
from fnn.shards import ALONE, Group, own_shards, shard_step, sharded_batches
from fnn.train import Loss, Metrics, TrainState, init_train_state, states, train_step
from fnn.training.history import Row
from fnn.training.shared import shared_map, shared_predict
from fnn.tree import Tree

RECALIBRATED = 10000  # images whose mini-batches give batch norm's expectations
WHITENED = 5000  # images on which the filters of a whitening layer are computed
COMPARED = 10000  # training images that are measured after an epoch, if there are no test images


class Job(NamedTuple):
    """A training, apart from where it stands.

    `train`, `validation` and `test` are pairs (x, labels), such as fnn's data sets have. `prepare`
    turns x into the network's input; for x that is float already, take `toolz.identity`. With
    validation images the epoch that is best on them is kept, and `patience` ends the training after
    so many epochs without a better one. `rate` is the optimizer's learning rate, for the metrics
    alone. With a `spec` of the network, its files are parameter files for every program, which say
    what it learned from (`origin`). Each batch is cut into `shards` parts, which several processes
    share out (see `fnn.shards`). Batch norm's expectations, for testing, are over training images
    as they are, or with `expect_augmented` as the network learns from them. `start` is the
    parameters and the state to begin with; by default, the network's `init` and `state` make them
    from the seed.
    """

    net: Layer
    optimizer: Optimizer
    train: Split
    validation: Split | None = None
    test: Split | None = None
    epochs: int = 10
    batch_size: int = 100
    seed: int = 0
    loss: Loss = softmax_cross_entropy
    prepare: Callable[[Array], Array] = to_float
    augment: Augment | None = None
    alternating_flip: bool = False
    expect_augmented: bool = False
    patience: int | None = None
    rate: Rate | None = None
    spec: Spec | None = None
    shards: int = 1
    origin: Origin | None = None
    start: tuple[Tree, Tree] | None = None


class Best(NamedTuple):
    """The epoch that is best on the validation images, counted from 1, and its network."""

    epoch: int = 0  # none yet
    accuracy: float = -1.0
    loss: float = math.inf
    params: Tree = None
    state: Tree = None


class Progress(NamedTuple):
    """Where a training stands: everything that its next step depends on, and its last figures."""

    ts: TrainState
    epoch: int = 0  # epochs done
    batch: int = 0  # batches done of the epoch after those
    loss: float = 0.0  # of those batches, summed over their examples
    best: Best = Best()
    row: Row | None = None  # the figures of an epoch that has just ended


class Diverged(InputError):
    """The loss or the parameters are not finite any more."""


def begin(job: Job) -> Progress:
    """Where a training stands before its first step."""
    x = job.train[0]
    if job.start is not None:
        params, state = job.start
        return Progress(TrainState(params, state, job.optimizer.init(params), math.nan))
    ts = init_train_state(job.net, job.optimizer, job.seed, job.prepare(x[:1]).shape[1:])
    state = with_whitening(ts.state, x[:WHITENED], prepare=job.prepare)
    return Progress(ts._replace(state=state))


def train(job: Job, now: Progress | None = None, group: Group = ALONE) -> Iterator[Progress]:
    """Every stage from `now`, or from the beginning: one after each step, and one after each epoch.

    The stage after an epoch has a `row` with its figures. Each is a value: keep one, and the
    training can go on from it. The processes of a group have the same stages and must all take
    them. Raises Diverged after the last stage that is worth keeping.
    """
    now = begin(job) if now is None else now
    step = _step(job, group)
    size, n = job.batch_size, len(job.train[1])
    while not finished(job, now):
        start, first = time.perf_counter(), now.batch
        for ts in states(step, feed(job, now.epoch + 1, first, group), now.ts):
            if not math.isfinite(ts.loss):
                raise Diverged(
                    f"the loss became {ts.loss} in step {now.batch + 1} of epoch {now.epoch + 1}: "
                    "the training diverges"
                )
            learned = min(size, n - now.batch * size)
            now = Progress(ts, now.epoch, now.batch + 1, now.loss + ts.loss * learned, now.best)
            yield now
        speed = max(0, n - first * size) / (time.perf_counter() - start)
        now = _end_of_epoch(job, now, start, speed, group)
        yield now


def finished(job: Job, now: Progress) -> bool:
    """Whether all epochs are done, or `patience` has run out."""
    waited = now.epoch - now.best.epoch
    return now.epoch >= job.epochs or (job.patience is not None and waited >= job.patience)


def outcome(now: Progress) -> TrainState:
    """The network that a training ends with: the best on validation images, otherwise the last."""
    best = now.best
    return now.ts._replace(params=best.params, state=best.state) if best.epoch else now.ts


def measure(job: Job, ts: TrainState, split: Split, group: Group = ALONE) -> Metrics:
    """Loss and accuracy on a split in test mode, without augmentation.

    The processes of a group share out the examples.
    """
    logits = shared_predict(job.net, ts.params, ts.state, split[0], group, job.prepare)
    return Metrics(softmax_cross_entropy(logits, split[1])[0], accuracy(logits, split[1]))


def is_finite(ts: TrainState) -> bool:
    """Whether all parameters and all of the state are finite."""
    kept = tree.leaves({0: ts.params, 1: ts.state})
    return all(np.isfinite(leaf).all() for leaf in kept if isinstance(leaf, np.ndarray))


def check_finite(now: Progress) -> None:
    """Raise Diverged unless the parameters and the state are finite."""
    if not is_finite(now.ts):
        epoch = now.epoch + (now.row is None)
        raise Diverged(f"the parameters became infinite in epoch {epoch}: the training diverges")


def _epoch_key(job: Job, epoch: int) -> Key:
    """The key of an epoch, counted from 1: of its order, its augmentation and its samples."""
    return keys.child(job.seed, keys.EPOCH, epoch)


def _step(job: Job, group: Group) -> Callable[[TrainState, Any], TrainState]:
    own_shards(job.shards, group)  # raises ValueError unless the processes can share them out
    parts = job.net, job.loss, job.optimizer
    return train_step(*parts) if job.shards == 1 else shard_step(*parts, group)


def feed(job: Job, epoch: int, first: int = 0, group: Group = ALONE) -> Iterator[Any]:
    """The batches of an epoch, from number `first` on; of several shards, this process's own."""
    x, labels = job.train
    if job.alternating_flip:
        x = alternating_flip(keys.child(job.seed, keys.FLIP), x, epoch)
    rng = _epoch_key(job, epoch)
    more = job.prepare, job.augment, first
    if job.shards == 1:
        return batches(rng, x, labels, job.batch_size, *more)
    return sharded_batches(rng, x, labels, job.batch_size, job.shards, group, *more)


def expectation_batches(job: Job, epoch: int) -> Iterator[Array]:
    """Inputs over which batch norm's expectations are computed."""
    size = max(2, job.batch_size)  # one example has no variance for some layers
    rng = keys.child(_epoch_key(job, epoch), keys.SAMPLE)
    augment = job.augment if job.expect_augmented else None
    every = batches(rng, *job.train, size, job.prepare, augment)
    return (x for x, _ in itertools.islice(every, -(-RECALIBRATED // size)) if len(x) > 1)


def _end_of_epoch(job: Job, now: Progress, start: float, speed: float, group: Group) -> Progress:
    epoch, n = now.epoch + 1, len(job.train[1])
    # What may be kept is measured as it will be used.
    may_be_kept = epoch == job.epochs or job.validation is not None
    ts = now.ts
    if may_be_kept:
        some = expectation_batches(job, epoch)
        each = partial(shared_map, group=group)
        ts = ts._replace(state=recalibrate(job.net, ts.params, ts.state, some, each))
    check_finite(now._replace(ts=ts))
    # As many training images as there are test images, to compare with.
    few = len(job.test[1]) if job.test is not None else COMPARED
    trained = measure(job, ts, Split(*(a[:few] for a in job.train)), group)
    tested = None if job.test is None else measure(job, ts, job.test, group)
    chosen = None if job.validation is None else measure(job, ts, job.validation, group)
    if math.isnan(trained.accuracy):
        raise Diverged(f"the network's outputs are no numbers after epoch {epoch}: it diverges")
    best = now.best
    if chosen is not None and (chosen.accuracy, -chosen.loss) > (best.accuracy, -best.loss):
        best = Best(epoch, chosen.accuracy, chosen.loss, ts.params, ts.state)
    step = epoch * -(-n // job.batch_size)
    row = Row(
        epoch=epoch,
        step=step,
        loss=now.loss / n,
        train_accuracy=trained.accuracy,
        test_accuracy=None if tested is None else tested.accuracy,
        validation_accuracy=None if chosen is None else chosen.accuracy,
        lr=None if job.rate is None else rate_at(job.rate, step - 1),
        seconds=round(time.perf_counter() - start, 3),
        images_per_second=round(speed, 1),
        test_loss=None if tested is None else tested.loss,
        validation_loss=None if chosen is None else chosen.loss,
    )
    going_on = now.ts if job.validation is not None else ts
    return Progress(going_on, epoch, best=best, row=row)
