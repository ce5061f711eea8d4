"""How the programs find their data and parameters."""

from collections.abc import Sequence
from pathlib import Path

from fnn.arrays import Shape
from fnn.cli.program import Parser, add_option
from fnn.errors import InputError, say
from fnn.models import Spec
from fnn.recognizer.recognizer import Recognizer, load_recognizer, pretrained, untrained
from fnn.training.options import Options, table

DEFAULT = "params.npz"
RANDOM, PRETRAINED = "random", "pretrained"  # values of --params that are not files
DIGITS = tuple("0123456789")


def add_data_argument(parser: Parser) -> None:
    """Add the --data of fnn-train."""
    add_option(parser, "data", table(Options)["data"])


def add_params_argument(parser: Parser) -> None:
    parser.add_argument(
        "--params",
        metavar="FILE|random|pretrained",
        default=None,
        help="the parameters: a file written by fnn-train, 'random' for untrained ones from a "
        "fixed seed, or 'pretrained' for the ones for handwritten digits that come with fnn; by "
        f"default {DEFAULT} in the current directory or, if there is none and the images are like "
        "MNIST's, the pretrained ones",
    )


def find_recognizer(
    choice: str | None, shape: Shape | None = None, classes: Sequence[str] = ()
) -> Recognizer:
    """The network for images of `shape` with these classes: `choice`, or `DEFAULT` if it is None.

    Without either, images like MNIST's get the parameters that come with fnn. One printed line
    says which were chosen. 'random' is the untrained 3-layer network of the course's tasks 1 and
    2, from seed 0. Without a shape, any network will do, and 'random' is for MNIST's images.

    Raises InputError if there is no network, or if it is for other images.
    """
    if choice == RANDOM:
        say("parameters: random, from seed 0")
        return untrained(Spec("mlp", shape or (28, 28, 1), len(classes) or 10, {}))
    name = choice if choice is not None else _usual(shape, classes)
    found = pretrained() if name == PRETRAINED else load_recognizer(name)
    if shape is not None and found.spec.shape != shape:
        raise InputError(
            f"{name}: the network takes images of shape {found.spec.shape}, these have {shape}: "
            "choose other images or other --params"
        )
    if len(classes) > found.spec.classes:
        raise InputError(
            f"{name}: the network has {found.spec.classes} classes, the data set "
            f"{len(classes)}: choose other images or other --params"
        )
    say(f"parameters: {name}")
    return found


def _usual(shape: Shape | None, classes: Sequence[str]) -> str:
    """The default of --params: the file in this directory, or what comes with fnn."""
    if Path(DEFAULT).exists():
        return DEFAULT
    if shape is None or (tuple(classes) == DIGITS and shape == (28, 28, 1)):
        return PRETRAINED
    raise InputError(
        f"there is no {DEFAULT} in this directory: train one with fnn-train on such images, name a "
        "file with --params FILE, or use untrained parameters with --params random"
    )
