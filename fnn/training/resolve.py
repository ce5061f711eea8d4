"""What options mean: defaults filled in, conflicts refused, and the options of each network."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import Any

from fnn.arrays import Shape
from fnn.data.augment import compose
from fnn.data.batches import Augment
from fnn.errors import InputError
from fnn.models import MODELS, maker
from fnn.models.own import is_own
from fnn.optim.averages import lookahead
from fnn.optim.schedules import Rate, slowing
from fnn.optim.transforms import Optimizer, chain, scale_leaves
from fnn.training.choices import AUGMENTS, DECOUPLED, OPTIMIZERS, SCHEDULES, WITH_MOMENTUM, usual
from fnn.training.options import Options
from fnn.training.recipes import RECIPES
from fnn.training.start import keeping

OF_THE_MODEL = ("activation", "hidden", "batch_norm", "dropout", "width", "depth", "stem")
SMALL = 64  # pixels: larger images get the large stem


def resolve(options: Options) -> Options:
    """The options with the model's defaults in place of None.

    The model itself stays None where it is that of the file in `params`.
    """
    model = model_of(options)
    own, default = has_own_rate(options), usual(model)
    optimizer = options.optimizer or default.optimizer
    customary = OPTIMIZERS[optimizer].lr
    lr = None if customary is None else options.lr or (default.lr if own else customary)
    schedule = options.schedule or (default.schedule if own else "constant")
    return options._replace(
        model=model,
        epochs=options.epochs or default.epochs,
        batch_size=options.batch_size or default.batch_size,
        shards=options.shards or default.shards,
        optimizer=optimizer,
        lr=lr,
        schedule=None if lr is None else schedule,
    )


def model_of(options: Options) -> str | None:
    """The name of the model; None for that of the file in `params`."""
    return options.model or (None if options.params else "mlp")


def has_own_rate(options: Options) -> bool:
    """Whether the learning rate and its schedule are by default the model's own."""
    return options.optimizer is None and options.lr is None


def check(options: Options) -> Options:
    """The options themselves; InputError for options that do not go together."""
    if options.patience is not None and not options.validation:
        raise InputError("--patience: there are no validation images; add --validation 0.1, say")
    recipe = recipe_of(options)
    optimizer = options.optimizer or usual(model_of(options)).optimizer
    if OPTIMIZERS[optimizer].lr is None:
        for name in ("lr", "schedule"):
            if getattr(options, name) not in (None, recipe.get(name)):
                raise InputError(f"--{name}: {optimizer} has no learning rate; leave it out")
    if options.momentum not in (None, recipe.get("momentum")) and optimizer not in WITH_MOMENTUM:
        able = " or ".join(f"--optimizer {name}" for name in WITH_MOMENTUM)
        raise InputError(f"--momentum: {optimizer} has none; leave it out, or choose {able}")
    turns = len(turns_of(options))
    if turns > options.networks and options.augment != recipe.get("augment"):
        raise InputError(
            f"--augment {options.augment}: {turns} networks or more take these in turn, found "
            f"--networks {options.networks}; change one of the two"
        )
    if options.freeze and not options.params:
        raise InputError("--freeze: no layer has learned anything yet; add --params FILE")
    if not is_own(options.model or ""):  # whose code is not run for a check
        model_options(options)
    return options


def of_network(options: Options, i: int) -> Options:
    """The options of network `i` of several: its own seed, and its turn of the augmentations."""
    turns = turns_of(options)
    turn = turns[i % len(turns)]
    return options._replace(
        networks=1, seed=options.seed + i, augment=None if turn == "none" else turn
    )


def model_options(options: Options) -> dict[str, Any]:
    """The options that the model is made with; InputError for one that it does not have."""
    chosen, model = chosen_options(options), model_of(options)
    known = takes(model) if chosen else ()
    for name, value in chosen.items():
        if name in known:
            continue
        option, recipe = f"--{name.replace('_', '-')}", recipe_of(options)
        if recipe.get(name) == value:
            raise InputError(
                f"--recipe {options.recipe}: its {option} is for the model {recipe['model']}, the "
                f"model {model} has no such option; leave out one of the two"
            )
        able = ", ".join(m for m in MODELS if name in takes(m))
        which = f"the model {model}" if model else "the network of --params"
        raise InputError(
            f"{option}: {which} has no such option; leave it out, or choose --model {able}"
        )
    return chosen


def chosen_options(options: Options) -> dict[str, Any]:
    """The options that are for the model."""
    return {name: value for name in OF_THE_MODEL if (value := getattr(options, name))}


def for_images(model: str, chosen: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """The options of one of MODELS, with the large stem for large images if none is chosen."""
    if "stem" in chosen or "stem" not in takes(model) or min(shape[:2]) <= SMALL:
        return chosen
    return {**chosen, "stem": "large"}


def takes(model: str | None) -> Collection[str]:
    """The options that a model has; none for that of a file."""
    return () if model is None else inspect.signature(maker(model)).parameters


def make_augment(options: Options) -> Augment | None:
    """The augmentation of one network's options."""
    names = names_of(options)
    return compose(*(AUGMENTS[name].augment for name in names)) if names else None


def expects_augmented(options: Options) -> bool:
    """Whether batch norm's expectations are over augmented images."""
    return any(AUGMENTS[name].expected for name in names_of(options))


def names_of(options: Options) -> list[str]:
    """The changes that one network's options name."""
    return options.augment.split(",") if options.augment else []


def make_optimizer(options: Options, steps: int) -> tuple[Optimizer, Rate | None]:
    """The optimizer of resolved options for a training of so many steps, and its learning rate."""
    assert options.optimizer is not None
    rate = None
    if options.lr is not None and options.schedule is not None:
        rate = SCHEDULES[options.schedule](options.lr, steps)
    own = {}
    if options.momentum is not None and options.optimizer in WITH_MOMENTUM:
        own["alpha"] = options.momentum
    if decouples(options) and options.weight_decay:
        own["decay"] = options.weight_decay
    optimizer = OPTIMIZERS[options.optimizer].make(0.0 if rate is None else rate, **own)
    if options.beta_rate != 1:
        optimizer = chain(optimizer, scale_leaves({"beta": options.beta_rate}))
    if options.freeze:
        optimizer = chain(optimizer, keeping(options.freeze))
    if options.lookahead:
        optimizer = lookahead(optimizer, every=5, alpha=slowing(steps))
    return optimizer, rate


def decouples(options: Options) -> bool:
    """Whether the optimizer decays the weights itself, apart from the gradients."""
    return options.optimizer in DECOUPLED


def recipe_of(options: Options) -> dict[str, Any]:
    """The options of the recipe, if there is one."""
    return RECIPES[options.recipe].options if options.recipe else {}


def turns_of(options: Options) -> list[str]:
    """The augmentations that several networks take in turn."""
    return (options.augment or "none").split("/")
