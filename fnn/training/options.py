"""Options: all that decides the outcome of a training, as one typed value.

A field says its type, its default, what --help says about it and which values it takes. That is all
there is to adding an option, besides the place that uses it. A run's config.json is `_asdict()`.
"""

import inspect
from typing import Annotated, Any, NamedTuple

from fnn.layers.activation import ACTIVATIONS
from fnn.models import MODELS
from fnn.models.deep import STEMS
from fnn.recognizer.tta import VIEWS
from fnn.training import data_options
from fnn.training.choices import AUGMENTS, DEFAULTS, OPTIMIZERS, SCHEDULES
from fnn.training.kinds import (
    FLAG,
    POSITIVE,
    POWER_OF_TWO,
    SHARE,
    TEXT,
    one_of,
    one_of_or_own,
    parts_of,
    whole,
)
from fnn.training.kinds import About as About
from fnn.training.recipes import RECIPES


def per_model(field: str) -> str:
    """The default of each model, for --help."""
    return ", ".join(f"{model}: {getattr(usual, field)}" for model, usual in DEFAULTS.items())


def having(option: str) -> str:
    """The models that have an option, with its default in each, for --help."""
    found = ((m, inspect.signature(make).parameters.get(option)) for m, make in MODELS.items())
    return ", ".join(f"{model}: {known.default}" for model, known in found if known)


_RATES = ", ".join(f"{name} {choice.lr}" for name, choice in OPTIMIZERS.items() if choice.lr)
_RECIPES = "; ".join(f"{name} ({recipe.about})" for name, recipe in RECIPES.items())
_AUGMENTS = "; ".join(f"{name} ({choice.about})" for name, choice in AUGMENTS.items())


