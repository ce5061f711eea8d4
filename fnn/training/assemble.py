"""From options and a data set to a training, and from several networks to one."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fnn import tree
from fnn.data.batches import image_shape
from fnn.data.catalogue import KNOWN, Source
from fnn.data.dataset import Dataset, fingerprint
from fnn.errors import InputError
from fnn.layers.combine import weight_decay
from fnn.losses import softmax_cross_entropy
from fnn.models import Spec, build
from fnn.recognizer.recognizer import Origin
from fnn.train import TrainState
from fnn.training.loop import Job, begin, held_out
from fnn.training.options import Options
from fnn.training.resolve import make_augment, make_optimizer, model_options, resolve


def spec_of(options: Options, source: Source[Dataset]) -> Spec:
    """The networks that the options describe, for the images and classes of a data set."""
    shape = image_shape(source.data.train.images)
    return Spec(
        options.model,
        shape,
        len(source.classes),
        model_options(options),
        options.networks,
        options.views,
    )


def assemble(options: Options, source: Source[Dataset]) -> Job:
    """The training of one network; InputError if the options do not fit the data."""
    options = resolve(options)
    assert options.epochs is not None and options.batch_size is not None  # noqa: PT018 - resolved
    spec, data, size = spec_of(options, source), source.data, options.batch_size
    try:
        net = weight_decay(build(spec), options.weight_decay)
        net.shape(spec.shape)
    except ValueError as error:
        where = f"--model {options.model} on the data set {source.name}"
        raise InputError(f"{where}: {error}") from None
    images, validation = data.train, None
    if options.validation:
        try:
            images, validation = held_out(data.train, options.validation, options.seed)
        except ValueError as error:
            raise InputError(
                f"--validation {options.validation}: {error}; choose another"
            ) from None
    steps = options.epochs * -(-len(images.labels) // size)
    optimizer, rate = make_optimizer(options, steps)
    job = Job(
        net,
        optimizer,
        images,
        validation,
        data.test,
        options.epochs,
        size,
        options.seed,
        partial(softmax_cross_entropy, smoothing=options.label_smoothing),
        augment=make_augment(options),
        alternating_flip=options.alternating_flip,
        patience=options.patience,
        rate=rate,
        spec=spec,
        shards=options.shards or 1,
        origin=Origin(name_of(source), fingerprint(data.test)),
    )
    _check_parameters(options, job)
    return job


def name_of(source: Source[Any]) -> str:
    """The data set's name, or that of its directory, wherever it lies."""
    return source.name if source.name in KNOWN else Path(source.name).resolve().name


def together(each: list[TrainState]) -> TrainState:
    """The parameters and state of `fnn.ensemble`, from those of its networks."""
    if len(each) == 1:
        return each[0]
    params, state = (
        {0: dict(enumerate(part)), 1: {}}
        for part in zip(*((ts.params, ts.state) for ts in each), strict=True)
    )
    return each[-1]._replace(params=params, state=state)


def _check_parameters(options: Options, job: Job) -> None:
    """Raise InputError for --beta-rate without beta, and a last batch that cannot be learned."""
    n, size = len(job.train.labels), job.batch_size
    if options.beta_rate == 1 and n % size != 1 and size != 1:
        return
    ts = begin(job).ts
    if options.beta_rate != 1 and not any(path[-1] == "beta" for path, _ in tree.items(ts.params)):
        raise InputError(
            f"--beta-rate: the model {options.model} as chosen has no batch norm; leave it out"
        )
    if n % size == 1 or size == 1:
        one = job.prepare(job.train.images[:1])
        try:
            job.net.apply(ts.params, ts.state, np.asarray(one), True)
        except ValueError as error:
            raise InputError(
                f"--batch-size {size}: of {n} training images the last batch has one alone: "
                f"{error}; choose another size"
            ) from None
