"""What the options of fnn-train choose: the network's options, augmentation and optimizer."""

import inspect
from argparse import Namespace
from typing import Any

from fnn.data.augment import compose
from fnn.data.batches import Augment
from fnn.errors import InputError
from fnn.models import MODELS
from fnn.optim.averages import lookahead
from fnn.optim.schedules import Rate, slowing
from fnn.optim.transforms import Optimizer, chain, scale_leaves
from fnn.training.recipes import AUGMENTS, DEFAULTS, OPTIMIZERS, RECIPES, SCHEDULES


def recipe_options(args: Namespace) -> dict[str, Any]:
    """The options of the recipe that was asked for, if one was."""
    return RECIPES[args.recipe].options if args.recipe else {}


def augment_turns(args: Namespace) -> list[str]:
    """The augmentations that several networks take in turn."""
    return (args.augment or "none").split("/")


def of_network(args: Namespace, i: int) -> Namespace:
    """The arguments of network `i` of several: a seed of its own, and its turn of augmentations."""
    turns = augment_turns(args)
    turn = turns[i % len(turns)]
    own = {"networks": 1, "seed": args.seed + i, "augment": None if turn == "none" else turn}
    return Namespace(**{**vars(args), **own})


def check_turns(args: Namespace) -> None:
    """Raise InputError for more augmentations in turn than networks; a recipe's may be more."""
    turns = len(augment_turns(args))
    if turns > args.networks and args.augment != recipe_options(args).get("augment"):
        raise InputError(
            f"--augment {args.augment}: {turns} networks or more take these in turn, found "
            f"--networks {args.networks}; change one of the two"
        )


def make_augment(args: Namespace) -> Augment | None:
    if args.augment is None:
        return None
    return compose(*(AUGMENTS[name].augment for name in args.augment.split(",")))


def model_options(args: Namespace) -> dict[str, Any]:
    """The options of the model that the arguments choose. Raises InputError for one it has not."""
    names = ("activation", "hidden", "batch_norm", "dropout", "width")
    chosen = {name: value for name in names if (value := getattr(args, name))}
    known = inspect.signature(MODELS[args.model]).parameters
    for name in chosen:
        if name not in known:
            recipe = recipe_options(args)
            if recipe.get(name) == chosen[name]:
                raise InputError(
                    f"--recipe {args.recipe}: its --{name.replace('_', '-')} is for the model "
                    f"{recipe['model']}, the model {args.model} has no such option; leave out one "
                    "of the two"
                )
            able = ", ".join(m for m in MODELS if name in inspect.signature(MODELS[m]).parameters)
            raise InputError(
                f"--{name.replace('_', '-')}: the model {args.model} has no such option; "
                f"leave it out, or choose --model {able}"
            )
    return chosen


def check_optimizer(args: Namespace) -> None:
    """Raise InputError for a rate that the optimizer has no use for; a recipe's does no harm."""
    recipe = recipe_options(args)
    chosen = args.optimizer or DEFAULTS[args.model].optimizer
    if OPTIMIZERS[chosen].lr is None:
        for name in ("lr", "schedule"):
            if getattr(args, name) not in (None, recipe.get(name)):
                raise InputError(f"--{name}: {chosen} has no learning rate; leave it out")


def resolved(args: Namespace) -> Namespace:
    """The arguments with the model's own values where nothing was said."""
    usual = DEFAULTS[args.model]
    own = args.optimizer is None and args.lr is None
    optimizer = args.optimizer or usual.optimizer
    customary = OPTIMIZERS[optimizer].lr
    lr = None if customary is None else args.lr or (usual.lr if own else customary)
    schedule = args.schedule or (usual.schedule if own else "constant")
    return Namespace(
        **{
            **vars(args),
            "epochs": args.epochs or usual.epochs,
            "batch_size": args.batch_size or usual.batch_size,
            "optimizer": optimizer,
            "lr": lr,
            "schedule": None if lr is None else schedule,
        }
    )


def make_optimizer(args: Namespace, steps: int) -> tuple[Optimizer, Rate | None]:
    """The optimizer of resolved arguments, for a training of so many steps, and its rate."""
    rate = None if args.lr is None else SCHEDULES[args.schedule](args.lr, steps)
    optimizer = OPTIMIZERS[args.optimizer].make(0.0 if rate is None else rate)
    if args.beta_rate != 1:
        optimizer = chain(optimizer, scale_leaves({"beta": args.beta_rate}))
    if args.lookahead:
        optimizer = lookahead(optimizer, every=5, alpha=slowing(steps))
    return optimizer, rate
