"""Named networks: compositions of layers, for images of many sizes, channels and classes.

Each ends in logits; softmax is part of the loss. `dropout` above 0 puts dropout before the last
dense layer. Options are plain values, so that a parameter file can say how to build its network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fnn.arrays import Shape
from fnn.errors import did_you_mean
from fnn.layers.combine import ensemble
from fnn.layers.layer import Layer
from fnn.models.classic import conv, lenet, mlp, vgg
from fnn.models.deep import mobilenet, resnet, resnet18
from fnn.models.description import rebuild
from fnn.models.efficient import air, quick, slim
from fnn.models.own import called, is_own, own_model
from fnn.tree import Tree

MODELS: dict[str, Callable[..., Layer]] = {
    make.__name__: make
    for make in (mlp, conv, lenet, vgg, slim, quick, air, resnet, resnet18, mobilenet)
}
"""The named networks: each function takes the number of classes, and options as keywords."""

__all__ = [
    "MODELS", "Spec", "air", "build", "conv", "lenet", "maker", "mlp", "mobilenet", "quick",
    "resnet", "resnet18", "slim", "together", "vgg",
]  # fmt: skip


class Spec(NamedTuple):
    """All that is needed to build a network again: a plain value, kept in the parameter file.

    The network is a model of this name with these options; or the one that `form` describes (see
    `fnn.models.description`), whatever the name; or, if the name is FILE.py:NAME and there is no
    form, one with layers of one's own, which only that function can make.
    """

    name: str
    shape: Shape  # of one image: (H, W, C)
    classes: int
    options: dict[str, Any]
    networks: int = 1  # several answer together (see `fnn.ensemble`)
    views: str = "one"  # of each image (see `fnn.recognizer.tta`)
    form: Tree = None
    names: tuple[str, ...] = ()  # of the classes, unless they are the numbers 0, 1, ...


def maker(name: str) -> Callable[..., Layer]:
    """The function that makes the network of that name, one of MODELS or of FILE.py:NAME.

    Raises ValueError for an unknown name, and what `own_model` does.
    """
    if is_own(name):
        return own_model(name)
    if name not in MODELS:
        near = did_you_mean(name, MODELS)
        raise ValueError(f"model {name!r}: expected one of {', '.join(MODELS)}{near}")
    return MODELS[name]


def build(spec: Spec, **more: Any) -> Layer:
    """The network that a spec describes; `more` are options that the spec need not keep.

    This never runs the code of FILE.py:NAME. Raises ValueError for an unknown name, a network that
    only such code can make, and a number of networks outside 1..100.

    >>> build(Spec("mlp", (28, 28, 1), 10, {"hidden": 30})).shape((28, 28, 1))
    (10,)
    """
    if spec.form is not None:
        net = rebuild(spec.form, **more)
    elif is_own(str(spec.name)):
        raise ValueError(f"its layers are made by {spec.name}, whose code is not run here")
    else:
        net = maker(str(spec.name))(spec.classes, **spec.options, **more)
    return together(net, spec)


def together(net: Layer, spec: Spec) -> Layer:
    """Several such networks as one, if the spec says so."""
    if type(spec.networks) is not int or not 1 <= spec.networks <= 100:
        raise ValueError(f"expected 1 to 100 networks, found {spec.networks!r}")
    return net if spec.networks == 1 else ensemble(*[net] * spec.networks)


def own_network(name: str | None, spec: Spec) -> Layer | None:
    """The network that FILE.py:NAME makes for a spec; None without a name."""
    return None if name is None else called(own_model(name), name, spec.classes, spec.options)
