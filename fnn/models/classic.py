"""Networks of the course and of the literature."""

from __future__ import annotations

from functools import partial

from fnn.layers.activation import named
from fnn.layers.combine import serial
from fnn.layers.conv import conv as convolution
from fnn.layers.dense import dense
from fnn.layers.dropout import dropout as drop
from fnn.layers.initializers import Initializer, course, he
from fnn.layers.layer import Layer
from fnn.layers.norm import batch_norm as norm
from fnn.layers.pool import max_pool
from fnn.layers.reshape import flatten
from fnn.models.efficient import head, normed


def mlp(
    classes: int = 10,
    *,
    hidden: int = 200,
    activation: str = "sigmoid",
    batch_norm: bool = False,
    dropout: float = 0.0,
    init: Initializer = course,
) -> Layer:
    """The course's 3-layer network: input, `hidden` nodes, output (section 4.2).

    The hidden nodes may be normalized before their activation (sections 5.2 to 5.4).
    """
    return serial(
        flatten(),
        dense(hidden, init=init),
        *([norm()] if batch_norm else []),
        named(activation),
        *([drop(dropout)] if dropout else []),
        dense(classes, init=init),
    )


def conv(
    classes: int = 10, *, activation: str = "relu", dropout: float = 0.0, init: Initializer = he
) -> Layer:
    """Two blocks of two 3x3 convolutions, each with batch norm and activation, then a dense layer.

    They have 32 and 64 channels; max pooling after the second convolution halves the image.
    """

    def block(filters: int) -> list[Layer]:
        return [*normed(filters, activation, init), *normed(filters, activation, init, pool=2)]

    return serial(*block(32), *block(64), *head(classes, dropout, init))


def lenet(classes: int = 10, *, activation: str = "relu", init: Initializer = he) -> Layer:
    """Two 5x5 convolutions with 6 and 16 filters, each with max pooling, then three dense layers.

    Source: LeNet-5 of LeCun et al., "Gradient-based learning applied to document recognition",
    1998, with today's pooling and activation.
    """
    act = partial(named, activation)
    return serial(
        convolution(6, size=5, init=init),
        act(),
        max_pool(2),
        convolution(16, size=5, pad=0, init=init),
        act(),
        max_pool(2),
        flatten(),
        dense(120, init=init),
        act(),
        dense(84, init=init),
        act(),
        dense(classes, init=init),
    )


def vgg(
    classes: int = 10,
    *,
    width: int = 32,
    activation: str = "relu",
    dropout: float = 0.0,
    init: Initializer = he,
) -> Layer:
    """Three blocks of two 3x3 convolutions, each with batch norm and activation, and max pooling.

    The blocks have `width`, 2 `width` and 4 `width` channels. A dense layer follows.

    Source: after Simonyan and Zisserman, "Very deep convolutional networks", ICLR 2015.
    """

    def block(filters: int) -> list[Layer]:
        return [*normed(filters, activation, init) * 2, max_pool(2)]

    blocks = (*block(width), *block(2 * width), *block(4 * width))
    return serial(*blocks, *head(classes, dropout, init))
