"""From options and a data set to a training, and from several networks to one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fnn import tree
from fnn.data.batches import image_shape
from fnn.data.catalogue import KNOWN, Source
from fnn.data.dataset import Dataset, fingerprint, held_out
from fnn.errors import InputError
from fnn.layers.combine import weight_decay
from fnn.layers.freeze import freeze
from fnn.layers.layer import Layer
from fnn.losses import softmax_cross_entropy
from fnn.models import Spec, build, maker
from fnn.models.description import describe, rebuild
from fnn.models.own import called, is_own
from fnn.recognizer.recognizer import Origin, Recognizer, file_of, read_recognizer
from fnn.recognizer.spec import unless_numbers
from fnn.train import TrainState
from fnn.training.loop import Job, begin
from fnn.training.options import Options
from fnn.training.resolve import (
    chosen_options,
    decouples,
    expects_augmented,
    for_images,
    make_augment,
    make_optimizer,
    model_of,
    model_options,
    resolve,
)
from fnn.training.start import check_frozen, network_like, started
from fnn.tree import Tree


def spec_and_net(
    options: Options, source: Source[Dataset], start: Recognizer | None = None, form: Tree = None
) -> tuple[Spec, Layer]:
    """The spec of the options' networks, and one of them; InputError if it does not fit the data.

    `start` is what the file in `params` holds. `form` is the description of a network of FILE.py,
    whose code is not run then.
    """
    shape, names = image_shape(source.data.train.images), unless_numbers(source.classes)
    model, classes = model_of(options), len(source.classes)
    spec = Spec(
        model or "",
        shape,
        classes,
        chosen_options(options),
        options.networks,
        options.views,
        names=names,
    )
    try:
        if model is None:
            assert start is not None  # without a model, there are params
            spec, net = network_like(start, spec)
        elif form is not None:
            net = rebuild(form)
            spec = spec._replace(form=describe(net))
        elif is_own(model):
            net = called(maker(model), model, classes, model_options(options))
            spec = spec._replace(form=form_of(net))
        else:
            spec = spec._replace(options=for_images(model, spec.options, shape))
            net = build(spec._replace(networks=1))
        out = net.shape(shape)
    except InputError:
        raise
    except ValueError as error:
        what = f"--model {model}" if model else f"--params {options.params}"
        raise InputError(f"{what} on the data set {source.name}: {error}") from None
    if out != (classes,):
        raise InputError(
            f"--model {model}: the network gives {out} for an image, expected ({classes},), a "
            "number for each class; let the function take their number, def net(classes)"
        )
    return spec, net


def form_of(net: Layer) -> Tree:
    """The description of a network; None for one with layers of one's own."""
    try:
        return describe(net)
    except ValueError:
        return None


def assemble(options: Options, source: Source[Dataset], which: int = 0, form: Tree = None) -> Job:
    """The training of one network; InputError if the options do not fit the data.

    It is number `which`, counted from 0, of several, which matters if it begins with those of a
    file. For `form`, see `spec_and_net`.
    """
    options = resolve(options)
    assert options.epochs is not None and options.batch_size is not None  # noqa: PT018 - resolved
    start = None if options.params is None else start_of(options, options.params)
    (spec, net), data, size = (
        spec_and_net(options, source, start, form),
        source.data,
        options.batch_size,
    )
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
    begin_with = None if start is None else begun(options, start, net, spec, which)
    job = Job(
        weight_decay(
            freeze(net, options.freeze) if options.freeze else net,
            0.0 if decouples(options) else options.weight_decay,
        ),
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
        expect_augmented=expects_augmented(options),
        patience=options.patience,
        rate=rate,
        spec=spec,
        shards=options.shards or 1,
        origin=Origin(name_of(source), fingerprint(data.test)),
        start=begin_with,
    )
    _check_parameters(options, job)
    return job


def start_of(options: Options, file: str) -> Recognizer:
    """What a parameter file holds; FILE.py:NAME makes the network if the file only names one."""

    def own(spec: Spec) -> Layer | None:
        model = options.model
        if model is None or not is_own(model) or not is_own(spec.name) or spec.form is not None:
            return None
        return called(maker(model), model, spec.classes, spec.options)

    return read_recognizer(file_of(file), own)[0]


def begun(
    options: Options, start: Recognizer, net: Layer, spec: Spec, which: int
) -> tuple[Tree, Tree]:
    """The parameters and the state that the training begins with."""
    try:
        params, state = started(start, net, spec, options.seed, which)
    except ValueError as error:
        raise InputError(
            f"--params {options.params}: not those of this network ({error}); choose the --model "
            "that they are of"
        ) from None
    if options.freeze:
        check_frozen(net, params, options.freeze)
    return params, state


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
