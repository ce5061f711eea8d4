"""Named networks: compositions of layers, for images of many sizes, channels and classes.

Each ends in logits; softmax is part of the loss. `dropout` above 0 puts dropout before the last
dense layer. Options are plain values, so that a parameter file can say how to build its network
again.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from fnn.arrays import Shape
from fnn.errors import did_you_mean
from fnn.layers.combine import ensemble
from fnn.layers.layer import Layer
from fnn.models.classic import conv, lenet, mlp, vgg
from fnn.models.deep import mobilenet, resnet, resnet18
from fnn.models.efficient import air, quick, slim

MODELS: dict[str, Callable[..., Layer]] = {
    make.__name__: make
    for make in (mlp, conv, lenet, vgg, slim, quick, air, resnet, resnet18, mobilenet)
}


class Spec(NamedTuple):
    """All that is needed to build a network again: a plain value, kept in the parameter file."""

    name: str
    shape: Shape  # of one image: (H, W, C)
    classes: int
    options: dict[str, Any]
    networks: int = 1  # several answer together (see `fnn.ensemble`)
    views: str = "one"  # of each image (see `fnn.recognizer.tta`)


def build(spec: Spec, **more: Any) -> Layer:
    """The network that a spec describes; `more` are options that the spec need not keep.

    Raises ValueError for an unknown name and a number of networks outside 1..100.

    >>> build(Spec("mlp", (28, 28, 1), 10, {"hidden": 30})).shape((28, 28, 1))
    (10,)
    """
    if spec.name not in MODELS:
        near = did_you_mean(str(spec.name), MODELS)
        raise ValueError(f"model {spec.name!r}: expected one of {', '.join(MODELS)}{near}")
    if type(spec.networks) is not int or not 1 <= spec.networks <= 100:
        raise ValueError(f"expected 1 to 100 networks, found {spec.networks!r}")
    net = MODELS[spec.name](spec.classes, **spec.options, **more)
    return net if spec.networks == 1 else ensemble(*[net] * spec.networks)
