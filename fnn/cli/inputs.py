"""How the programs find their data and parameters."""

import os
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from fnn.arrays import Shape
from fnn.cli.program import Parser, add_option
from fnn.data.catalogue import Source, is_folder
from fnn.data.dataset import Split, fingerprint
from fnn.data.reading import OPTIONS, Reading
from fnn.errors import InputError, say
from fnn.models import Spec
from fnn.recognizer.recognizer import (
    MNIST,
    Origin,
    Recognizer,
    load_origin,
    load_recognizer,
    untrained,
)
from fnn.training.assemble import name_of
from fnn.training.data_options import reading_of
from fnn.training.options import Options, table
from fnn.training.run_directory import FINAL, holds_run

DEFAULT = "params.npz"
RANDOM, PRETRAINED = "random", "pretrained"  # values of --params that are not files
DIGITS = tuple("0123456789")


def add_data_argument(parser: Parser) -> None:
    """Add the --data of fnn-train, and its options for how the data are read."""
    for name in ("data", *OPTIONS):
        add_option(parser, name, table(Options)[name])


def reading_for(args: Namespace) -> Reading:
    """How to read --data for a network: pictures get the shape that the network takes.

    Raises InputError if the network's file cannot be read.
    """
    reading = reading_of(args)
    name = args.params or (DEFAULT if Path(DEFAULT).exists() else None)
    if name in (None, RANDOM) or not is_folder(args.data):
        return reading
    file = MNIST if name == PRETRAINED else in_run(name)
    return reading._replace(shape=load_recognizer(file).spec.shape)


def refuse_reading(args: Namespace, why: str) -> None:
    """Raise InputError for an option of `add_data_argument` where no data are read."""
    for name in ("data", *OPTIONS):
        if getattr(args, name) is not None:
            raise InputError(f"--{name.replace('_', '-')}: {why}; leave it out")


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
    choice: str | None,
    shape: Shape | None = None,
    classes: Sequence[str] = (),
    at_hand: Origin | None = None,
) -> Recognizer:
    """The network for images of `shape` with these classes: `choice`, or `DEFAULT` if it is None.

    Without either, images like MNIST's get the parameters that come with fnn. One printed line
    says which were chosen and what they have learned from, and another one if that is not the data
    `at_hand`. 'random' is the untrained 3-layer network of the course's tasks 1 and 2, from seed 0.
    Without a shape, any network will do, and 'random' is for MNIST's images. A run's directory
    stands for the network at its end.

    Raises InputError if there is no network, or if it is for other images.
    """
    if choice == RANDOM:
        say("parameters: random, from seed 0")
        return untrained(Spec("mlp", shape or (28, 28, 1), len(classes) or 10, {}))
    name = choice if choice is not None else _usual(shape, classes)
    file = MNIST if name == PRETRAINED else in_run(name)
    found = load_recognizer(file)
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
    age = None if name == PRETRAINED else time.time() - os.path.getmtime(file)
    origin = load_origin(file)
    say(f"parameters: {name}{history(found.spec, origin, age)}")
    if at_hand and origin and origin.test != at_hand.test:
        same = origin.data == at_hand.data
        not_from = "other images of that name" if same else f"not from {at_hand.data}"
        say(f"fnn: {name} has learned from {origin.data}, {not_from}")
    return found


def in_run(name: str) -> str:
    """The file of a network: of a run's directory, params.npz in it."""
    file = os.path.join(name, FINAL)
    return file if holds_run(Path(name)) and os.path.exists(file) else name


def history(spec: Spec, origin: Origin | None, age: float | None) -> str:
    """What a network is and has learned from; `age` is in seconds.

    >>> history(Spec("slim", (28, 28, 1), 10, {}, 3), Origin("mnist", "", 0.9976), 7300.0)
    ' (3 x slim, trained on mnist, 99.76%, 2 h ago)'
    """
    told = [spec.name if spec.networks == 1 else f"{spec.networks} x {spec.name}"]
    if origin is not None:
        told.append(f"trained on {origin.data}")
        told += [f"{origin.accuracy:.2%}"] if origin.accuracy is not None else []
    if age is not None:
        told.append(ago(age))
    return f" ({', '.join(told)})"


def ago(age: float) -> str:
    """A time in the past, in words.

    >>> ago(59), ago(3600 * 5), ago(86400 * 3)
    ('just now', '5 h ago', '3 days ago')
    """
    for seconds, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if age >= 2 * seconds or (seconds != 86400 and age >= seconds):
            return f"{age // seconds:.0f} {unit} ago"
    return "just now"


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


def origin_of(source: Source[Split]) -> Origin:
    """The data at hand, to be compared with those that a network has learned from."""
    return Origin(name_of(source), fingerprint(source.data))
