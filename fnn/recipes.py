"""How each model is trained when nobody says otherwise."""

from collections.abc import Callable
from typing import NamedTuple

from fnn.optim import Optimizer, momentum, sgd
from fnn.schedules import Rate, constant, cosine


class Choice(NamedTuple):
    """An optimizer as a function of its rate, and the course's rate for it."""

    make: Callable[[Rate], Optimizer]
    lr: float


OPTIMIZERS = {"sgd": Choice(sgd, 0.01), "momentum": Choice(momentum, 0.01)}

# From the highest rate and the number of steps in the whole training.
SCHEDULES: dict[str, Callable[[float, int], Rate]] = {
    "constant": lambda lr, steps: constant(lr),
    "cosine": cosine,
}


class Recipe(NamedTuple):
    """What a training takes besides the model and the data."""

    epochs: int
    batch_size: int
    optimizer: str
    lr: float
    schedule: str


# Chosen on the last 10000 training images of MNIST, never on the test images.
RECIPES = {
    "mlp": Recipe(epochs=15, batch_size=100, optimizer="momentum", lr=0.3, schedule="cosine")
}
