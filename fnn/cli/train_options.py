"""The options of fnn-train, as its command line and --help have them."""

import inspect
from argparse import ArgumentTypeError, BooleanOptionalAction

from fnn.cli.inputs import DEFAULT
from fnn.cli.options import add_data_argument
from fnn.cli.program import Parser, not_negative, parser, positive, share, whole
from fnn.layers.activation import ACTIVATIONS
from fnn.models import MODELS
from fnn.recognizer.tta import VIEWS
from fnn.training.recipes import AUGMENTS, DEFAULTS, OPTIMIZERS, RECIPES, SCHEDULES

SAVE_EVERY = 60.0  # seconds


def arguments() -> Parser:
    p = parser(
        "fnn-train",
        "Train a network and save its parameters. After each epoch one line tells the mean "
        "cross-entropy of the training images (as they were learned), the accuracy on the test "
        "images, and the seconds that the epoch took.",
        "fnn-train --model conv --epochs 3 --out mine.npz",
    )
    p.add_argument(
        "--recipe",
        choices=RECIPES,
        help="options that belong together, each of which can be given another value: "
        + "; ".join(f"{name} ({recipe.about})" for name, recipe in RECIPES.items()),
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
        help=f"what follows each hidden layer ({by_signature('activation')})",
    )
    p.add_argument("--hidden", type=whole(1), help=f"hidden nodes ({by_signature('hidden')})")
    p.add_argument(
        "--batch-norm",
        action=BooleanOptionalAction,
        default=False,
        help="normalise the hidden nodes, for the mlp",
    )
    p.add_argument(
        "--dropout",
        type=share,
        metavar="RHO",
        help=f"the share of nodes silenced before the last layer ({by_signature('dropout')})",
    )
    p.add_argument("--width", type=whole(1), help=f"channels at first ({by_signature('width')})")
    p.add_argument("--weight-decay", type=share, default=0.0, help="rate of L2 decay (%(default)s)")
    p.add_argument("--label-smoothing", type=share, default=0.0, help="0 to below 1 (%(default)s)")
    p.add_argument(
        "--beta-rate",
        type=positive,
        default=1.0,
        metavar="FACTOR",
        help="what the learning rate of batch norm's beta is multiplied by (%(default)s)",
    )
    p.add_argument(
        "--lookahead",
        action=BooleanOptionalAction,
        default=False,
        help="every 5 steps go back some of the way; ever less of it is left towards the end",
    )
    p.add_argument(
        "--seed", type=whole(0), default=0, help="what every random choice depends on (%(default)s)"
    )
    p.add_argument(
        "--augment",
        type=augments,
        metavar="NAME[,...][/...]",
        help="changes to the training images, one after another; the parts between "
        "slashes are for several networks in turn: "
        + "; ".join(f"{name} ({choice.about})" for name, choice in AUGMENTS.items())
        + "; or none, for a turn too",
    )
    p.add_argument(
        "--alternating-flip",
        action=BooleanOptionalAction,
        default=False,
        help="mirror half of the images left to right, and the other half in the next epoch",
    )
    p.add_argument(
        "--networks",
        type=whole(1, 100),
        default=1,
        help="train so many, with the seeds from --seed up; they answer together (%(default)s)",
    )
    p.add_argument(
        "--views",
        choices=VIEWS,
        default="one",
        help="how the network will look at an image: once, or at moved (and mirrored) ones too, "
        "for the mean of its answers (%(default)s)",
    )
    p.add_argument(
        "--validation",
        type=share,
        default=0.0,
        metavar="PART",
        help="hold out this part of the training images, and keep the epoch that was best on them "
        "(%(default)s: none; the test images never choose)",
    )
    p.add_argument(
        "--patience",
        type=whole(1),
        metavar="EPOCHS",
        help="end after so many epochs without a better one on the validation images",
    )
    p.add_argument(
        "--compact",
        action=BooleanOptionalAction,
        default=False,
        help="write the parameters at the end in seven bits each: a quarter of the size, for "
        "nearly the same answers",
    )
    p.add_argument(
        "--out",
        metavar="FILE",
        help=f"where the parameters go ({DEFAULT}; with --run, params.npz in its directory)",
    )
    p.add_argument(
        "--run",
        metavar="DIR",
        help="make the training a run, kept in this new directory: its options, metrics.csv, "
        "checkpoints and parameters",
    )
    p.add_argument(
        "--resume",
        metavar="DIR",
        help="go on with a run where it stands; its options are in the directory",
    )
    p.add_argument(
        "--save-every",
        type=not_negative,
        metavar="SECONDS",
        help=f"how often a run writes a checkpoint within an epoch ({SAVE_EVERY:g}; 0: every step)",
    )
    p.add_argument(
        "--summary",
        action="store_true",
        help="print the layers with their shapes, parameters and multiply-adds, and train nothing",
    )
    p.add_argument("--quiet", action="store_true", help="print nothing but errors")
    p.set_defaults(whole=None)  # the directory of the run that a network's own run is a part of
    return p


def augments(text: str) -> str | None:
    """An argument type: names of AUGMENTS with commas and slashes between them, or none."""
    for turn in text.split("/"):
        for name in turn.split(","):
            if name not in AUGMENTS and turn != "none":
                names = ", ".join(AUGMENTS)
                raise ArgumentTypeError(f"expected names of {names}, or none, found {name!r}")
    return None if text == "none" else text


def by_signature(option: str) -> str:
    """The models that have an option, each with its default, for --help."""
    found = ((m, inspect.signature(make).parameters.get(option)) for m, make in MODELS.items())
    return ", ".join(f"{model}: {known.default}" for model, known in found if known)


def by_model(field: str) -> str:
    """The default of each model, for --help."""
    return ", ".join(f"{model}: {getattr(usual, field)}" for model, usual in DEFAULTS.items())
