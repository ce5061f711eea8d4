"""Named networks: compositions of layers, for images of many sizes, channels and classes.

Each ends in logits; softmax is part of the loss. Options are plain values, so that a parameter
file can say how to build its network again.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from fnn.layers.activation import ACTIVATIONS
from fnn.layers.combine import ensemble, parallel, serial
from fnn.layers.conv import conv as convolution
from fnn.layers.dense import dense
from fnn.layers.dropout import dropout as drop
from fnn.layers.initializers import Initializer, course, he
from fnn.layers.layer import Layer, Shape
from fnn.layers.norm import batch_norm as norm
from fnn.layers.pool import global_avg_pool, max_pool
from fnn.layers.shape import flatten, identity
from fnn.small_models import air, head, normed, quick, slim
from fnn.views import VIEWS


def mlp(
    classes: int = 10,
    hidden: int = 200,
    activation: str = "sigmoid",
    batch_norm: bool = False,
    dropout: float = 0.0,
    init: Initializer = course,
) -> Layer:
    """The course's 3-layer network: input, `hidden` nodes, output (section 4.2).

    The hidden nodes may be normalised before their activation, and a share `dropout` of them
    silenced after it (sections 5.2 to 5.4).
    """
    return serial(
        flatten(),
        dense(hidden, init),
        *([norm()] if batch_norm else []),
        ACTIVATIONS[activation](),
        *([drop(dropout)] if dropout else []),
        dense(classes, init),
    )


def conv(
    classes: int = 10, activation: str = "relu", dropout: float = 0.0, init: Initializer = he
) -> Layer:
    """Two blocks of twice a 3x3 convolution, batch norm and activation.

    The blocks have 32 and 64 channels, and halve the image by max pooling after their second
    convolution; a dense layer follows, after a dropout if one is asked for.
    """

    def block(filters: int) -> list[Layer]:
        return [*normed(filters, activation, init), *normed(filters, activation, init, pool=2)]

    return serial(*block(32), *block(64), *head(classes, dropout, init))


def lenet(classes: int = 10, activation: str = "relu", init: Initializer = he) -> Layer:
    """Two 5x5 convolutions with 6 and 16 filters, each with max pooling, then three dense layers.

    Source: LeNet-5 of LeCun et al., "Gradient-based learning applied to document recognition",
    1998, with today's pooling and activation.
    """
    act = ACTIVATIONS[activation]
    return serial(
        convolution(6, size=5, init=init),
        act(),
        max_pool(2),
        convolution(16, size=5, pad=0, init=init),
        act(),
        max_pool(2),
        flatten(),
        dense(120, init),
        act(),
        dense(84, init),
        act(),
        dense(classes, init),
    )


def vgg(
    classes: int = 10,
    width: int = 32,
    activation: str = "relu",
    dropout: float = 0.0,
    init: Initializer = he,
) -> Layer:
    """Three blocks of twice a 3x3 convolution, batch norm and activation, then max pooling.

    They have `width`, 2 `width` and 4 `width` channels; a dense layer follows, after a dropout if
    one is asked for.

    Source: after Simonyan and Zisserman, "Very deep convolutional networks", ICLR 2015.
    """

    def block(filters: int) -> list[Layer]:
        half = normed(filters, activation, init)
        return [*half, *half, max_pool(2)]

    return serial(
        *block(width), *block(2 * width), *block(4 * width), *head(classes, dropout, init)
    )


def resnet(
    classes: int = 10,
    width: int = 16,
    depth: int = 1,
    activation: str = "relu",
    init: Initializer = he,
) -> Layer:
    """Three stages of `depth` residual blocks with `width`, 2 `width`, 4 `width` channels.

    The second and the third stage begin with stride 2. The mean over the image feeds the output.
    Raises ValueError for a depth outside 1..200, where the paper's deepest network has 200.

    Source: He et al., "Deep residual learning for image recognition", CVPR 2016, section 4.2.
    """
    if not 1 <= depth <= 200:
        raise ValueError(f"resnet: expected a depth in 1..200, found {depth}")
    act = ACTIVATIONS[activation]

    def block(filters: int, stride: int, widen: bool) -> list[Layer]:
        body = serial(
            convolution(filters, stride=stride, bias=False, init=init),
            norm(),
            act(),
            convolution(filters, bias=False, init=init),
            norm(),
        )
        way = convolution(filters, size=1, stride=stride, bias=False, init=init)
        return [parallel(body, serial(way, norm()) if widen else identity()), act()]

    stages = [
        block(width * 2**i, stride=2 if i and not j else 1, widen=bool(i and not j))
        for i in range(3)
        for j in range(depth)
    ]
    return serial(
        convolution(width, bias=False, init=init),
        norm(),
        act(),
        *(layer for stage in stages for layer in stage),
        global_avg_pool(),
        dense(classes, init),
    )


MODELS: dict[str, Callable[..., Layer]] = {
    "mlp": mlp,
    "conv": conv,
    "lenet": lenet,
    "vgg": vgg,
    "slim": slim,
    "quick": quick,
    "air": air,
    "resnet": resnet,
}


class Spec(NamedTuple):
    """What it takes to build a network again: a plain value that goes into the parameter file."""

    name: str
    shape: Shape  # of one image: (H, W, C)
    classes: int
    options: dict[str, Any]
    networks: int = 1  # more than one answer together (see `fnn.ensemble`)
    views: str = "one"  # how often each image is looked at (see `fnn.views`)


def build(spec: Spec, **more: Any) -> Layer:
    """The network that a spec describes; `more` are options that the spec need not keep.

    Raises ValueError for an unknown name, unknown views and a number of networks outside 1..100.

    >>> build(Spec("mlp", (28, 28, 1), 10, {"hidden": 30})).shape((28, 28, 1))
    (10,)
    """
    if spec.name not in MODELS:
        raise ValueError(f"model {spec.name!r}: expected one of {', '.join(MODELS)}")
    if spec.views not in VIEWS:
        raise ValueError(f"views {spec.views!r}: expected one of {', '.join(VIEWS)}")
    if type(spec.networks) is not int or not 1 <= spec.networks <= 100:
        raise ValueError(f"expected 1 to 100 networks, found {spec.networks!r}")
    net = MODELS[spec.name](spec.classes, **spec.options, **more)
    return net if spec.networks == 1 else ensemble(*[net] * spec.networks)
