"""How the programs find their data and parameters."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from fnn.arrays import Shape
from fnn.cli.program import Parser, add_option, argument
from fnn.data.batches import image_shape
from fnn.data.catalogue import Source, is_folder
from fnn.data.dataset import Split, fingerprint
from fnn.data.reading import OPTIONS, Reading
from fnn.errors import InputError, did_you_mean, say
from fnn.models import Spec, own_network
from fnn.recognizer.photos import LEAST, for_photos
from fnn.recognizer.recognizer import (
    PRETRAINED,
    Origin,
    Recognizer,
    file_of,
    read_recognizer,
    read_spec,
    untrained,
)
from fnn.recognizer.spec import unless_numbers
from fnn.training.assemble import name_of
from fnn.training.data_options import reading_of
from fnn.training.kinds import OWN
from fnn.training.options import Options, table
from fnn.training.run_directory import FINAL, holds_run

DEFAULT = "params.npz"
RANDOM = "random"  # a value of --params that is not a file
DIGITS = tuple("0123456789")


def add_data_argument(parser: Parser) -> None:
    """Add the --data of fnn-train, and its options for how the data are read."""
    group = parser.add_argument_group("data")
    for name in ("data", *OPTIONS):
        add_option(group, name, table(Options)[name])


def reading_for(args: Namespace) -> Reading:
    """How to read --data for a network: pictures get the shape that the network takes.

    Raises InputError if the network's file cannot be read.
    """
    return reading_like(args, args.params or (DEFAULT if Path(DEFAULT).exists() else None))


def reading_like(said: Namespace | Options, name: str | None) -> Reading:
    """How to read the data that are said, for the network of that name, if there is one."""
    reading = reading_of(said)
    if name in (None, RANDOM) or not is_folder(said.data):
        return reading
    return reading._replace(shape=read_spec(file_of(in_run(name))).shape)


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
    parser.add_argument(
        "--model",
        metavar="FILE.py:NAME",
        type=argument(OWN),
        help="run FILE.py, whose NAME makes the network; needed for layers of your own, which a "
        "parameter file only names",
    )


def find_recognizer(
    choice: str | None,
    shape: Shape | None = None,
    classes: Sequence[str] = (),
    at_hand: Origin | None = None,
    model: str | None = None,
) -> Recognizer:
    """The network for images of `shape` with these classes: `choice`, or `DEFAULT` if it is None.

    Without either, images like MNIST's get the parameters that come with fnn. One printed line
    says which were chosen and what they have learned from, and another one if that is not the data
    `at_hand`. 'random' is the untrained 3-layer network of the course's tasks 1 and 2, from seed 0.
    Without a shape, any network will do, and 'random' is for MNIST's images. A run's directory
    stands for the network at its end. `model` is FILE.py:NAME, which makes layers of one's own.

    Raises InputError if there is no network, or if it is for other images.
    """
    if choice == RANDOM:
        return _random(shape or (28, 28, 1), len(classes) or 10, model)
    name = choice if choice is not None else _usual(shape, classes)
    file = file_of(in_run(name))
    found, origin = read_recognizer(file, partial(own_network, model))
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
    say(f"parameters: {name}{history(found.spec, origin, age)}")
    if at_hand and origin and origin.test != at_hand.test:
        same = origin.data == at_hand.data
        not_from = "other images of that name" if same else f"not from {at_hand.data}"
        say(f"fnn: {name} has learned from {origin.data}, {not_from}")
    return found


def _random(shape: Shape, classes: int, model: str | None) -> Recognizer:
    say("parameters: random, from seed 0")
    spec = Spec(model or "mlp", shape, classes, {})
    return untrained(spec, net=own_network(model, spec))


def network_for(args: Namespace, source: Source[Split]) -> tuple[Recognizer, Source[Split]]:
    """The network that the arguments name, and the images with the labels that it gives them.

    A network knows its classes by name: a data set may have them in another order, or only some.
    Raises InputError for other classes, and what `find_recognizer` does.
    """
    shape, classes = image_shape(source.data.images), source.classes
    found = find_recognizer(args.params, shape, classes, origin_of(source), args.model)
    names = found.spec.names
    if not names or not unless_numbers(classes):
        return found, source._replace(classes=class_names(classes, found.spec.classes))
    for name in classes:
        if name not in names:
            raise InputError(
                f"{source.name}: has images of {name!r}, the network knows {', '.join(names)}"
                f"{did_you_mean(name, names)}; choose other images or other --params"
            )
    places = np.array([names.index(name) for name in classes], source.data.labels.dtype)
    return found, Source(source.name, Split(source.data[0], places[source.data.labels]), names)


def class_names(names: Sequence[str], classes: int) -> tuple[str, ...]:
    """The data set's class names, then numbers for any further classes of the network.

    >>> class_names(("no", "yes"), 3)
    ('no', 'yes', '2')
    """
    return (*names, *map(str, range(len(names), classes)))


def find_reader(choice: str | None, model: str | None = None) -> tuple[Recognizer, float]:
    """The network for photos and drawings, and the probability below which they show no digit.

    The network that comes with fnn has layers made for them. Others' probabilities are not known
    to come true: whatever they answer counts.
    """
    found = find_recognizer(choice, model=model)
    shipped = chosen_file(choice) == file_of(PRETRAINED)
    return (for_photos(found), LEAST) if shipped else (found, 0.0)


def chosen_file(choice: str | None) -> Path | None:
    """The file of the parameters that `find_recognizer` takes for any images; None if random."""
    if choice == RANDOM:
        return None
    return Path(file_of(in_run(choice if choice is not None else _usual(None, ()))))


def in_run(name: str) -> str:
    """The file of a network: of a run's directory, params.npz in it."""
    file = os.path.join(name, FINAL)
    return file if holds_run(Path(name)) and os.path.exists(file) else name


def history(spec: Spec, origin: Origin | None, age: float | None) -> str:
    """What a network is and has learned from; `age` is in seconds.

    >>> history(Spec("slim", (28, 28, 1), 10, {}, 2), Origin("mnist", "", 0.9971), 7300.0)
    ' (2 x slim, trained on mnist, 99.71%, 2 h ago)'
    """
    name = spec.name or "a network"
    told = [name if spec.networks == 1 else f"{spec.networks} x {name}"]
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
