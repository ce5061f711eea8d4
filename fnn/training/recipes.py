"""How each model is trained when nobody says otherwise, and recipes: options that fit together."""

from collections.abc import Callable
from typing import Any, NamedTuple

from fnn.data.augment import cutout, distort, flip, noise, partly, shift
from fnn.data.batches import Augment
from fnn.optim.optimizers import adadelta, adagrad, adam, momentum, nesterov, rmsprop, sgd
from fnn.optim.schedules import Rate, constant, cosine, one_cycle, step_decay, triangular
from fnn.optim.transforms import Optimizer


class Choice(NamedTuple):
    """An optimizer as a function of its rate, and the course's rate for it (None: it has none)."""

    make: Callable[[Rate], Optimizer]
    lr: float | None


OPTIMIZERS = {
    "sgd": Choice(sgd, 0.01),
    "momentum": Choice(momentum, 0.01),
    "nesterov": Choice(nesterov, 0.01),
    "adagrad": Choice(adagrad, 0.001),
    "rmsprop": Choice(rmsprop, 0.01),
    "adadelta": Choice(lambda rate: adadelta(), None),
    "adam": Choice(adam, 0.001),
}

# From the highest rate and the number of steps in the whole training.
SCHEDULES: dict[str, Callable[[float, int], Rate]] = {
    "constant": lambda lr, steps: constant(lr),
    "step": lambda lr, steps: step_decay(lr, every=max(1, -(-steps // 3))),
    "cosine": cosine,
    "one-cycle": one_cycle,
    "triangular": triangular,
}


class Change(NamedTuple):
    """An augmentation, and a few words about it."""

    augment: Augment
    about: str


AUGMENTS = {
    "shift": Change(shift(2), "by up to 2 pixels"),
    "shift-reflected": Change(
        shift(2, mode="reflect"), "the same, the image mirrored at its edges"
    ),
    "flip": Change(flip(), "left to right, every other image"),
    "cutout": Change(cutout(8), "a square of 8 pixels set to 0"),
    # The bounds are those that tests/bench/robust.py looks at.
    "distort": Change(
        partly(distort(degrees=15, zoom=0.15, pixels=3, shear=0.1, alpha=34, sigma=4), 0.6),
        "six images of ten turned, enlarged, slanted, moved and bent as handwriting is",
    ),
    "mild": Change(
        distort(degrees=12, zoom=0.1, pixels=2, shear=0.1, alpha=12, sigma=4),
        "every image, by less than distort does",
    ),
    "elastic": Change(
        distort(degrees=10, zoom=0.1, pixels=1, shear=0.1, alpha=34, sigma=5),
        "every image turned, enlarged, slanted, moved and bent, for networks that do not share "
        "weights among places",
    ),
    "noise": Change(noise(20), "normal noise, of a deviation of up to 20 of 255"),
}


class Defaults(NamedTuple):
    """What a training takes besides the model and the data."""

    epochs: int
    batch_size: int
    optimizer: str
    lr: float
    schedule: str


# Those of mlp and quick were chosen on the last 10000 training images of MNIST, conv's on a sixth
# of all, air's are those of its source; the others are customary values that nobody has tuned.
DEFAULTS = {
    "mlp": Defaults(15, 100, "momentum", 0.3, "cosine"),
    "conv": Defaults(3, 100, "momentum", 0.1, "one-cycle"),
    "lenet": Defaults(10, 100, "momentum", 0.05, "one-cycle"),
    "vgg": Defaults(10, 100, "momentum", 0.05, "one-cycle"),
    "slim": Defaults(10, 250, "nesterov", 0.1, "one-cycle"),
    "quick": Defaults(2, 500, "nesterov", 0.8, "one-cycle"),
    "air": Defaults(8, 500, "nesterov", 0.5, "triangular"),
    "resnet": Defaults(10, 100, "momentum", 0.1, "one-cycle"),
}


class Recipe(NamedTuple):
    """Options of fnn-train that belong together, and a few words about them."""

    about: str
    options: dict[str, Any]


def _as_it_stands(model: str) -> dict[str, Any]:
    """A model's own options, said aloud: then another rate leaves the schedule as it is."""
    return {"model": model, **DEFAULTS[model]._asdict()}


_SINGLE = {
    **_as_it_stands("slim"),
    "epochs": 30,
    "dropout": 0.4,
    "weight_decay": 0.0005,
    "augment": "distort",
}

_MLP = {
    "model": "mlp",
    "hidden": 800,
    "activation": "relu",
    "batch_norm": True,
    "optimizer": "nesterov",
    "schedule": "one-cycle",
}

# After Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv:2404.00498, whose rate and
# decay are for sums over batches of 1024.
_CIFAR10 = {
    **_as_it_stands("air"),
    "data": "cifar10",
    "weight_decay": 0.0013,
    "beta_rate": 64.0,
    "label_smoothing": 0.2,
    "lookahead": True,
    "alternating_flip": True,
    "augment": "shift-reflected",
    "views": "mirrored",
}

# Those for digits were chosen on the last 10000 training images of MNIST.
RECIPES = {
    "mlp": Recipe(
        "one hidden layer of 800, images as they are",
        {
            **_MLP,
            "epochs": 80,
            "batch_size": 100,
            "lr": 0.1,
            "dropout": 0.5,
            "label_smoothing": 0.1,
        },
    ),
    "mlp-elastic": Recipe(
        "the same, images bent in training",
        {
            **_MLP,
            "epochs": 60,
            "batch_size": 250,
            "lr": 0.2,
            "dropout": 0.2,
            "augment": "elastic",
        },
    ),
    "sprint": Recipe(
        "99 of 100 right in 20 seconds",
        _as_it_stands("quick"),
    ),
    "single": Recipe("one network for digits, distorted in training", _SINGLE),
    "contest": Recipe(
        "three networks that answer together, to five views of an image, the second from images "
        "that are distorted less",
        {**_SINGLE, "augment": "distort/mild", "networks": 3, "views": "shifted"},
    ),
    "cifar10-quick": Recipe(
        "small colour images in minutes", {**_CIFAR10, "width": 32, "epochs": 5}
    ),
    "cifar10": Recipe("the same, wider and for longer", {**_CIFAR10, "width": 64, "epochs": 10}),
}
