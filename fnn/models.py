"""Named networks: compositions of layers, for any image size and number of classes."""

from typing import Any, NamedTuple

from fnn.layers.activation import sigmoid
from fnn.layers.combine import serial
from fnn.layers.dense import dense
from fnn.layers.initializers import Initializer, course
from fnn.layers.layer import Layer, Shape
from fnn.layers.shape import flatten


def mlp(classes: int = 10, hidden: int = 200, init: Initializer = course) -> Layer:
    """The course's 3-layer network: input, `hidden` nodes with sigmoid, output (section 4.2).

    The outputs are logits; softmax is part of the loss.
    """
    return serial(flatten(), dense(hidden, init), sigmoid(), dense(classes, init))


MODELS = {"mlp": mlp}


class Spec(NamedTuple):
    """What it takes to build a network again: a plain value that goes into the parameter file."""

    name: str
    shape: Shape  # of one image: (H, W, C)
    classes: int
    options: dict[str, Any]


def build(spec: Spec, **more: Any) -> Layer:
    """The network that a spec describes; `more` are options that the spec need not keep.

    Raises ValueError for an unknown name.

    >>> build(Spec("mlp", (28, 28, 1), 10, {"hidden": 30})).shape((28, 28, 1))
    (10,)
    """
    if spec.name not in MODELS:
        raise ValueError(f"model {spec.name!r}: expected one of {', '.join(MODELS)}")
    return MODELS[spec.name](spec.classes, **spec.options, **more)
