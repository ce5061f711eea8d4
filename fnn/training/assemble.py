"""A training put together from fnn-train's options, and what it leaves at its end."""

from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fnn import tree
from fnn.cli.inputs import DEFAULT
from fnn.cli.progress import Show
from fnn.data.batches import to_float
from fnn.data.catalogue import Source
from fnn.data.dataset import Dataset, Split
from fnn.errors import InputError, one_line
from fnn.layers.combine import weight_decay
from fnn.layers.whiten import with_whitening
from fnn.losses import softmax_cross_entropy
from fnn.metrics import accuracy
from fnn.models import Spec, build
from fnn.recognizer.recognizer import Recognizer, recognize, save_recognizer
from fnn.train import TrainState, init_train_state, train_step
from fnn.training.loop import Job, choose, held_out
from fnn.training.options import make_augment, make_optimizer
from fnn.training.run_directory import FINAL, Progress

WHITENED = 5000  # training images on which a first layer's whitening is found


class Task(NamedTuple):
    """A training that has been put together, and the state it starts from."""

    spec: Spec
    job: Job
    fresh: TrainState


def put_together(args: Namespace, source: Source[Dataset], spec: Spec) -> Task:
    """The training that the options describe; InputError where they do not fit the data."""
    data = source.data
    try:
        net = weight_decay(build(spec), args.weight_decay)
        net.shape(spec.shape)
    except ValueError as error:
        raise InputError(f"--model {args.model} on the data set {source.name}: {error}") from None
    images, validation = data.train, None
    if args.validation:
        try:
            images, validation = held_out(data.train, args.validation, args.seed)
        except ValueError as error:
            raise InputError(f"--validation {args.validation}: {error}; choose another") from None
    size = args.batch_size
    n = len(images.labels)
    optimizer, rate = make_optimizer(args, args.epochs * -(-n // size))
    fresh = init_train_state(net, optimizer, args.seed, spec.shape)
    fresh = fresh._replace(
        state=with_whitening(fresh.state, images.images[:WHITENED], prepare=to_float)
    )
    if args.beta_rate != 1 and not any(path[-1] == "beta" for path, _ in tree.items(fresh.params)):
        raise InputError(
            f"--beta-rate: the model {args.model} as chosen has no batch norm; leave it out"
        )
    loss = partial(softmax_cross_entropy, smoothing=args.label_smoothing)
    job = Job(
        net,
        train_step(net, loss, optimizer),
        rate,
        images,
        validation,
        data.test,
        args.epochs,
        size,
        args.seed,
        make_augment(args),
        args.alternating_flip,
        args.patience,
    )
    check_last_batch(job, fresh, spec)
    return Task(spec, job, fresh)


def check_last_batch(job: Job, ts: TrainState, spec: Spec) -> None:
    """Raise InputError where the last batch has one image and the network cannot learn from one."""
    n, size = len(job.train.labels), job.batch_size
    if n % size != 1 and size != 1:
        return
    try:
        job.net.apply(ts.params, ts.state, np.zeros((1, *spec.shape), np.float32), True)
    except ValueError as error:
        raise InputError(
            f"--batch-size {size}: of {n} training images the last batch has one alone: {error}; "
            "choose another size"
        ) from None


def outcome(task: Task, now: Progress, best: TrainState | None, show: Show) -> TrainState:
    """The network that a training ends with."""
    ts, test = choose(task.job, now, best)
    if test is not None:
        show.line(
            f"epoch {now.best.epoch} was best on the validation images, with an accuracy of "
            f"{now.best.accuracy:.4f}; on the test images it has {test.accuracy:.4f}"
        )
    return ts


def finish(
    args: Namespace,
    directory: Path | None,
    spec: Spec,
    ts: TrainState,
    test: Split,
    tell: Callable[[str], None],
) -> None:
    """Write the network into the run's directory and to --out, or to DEFAULT without either.

    With several networks or views, tell how well they answer together.
    """
    run = [directory / FINAL] if directory else []
    named = [Path(args.out or DEFAULT)] if args.out or not directory else []
    for path in [*run, *named]:
        save_recognizer(path, spec, ts.params, ts.state, args.compact)
        tell(one_line(f"parameters saved in {path}"))
    part = args.whole is not None  # of several networks
    if args.quiet or part or (spec.networks == 1 and spec.views == "one"):
        return
    found = Recognizer(spec, build(spec), ts.params, ts.state)
    share = accuracy(recognize(found, test.images), test.labels)
    views = "" if spec.views == "one" else f", {spec.views} views"
    count = f"{spec.networks} networks" if spec.networks > 1 else "the network"
    tell(f"{count}{views}: accuracy {share:.4f} on the test images")
