"""The names that options choose from, and how each model is trained by default."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from fnn.data.augment import cutout, distort, flip, noise, partly, shift
from fnn.data.batches import Augment
from fnn.optim.muon import muon
from fnn.optim.optimizers import adadelta, adagrad, adam, adamw, momentum, nesterov, rmsprop, sgd
from fnn.optim.schedules import Rate, constant, cosine, linear, one_cycle, step_decay, triangular
from fnn.optim.transforms import Optimizer


class Choice(NamedTuple):
    """An optimizer as a function of its learning rate, and the customary rate, if it has one."""

    make: Callable[..., Optimizer]
    lr: float | None


OPTIMIZERS = {
    "sgd": Choice(sgd, 0.01),
    "momentum": Choice(momentum, 0.01),
    "nesterov": Choice(nesterov, 0.01),
    "adagrad": Choice(adagrad, 0.001),
    "rmsprop": Choice(rmsprop, 0.01),
    "adadelta": Choice(lambda rate: adadelta(), None),
    "adam": Choice(adam, 0.001),
    "adamw": Choice(adamw, 0.001),
    "muon": Choice(muon, 0.02),
}

OF_THE_COURSE = ("sgd", "momentum", "adagrad", "rmsprop", "adadelta", "adam")  # section 5.5
DECOUPLED = ("adamw", "muon")  # they decay weights by themselves, apart from the gradients
WITH_MOMENTUM = ("momentum", "nesterov", "muon")

# From the highest rate and the number of steps in the whole training.
SCHEDULES: dict[str, Callable[[float, int], Rate]] = {
    "constant": lambda lr, steps: constant(lr),
    "step": lambda lr, steps: step_decay(lr, every=max(1, -(-steps // 3))),
    "linear": linear,
    "cosine": cosine,
    "one-cycle": one_cycle,
    "triangular": triangular,
}


class Change(NamedTuple):
    """An augmentation, a few words about it, and whether batch norm shall expect such images."""

    augment: Augment
    about: str
    expected: bool = False


AUGMENTS = {
    "shift": Change(shift(2), "moved by up to 2 pixels"),
    "shift-reflected": Change(
        shift(2, mode="reflect"), "the same, with the image reflected at its edges"
    ),
    "shift-reflected-3": Change(shift(3, mode="reflect"), "by up to 3, for longer trainings"),
    "flip": Change(flip(), "half of the images mirrored left to right"),
    "cutout": Change(cutout(8), "a square of 8x8 pixels set to 0"),
    "cutout-12": Change(cutout(12), "a square of 12x12 pixels, for long trainings"),
    # The bounds are those that tests/bench/robust.py looks at.
    "distort": Change(
        partly(distort(degrees=15, zoom=0.15, pixels=3, shear=0.1, alpha=34, sigma=4), 0.6),
        "60% of the images rotated, scaled, sheared, moved and bent, as handwriting is",
    ),
    "mild": Change(
        distort(degrees=12, zoom=0.1, pixels=2, shear=0.1, alpha=12, sigma=4),
        "every image, but less than with distort",
    ),
    "elastic": Change(
        distort(degrees=10, zoom=0.1, pixels=1, shear=0.1, alpha=34, sigma=5),
        "every image rotated, scaled, sheared, moved and bent, for networks without convolutions",
        # These make fewer mistakes with the expectations of such images, others more.
        expected=True,
    ),
    "noise": Change(noise(20), "Gaussian noise with a standard deviation of up to 20 of 255"),
}


class Defaults(NamedTuple):
    """What a training needs besides the model and the data."""

    epochs: int
    batch_size: int
    optimizer: str
    lr: float
    schedule: str
    shards: int = 1  # parts of a batch, for as many processes


# Those of mlp and quick were chosen on the last 10000 training images of MNIST, conv's on a sixth
# of all; air's are those of its source. The others are customary values, not tuned. Two shards are
# for models that were as accurate with them on validation images, with three seeds each way.
DEFAULTS = {
    "mlp": Defaults(15, 100, "momentum", 0.3, "cosine"),
    "conv": Defaults(3, 100, "momentum", 0.1, "one-cycle", shards=2),
    "lenet": Defaults(10, 100, "momentum", 0.05, "one-cycle", shards=2),
    "vgg": Defaults(10, 100, "momentum", 0.05, "one-cycle"),
    "slim": Defaults(10, 250, "nesterov", 0.1, "one-cycle"),
    "quick": Defaults(2, 500, "nesterov", 0.8, "one-cycle"),
    "air": Defaults(8, 500, "nesterov", 0.5, "triangular"),
    "resnet": Defaults(10, 100, "momentum", 0.1, "one-cycle"),
    "resnet18": Defaults(10, 100, "momentum", 0.1, "one-cycle"),
    "mobilenet": Defaults(10, 100, "momentum", 0.1, "one-cycle"),
}
OWN = Defaults(10, 100, "adam", 0.001, "one-cycle")  # for networks that no one has tuned


def usual(model: str | None) -> Defaults:
    """How a model is trained by default; OWN for one's own and for that of a file."""
    return OWN if model is None else DEFAULTS.get(model, OWN)
