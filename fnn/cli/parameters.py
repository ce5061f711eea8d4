"""How every program finds the parameters it works with."""

from pathlib import Path

from fnn.cli.common import Parser, one_line, say
from fnn.errors import InputError
from fnn.layers.layer import Shape
from fnn.models import Spec
from fnn.recognizer import Recognizer, load_recognizer, untrained

DEFAULT = "params.npz"


def add_params_argument(parser: Parser) -> None:
    parser.add_argument(
        "--params",
        metavar="FILE|random",
        default=None,
        help=f"the parameters: a file that fnn-train wrote, or 'random' for untrained ones from a "
        f"fixed seed; by default {DEFAULT} in the current directory",
    )


def find_recognizer(choice: str | None, shape: Shape | None = None, classes: int = 0) -> Recognizer:
    """The network for images of `shape`: `--params`, else params.npz here; one line says which.

    'random' is the 3-layer network of the course's tasks 1 and 2, from the seed 0; for MNIST's
    images where no shape is given, which otherwise means any.

    Raises InputError where there is none, or where it takes other images.
    """
    if choice == "random":
        say("parameters: random, from seed 0")
        return untrained(Spec("mlp", shape or (28, 28, 1), classes or 10, {}))
    path = choice if choice is not None else DEFAULT
    if choice is None and not Path(DEFAULT).exists():
        raise InputError(
            f"there is no {DEFAULT} in this directory: make one with 'fnn-train --model mlp', or "
            "name a file with --params FILE, or take untrained parameters with --params random"
        )
    found = load_recognizer(path)
    if shape is not None and found.spec.shape != shape:
        raise InputError(
            f"{path}: the network takes images of shape {found.spec.shape}, these are {shape}: "
            "choose other images or other --params"
        )
    if classes > found.spec.classes:
        raise InputError(
            f"{path}: the network knows {found.spec.classes} classes, the data set has {classes}: "
            "choose other images or other --params"
        )
    say(one_line(f"parameters: {path}"))
    return found
