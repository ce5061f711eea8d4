"""Options: all that decides the outcome of a training, as one typed value.

A field says its type, its default, what --help says about it and which values it takes. That is all
there is to adding an option, besides the place that uses it. A run's config.json is `_asdict()`.
"""

from typing import Annotated, Any, NamedTuple

from fnn.layers.activation import ACTIVATIONS
from fnn.models import MODELS
from fnn.models.deep import STEMS
from fnn.recognizer.tta import VIEWS
from fnn.training import data_options
from fnn.training.choices import AUGMENTS, OPTIMIZERS, SCHEDULES
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


class Options(NamedTuple):
    """The options of a training. None means the model's or the optimizer's default, or none.

    - `recipe` is a set of options (`fnn.training.recipes`), which other options override;
      another optimizer goes without the recipe's `lr`, `momentum` and `weight_decay`.
    - `model` is one of `fnn.models.MODELS` (mlp; with `params`, that of the file), or FILE.py:NAME:
      the function NAME, which is called with the number of classes, or the network NAME.
    - `params` gives the weights to begin with instead of random ones; for other classes than the
      file's, the last layer begins anew. The first `freeze` layers, as --summary counts them, stay
      as they are.
    - A resumed run may have more `epochs`: it goes on for longer, with the learning rate of a run
      of that many.
    - A batch is cut into `shards`, which go through the network by themselves; several processes
      share them out, and any number of them gives the same parameters.
    - `lr` is by default the model's, or with `optimizer` its customary one, which is the course's
      where that has one; adadelta has none. `schedule` is the model's, or constant with
      `optimizer` or `lr`.
    - `momentum` is alpha of momentum, nesterov (by default 0.9) and muon (0.95). `weight_decay` is
      L2's; adamw and muon decay weights apart from the gradients, adamw by default with 0.01.
      `beta_rate` is a factor for the learning rate of batch norm's beta. `lookahead` goes part of
      the way back every 5 steps, farther toward the end of training.
    - `augment` is names with commas between them, changes one after another; several networks take
      the parts between slashes in turn. `alternating_flip` mirrors half of the images left to
      right, in the next epoch the other half.
    - `networks` have consecutive seeds from `seed`; their answers, and those to the `views` of an
      image (shifted, and mirrored copies), are averaged.
    - With `validation`, the epoch that is best on that fraction of the training images is kept.
    """

    recipe: Annotated[
        str | None, About(f"options: {', '.join(RECIPES)}", one_of(RECIPES), "NAME")
    ] = None
    model: Annotated[
        str | None,
        About(
            f"{', '.join(MODELS)}, or your own, FILE.py:NAME (mlp)", one_of_or_own(MODELS), "NAME"
        ),
    ] = None
    data: data_options.Data = None
    params: Annotated[
        str | None, About("begin with weights: a file's, a run's, 'pretrained'", TEXT, "FILE")
    ] = None
    freeze: Annotated[
        int, About("with --params, keep its first N layers (%(default)s)", whole(0), "N")
    ] = 0
    epochs: Annotated[
        int | None, About("passes over the training images (%(default)s)", whole(1), "N")
    ] = None
    batch_size: Annotated[
        int | None, About("images per training step (%(default)s)", whole(1), "N")
    ] = None
    shards: Annotated[
        int | None, About("parts of a batch, a power of two (%(default)s)", POWER_OF_TWO, "N")
    ] = None
    optimizer: Annotated[
        str | None, About(f"{', '.join(OPTIMIZERS)} (%(default)s)", one_of(OPTIMIZERS), "NAME")
    ] = None
    lr: Annotated[float | None, About("the learning rate (%(default)s)", POSITIVE, "RATE")] = None
    schedule: Annotated[
        str | None,
        About(f"of the rate: {', '.join(SCHEDULES)} (%(default)s)", one_of(SCHEDULES), "NAME"),
    ] = None
    momentum: Annotated[
        float | None, About("of momentum, nesterov (0.9) and muon (0.95)", SHARE, "ALPHA")
    ] = None
    activation: Annotated[
        str | None, About(f"{', '.join(ACTIVATIONS)} (%(default)s)", one_of(ACTIVATIONS), "NAME")
    ] = None
    hidden: Annotated[
        int | None, About("nodes of the hidden layer (%(default)s)", whole(1), "N")
    ] = None
    batch_norm: Annotated[
        bool, About("batch-normalize the mlp's hidden nodes (%(default)s)", FLAG)
    ] = False
    dropout: Annotated[
        float | None, About("dropped before the last layer (%(default)s)", SHARE, "RHO")
    ] = None
    width: Annotated[
        int | None, About("channels of the first block (%(default)s)", whole(1), "N")
    ] = None
    depth: Annotated[
        int | None,
        About("of resnet: blocks per stage; of air: 2 or 3 (%(default)s)", whole(1, 200), "N"),
    ] = None
    stem: Annotated[
        str | None, About("of resnet18, mobilenet (large above 64 pixels)", one_of(STEMS))
    ] = None
    weight_decay: Annotated[
        float, About("rate of weight decay (%(default)s; adamw 0.01)", SHARE, "RATE")
    ] = 0.0
    label_smoothing: Annotated[
        float, About("amount of label smoothing (%(default)s)", SHARE, "X")
    ] = 0.0
    beta_rate: Annotated[
        float, About("times the rate, for batch norm's beta (%(default)s)", POSITIVE, "FACTOR")
    ] = 1.0
    lookahead: Annotated[
        bool, About("go part of the way back every 5 steps (%(default)s)", FLAG)
    ] = False
    seed: Annotated[int, About("of all random choices (%(default)s)", whole(0), "N")] = 0
    augment: Annotated[
        str | None,
        About(
            f"{', '.join(AUGMENTS)}; A,B: both; A/B: networks by turns (%(default)s)",
            parts_of(AUGMENTS, "shift", "flip,cutout", "distort,noise", "mild/none"),
            "NAMES",
        ),
    ] = None
    alternating_flip: Annotated[
        bool, About("mirror half of the images, by turns (%(default)s)", FLAG)
    ] = False
    networks: Annotated[
        int, About("train N, whose answers are averaged (%(default)s)", whole(1, 100), "N")
    ] = 1
    views: Annotated[
        str, About(f"average over views: {', '.join(VIEWS)} (%(default)s)", one_of(VIEWS), "NAME")
    ] = "one"
    validation: Annotated[
        float, About("of training images, to choose the best epoch (%(default)s)", SHARE, "SHARE")
    ] = 0.0
    patience: Annotated[
        int | None, About("stop after N epochs without a better one (never)", whole(1), "N")
    ] = None
    compact: Annotated[bool, About("save 4 to 7 bits per parameter (%(default)s)", FLAG)] = False
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
