"""The options of fnn-train, and what they mean for the network and its optimizer."""

import inspect
from argparse import Namespace
from typing import Any

from fnn.cli.common import Parser, parser, positive, share, whole
from fnn.cli.options import add_data_argument
from fnn.cli.parameters import DEFAULT
from fnn.errors import InputError
from fnn.models import ACTIVATIONS, MODELS
from fnn.optim import Optimizer
from fnn.recipes import OPTIMIZERS, RECIPES, SCHEDULES


def arguments() -> Parser:
    p = parser(
        "fnn-train",
        "Train a network and save its parameters. After each epoch one line tells the mean "
        "cross-entropy of the training images (as they were learned), the accuracy on the test "
        "images, and the seconds that the epoch took.",
        "fnn-train --model conv --epochs 3 --out mine.npz",
    )
    p.add_argument("--model", choices=MODELS, default="mlp", help="which network (%(default)s)")
    add_data_argument(p)
    p.add_argument(
        "--epochs", type=whole(1), help=f"passes over the training images ({by_model('epochs')})"
    )
    p.add_argument(
        "--batch-size", type=whole(1), help=f"images in a step ({by_model('batch_size')})"
    )
    p.add_argument(
        "--optimizer",
        choices=OPTIMIZERS,
        help=f"how gradients become steps ({by_model('optimizer')})",
    )
    rates = ", ".join(f"{name} {choice.lr}" for name, choice in OPTIMIZERS.items() if choice.lr)
    p.add_argument(
        "--lr",
        type=positive,
        help=f"the learning rate ({by_model('lr')}; with --optimizer the course's: {rates}); "
        "adadelta has none",
    )
    p.add_argument(
        "--schedule",
        choices=SCHEDULES,
        help="the course of the rate over the whole training "
        f"({by_model('schedule')}; with --optimizer or --lr: constant)",
    )
    p.add_argument(
        "--activation",
        choices=ACTIVATIONS,
        help="what follows each hidden layer (mlp: sigmoid, others: relu)",
    )
    p.add_argument("--hidden", type=whole(1), help="hidden nodes, for the mlp (200)")
    p.add_argument(
        "--batch-norm", action="store_true", help="normalise the hidden nodes, for the mlp"
    )
    p.add_argument(
        "--dropout",
        type=share,
        metavar="RHO",
        help="the share of nodes silenced before the last layer, for mlp, conv and vgg (0)",
    )
    p.add_argument("--width", type=whole(1), help="channels at first, for vgg (32), resnet (16)")
    p.add_argument("--weight-decay", type=share, default=0.0, help="rate of L2 decay (%(default)s)")
    p.add_argument("--label-smoothing", type=share, default=0.0, help="0 to below 1 (%(default)s)")
    p.add_argument(
        "--seed", type=whole(0), default=0, help="what every random choice depends on (%(default)s)"
    )
    p.add_argument(
        "--out", metavar="FILE", default=DEFAULT, help="where the parameters go (%(default)s)"
    )
    return p


def model_options(args: Namespace) -> dict[str, Any]:
    """The options of the model that the arguments choose. Raises InputError for one it has not."""
    names = ("activation", "hidden", "batch_norm", "dropout", "width")
    chosen = {name: value for name in names if (value := getattr(args, name))}
    known = inspect.signature(MODELS[args.model]).parameters
    for name in chosen:
        if name not in known:
            able = ", ".join(m for m in MODELS if name in inspect.signature(MODELS[m]).parameters)
            raise InputError(
                f"--{name.replace('_', '-')}: the model {args.model} has no such option; "
                f"leave it out, or choose --model {able}"
            )
    return chosen


def by_model(field: str) -> str:
    """The default of each model, for --help."""
    return ", ".join(f"{model}: {getattr(recipe, field)}" for model, recipe in RECIPES.items())


def check_optimizer(args: Namespace) -> None:
    """Raise InputError for a rate that the optimizer has no use for."""
    chosen = args.optimizer or RECIPES[args.model].optimizer
    if OPTIMIZERS[chosen].lr is None:
        for name in ("lr", "schedule"):
            if getattr(args, name) is not None:
                raise InputError(f"--{name}: {chosen} has no learning rate; leave it out")


def make_optimizer(args: Namespace, steps: int) -> Optimizer:
    """The optimizer that the arguments choose, for a training of so many steps."""
    recipe = RECIPES[args.model]
    own = args.optimizer is None and args.lr is None
    chosen = OPTIMIZERS[args.optimizer or recipe.optimizer]
    schedule = SCHEDULES[args.schedule or (recipe.schedule if own else "constant")]
    return chosen.make(schedule(args.lr or (recipe.lr if own else chosen.lr or 0.0), steps))


def epochs_and_batch_size(args: Namespace) -> tuple[int, int]:
    recipe = RECIPES[args.model]
    return args.epochs or recipe.epochs, args.batch_size or recipe.batch_size