class Options(NamedTuple):
    """The options of a training. None means the model's or the optimizer's default, or none."""

    recipe: Annotated[
        str | None,
        About(f"a set of options, which other options override: {_RECIPES}", one_of(RECIPES)),
    ] = None
    model: Annotated[
        str | None,
        About(
            f"the network: one of {', '.join(MODELS)} (mlp; with --params, that of the file), or "
            "one of your own, FILE.py:NAME: the function NAME, which is called with the number of "
            "classes, or the network NAME",
            one_of_or_own(MODELS),
            "NAME|FILE.py:NAME",
        ),
    ] = None
    data: data_options.Data = None
    params: Annotated[
        str | None,
        About(
            "begin with the weights in this parameter file (or 'pretrained', or a run's directory) "
            "instead of random ones; for other classes than the file's, the last layer begins anew",
            TEXT,
            "FILE",
        ),
    ] = None
    freeze: Annotated[
        int,
        About(
            "with --params, keep the first N layers, as --summary counts them, as they are "
            "(%(default)s)",
            whole(0),
            "N",
        ),
    ] = 0
    epochs: Annotated[
        int | None,
        About(
            f"passes over the training images ({per_model('epochs')}; with --resume, more than the "
            "run's: it goes on for longer, with the learning rate of a run of that many)",
            whole(1),
        ),
    ] = None
    batch_size: Annotated[
        int | None, About(f"images per training step ({per_model('batch_size')})", whole(1))
    ] = None
    shards: Annotated[
        int | None,
        About(
            "cut each batch into this many parts, 1, 2, 4, ..., which go through the network by "
            "themselves; several processes share them out, and any number of them gives the same "
            f"parameters ({per_model('shards')}; at least the number of processes)",
            POWER_OF_TWO,
        ),
    ] = None
    optimizer: Annotated[
        str | None, About(f"the optimizer ({per_model('optimizer')})", one_of(OPTIMIZERS))
    ] = None
    lr: Annotated[
        float | None,
        About(
            f"the learning rate ({per_model('lr')}; with --optimizer, the course's: {_RATES}); "
            "adadelta has none",
            POSITIVE,
        ),
    ] = None
    schedule: Annotated[
        str | None,
        About(
            f"how the learning rate changes during training ({per_model('schedule')}; with "
            "--optimizer or --lr, constant)",
            one_of(SCHEDULES),
        ),
    ] = None
    activation: Annotated[
        str | None,
        About(f"the activation of the hidden layers ({having('activation')})", one_of(ACTIVATIONS)),
    ] = None
    hidden: Annotated[int | None, About(f"hidden nodes ({having('hidden')})", whole(1))] = None
    batch_norm: Annotated[bool, About("batch-normalize the hidden nodes of the mlp", FLAG)] = False
    dropout: Annotated[
        float | None,
        About(
            f"the fraction of nodes set to 0 before the last layer ({having('dropout')})",
            SHARE,
            "RHO",
        ),
    ] = None
    width: Annotated[
        int | None, About(f"channels of the first block ({having('width')})", whole(1))
    ] = None
    stem: Annotated[
        str | None,
        About(
            "how resnet18 and mobilenet begin: for small images, or for large ones (large above 64 "
            "pixels a side)",
            one_of(STEMS),
        ),
    ] = None
    weight_decay: Annotated[
        float, About("the rate of L2 weight decay (%(default)s; adamw: of its own, 0.01)", SHARE)
    ] = 0.0
    label_smoothing: Annotated[
        float, About("the amount of label smoothing (%(default)s)", SHARE)
    ] = 0.0
    beta_rate: Annotated[
        float,
        About(
            "factor for the learning rate of batch norm's beta (%(default)s)", POSITIVE, "FACTOR"
        ),
    ] = 1.0
    lookahead: Annotated[
        bool,
        About("every 5 steps, go part of the way back, farther toward the end of training", FLAG),
    ] = False
    seed: Annotated[int, About("seed of all random choices (%(default)s)", whole(0))] = 0
    augment: Annotated[
        str | None,
        About(
            "changes to the training images, one after another; several networks take the parts "
            f"between slashes in turn: {_AUGMENTS}; or none, alone or as a part",
            parts_of(AUGMENTS, "shift", "flip,cutout", "distort,noise", "mild/none"),
            "NAME[,...][/...]",
        ),
    ] = None
    alternating_flip: Annotated[
        bool,
        About("mirror half of the images left to right, in the next epoch the other half", FLAG),
    ] = False
    networks: Annotated[
        int,
        About(
            "train this many networks, with consecutive seeds from --seed; their answers are "
            "averaged (%(default)s)",
            whole(1, 100),
        ),
    ] = 1
    views: Annotated[
        str,
        About(
            "average the answers to these views of an image: the image alone, or also shifted "
            "(and mirrored) copies (%(default)s)",
            one_of(VIEWS),
        ),
    ] = "one"
    validation: Annotated[
        float,
        About(
            "hold out this fraction of the training images and keep the epoch that is best on them "
            "(%(default)s: none; the test images are never used for this)",
            SHARE,
            "FRACTION",
        ),
    ] = 0.0
    patience: Annotated[
        int | None,
        About("stop after this many epochs without a better validation result", whole(1), "EPOCHS"),
    ] = None
    compact: Annotated[
        bool,
        About(
            "save the final parameters in seven bits each: a quarter of the size, nearly the same "
            "answers",
            FLAG,
        ),
    ] = False
    size: data_options.Size = None
    colors: data_options.Colors = None
    test_share: data_options.TestShare = None
    broken: data_options.Broken = None
    arrays: data_options.Arrays = None


def table(options: type[NamedTuple]) -> dict[str, About]:
    """What each field of a type like `Options` says about itself."""
    return {name: kind.__metadata__[0] for name, kind in options.__annotations__.items()}


def from_config(config: Any) -> Options:
    """The options that `_asdict` of a run's config.json holds.

    Raises ValueError for a value that an option cannot take or an option that is unknown.
    """
    try:
        options = Options(**config)
    except TypeError:
        raise ValueError("it has options that this fnn does not know") from None
    for name, about in table(Options).items():
        value = getattr(options, name)
        if value != Options._field_defaults[name] and not about.kind.admits(value):
            raise ValueError(f"{name} is {value!r:.40}, expected {about.kind.expected}")
    return options
