"""fnn-train: trains a network, prints how it goes, saves the parameters (the course's task 3)."""

import itertools
import math
import operator
import os
import sys
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from fnn import keys
from fnn.cli.common import run, say
from fnn.cli.memory import keep_freed_memory
from fnn.cli.train_options import (
    arguments,
    check_optimizer,
    epochs_and_batch_size,
    make_optimizer,
    model_options,
)
from fnn.data.batches import batches, image_shape, to_float
from fnn.data.dataset import Split
from fnn.data.sources import open_data
from fnn.errors import InputError
from fnn.files import check_writable
from fnn.layers.combine import weight_decay
from fnn.layers.layer import Layer
from fnn.layers.norm import recalibrate
from fnn.losses import softmax_cross_entropy
from fnn.models import Spec, build
from fnn.recognizer import save_recognizer
from fnn.train import Step, TrainState, evaluate, init_train_state, states, train_step

T = TypeVar("T")

RECALIBRATION = 100  # mini-batches


def main(argv: Sequence[str] | None = None) -> int:
    return run("fnn-train", body, argv)


def body(argv: Sequence[str]) -> None:
    args = arguments().parse_args(argv)
    keep_freed_memory()
    options = model_options(args)
    check_optimizer(args)
    check_writable(args.out)  # before any work is done that could be lost
    source = open_data(args.data)
    data = source.data
    spec = Spec(args.model, image_shape(data.train.images), len(source.classes), options)
    try:
        net = weight_decay(build(spec), args.weight_decay)
        net.shape(spec.shape)
    except ValueError as error:
        raise InputError(f"--model {args.model} on the data set {source.name}: {error}") from None
    epochs, size = epochs_and_batch_size(args)
    optimizer = make_optimizer(args, epochs * -(-len(data.train.labels) // size))
    ts = init_train_state(net, optimizer, args.seed, spec.shape)
    check_last_batch(net, ts, spec, len(data.train.labels), size)
    loss_of = partial(softmax_cross_entropy, smoothing=args.label_smoothing)
    step = train_step(net, loss_of, optimizer)
    try:
        for epoch in range(1, epochs + 1):
            start = time.perf_counter()
            rng = keys.child(args.seed, keys.EPOCH, epoch)
            ts, loss = train_epoch(step, data.train, rng, size, ts, f"epoch {epoch}/{epochs}")
            if epoch == epochs:
                ts = with_expectations(net, ts, data.train, rng, size)
            test = evaluate(net, ts.params, ts.state, *data.test, prepare=to_float)
            seconds = time.perf_counter() - start
            tell(f"epoch {epoch}  loss {loss:.4f}  accuracy {test.accuracy:.4f}  {seconds:.2f} s")
    except KeyboardInterrupt:
        say("\nthe training is not finished and nothing was saved")
        raise
    save_recognizer(args.out, spec, ts.params, ts.state)
    say(f"parameters saved in {args.out}")


def with_expectations(
    net: Layer, ts: TrainState, split: Split, rng: keys.Key, size: int
) -> TrainState:
    """The state with batch norm's expectations over a hundred mini-batches, equation (38)."""
    feed = batches(keys.child(rng, keys.SAMPLE), *split, size, to_float)
    some = (x for x, _ in itertools.islice(feed, RECALIBRATION) if len(x) > 1)
    return ts._replace(state=recalibrate(net, ts.params, ts.state, some))


def train_epoch(
    step: Step, split: Split, rng: keys.Key, size: int, ts: TrainState, title: str
) -> tuple[TrainState, float]:
    """Learn every image once; the state after it, and the mean loss of an image on the way."""
    n = len(split.labels)
    sizes = [min(size, n - start) for start in range(0, n, size)]
    feed = batches(rng, *split, size, to_float)
    losses = []
    # Numbers that overflow show in the loss, where one line tells of them.
    with np.errstate(all="ignore"):
        for now in states(step, progress(feed, len(sizes), title), ts):
            losses.append(now.loss)
            if not math.isfinite(now.loss):
                raise InputError(
                    f"the loss became {now.loss} in step {len(losses)} of {title}: the training "
                    "diverges, and nothing was saved; choose a smaller --lr"
                )
    return now, sum(map(operator.mul, losses, sizes)) / n


def tell(line: str) -> None:
    """One line on standard output; a reader who has gone away does not end the training."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_last_batch(net: Layer, ts: TrainState, spec: Spec, n: int, size: int) -> None:
    """Raise InputError where the last batch has one image and the network cannot learn from one."""
    if n % size != 1 and size != 1:
        return
    try:
        net.apply(ts.params, ts.state, np.zeros((1, *spec.shape), np.float32), True)
    except ValueError as error:
        raise InputError(
            f"--batch-size {size}: of {n} training images the last batch has one alone: {error}; "
            "choose another size"
        ) from None


def progress(items: Iterable[T], total: int, title: str) -> Iterable[T]:
    """The items, with a bar on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        return items
    from tqdm import tqdm

    bar: Iterable[T] = tqdm(items, desc=title, total=total, leave=False)
    return bar
