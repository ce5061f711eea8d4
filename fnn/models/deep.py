"""Deep networks with shortcuts, for small images and for photos."""

from __future__ import annotations

from functools import partial

from fnn.errors import did_you_mean, whole
from fnn.layers.activation import named
from fnn.layers.combine import parallel, residual, serial
from fnn.layers.conv import conv, depthwise_conv
from fnn.layers.dense import dense
from fnn.layers.dropout import dropout as drop
from fnn.layers.initializers import Initializer, he
from fnn.layers.layer import Layer
from fnn.layers.norm import batch_norm
from fnn.layers.pool import global_avg_pool, max_pool
from fnn.layers.reshape import identity

STEMS = ("small", "large")
# Of MobileNetV2, table 2: how much wider a block is inside, channels, blocks, stride of the first.
INVERTED = (
    *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
    *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)


def resnet(
    classes: int = 10,
    *,
    width: int = 16,
    depth: int = 1,
    activation: str = "relu",
    init: Initializer = he,
) -> Layer:
    """Three stages of `depth` residual blocks with `width`, 2 `width`, 4 `width` channels.

    The second and third stages begin with stride 2. Logits come from global average pooling. Raises
    ValueError for a depth outside 1..200 (the paper's deepest network has 200).

    Source: He et al., "Deep residual learning for image recognition", CVPR 2016, section 4.2.
    """
    depth = whole("resnet: depth", depth)
    if depth > 200:
        raise ValueError(f"resnet: expected a depth in 1..200, found {depth}")
    stage = partial(_stage, depth=depth, activation=activation, init=init)
    stages = (*stage(width, 1), *stage(2 * width, 2), *stage(4 * width, 2))
    start = (*_part(width, init), named(activation))
    return serial(*start, *stages, global_avg_pool(), dense(classes, init=init))


def resnet18(
    classes: int = 10,
    *,
    width: int = 64,
    stem: str = "small",
    activation: str = "relu",
    init: Initializer = he,
) -> Layer:
    """The ResNet of 18 layers: four stages of two residual blocks, with 64, 128, 256, 512 channels.

    `width` is that of the first stage. With the stem "large", for images of 224x224, a 7x7
    convolution and a max pooling of stride 2 come first: 11,689,512 parameters with 1000 classes.
    With "small", for 28x28 to 64x64, it is one 3x3 convolution of stride 1. Raises ValueError for
    another stem.

    Source: He et al., "Deep residual learning for image recognition", CVPR 2016, table 1.
    """
    first = [*_part(width, init), named(activation)]
    if _is_large("resnet18", stem):
        first = [*_part(width, init, 7, 2), named(activation), max_pool(3, stride=2, pad=1)]
    stage = partial(_stage, depth=2, activation=activation, init=init)
    stages = (*stage(width, 1), *stage(2 * width, 2), *stage(4 * width, 2), *stage(8 * width, 2))
    return serial(*first, *stages, global_avg_pool(), dense(classes, init=init))


def mobilenet(
    classes: int = 10,
    *,
    width: int = 32,
    stem: str = "small",
    activation: str = "relu",
    dropout: float = 0.0,
    init: Initializer = he,
) -> Layer:
    """MobileNetV2: 17 blocks that widen, convolve each channel by itself, and narrow again.

    `width` is the number of channels of the first convolution; the others are in proportion,
    rounded to multiples of 8. With the stem "large", for images of 224x224, the strides are the
    paper's: 3,504,872 parameters with 1000 classes and a width of 32. With "small", for 28x28 to
    64x64, the first two strides of 2 are 1. The paper's activation is a ReLU that ends at 6. Raises
    ValueError for another stem and a width below 1.

    Source: Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018.
    """
    width, large = whole("mobilenet: width", width), _is_large("mobilenet", stem)
    part, act = partial(_part, init=init), partial(named, activation)

    def channels(of_32: int) -> int:
        exact = of_32 * width / 32
        rounded = max(8, int(exact + 4) // 8 * 8)
        return rounded if rounded >= 0.9 * exact else rounded + 8

    def block(inside: int, before: int, after: int, stride: int) -> Layer:
        deep = inside * before
        wider = [*part(deep, size=1), act()] if inside > 1 else []
        each = [depthwise_conv(stride=stride, bias=False, init=init), batch_norm(), act()]
        body = (*wider, *each, *part(after, size=1))
        return residual(*body) if stride == 1 and before == after else serial(*body)

    blocks, before = [], channels(32)
    for inside, of_32, n, stride in INVERTED:
        own = 1 if of_32 == 24 and not large else stride
        for i in range(n):
            blocks.append(block(inside, before, channels(of_32), own if i == 0 else 1))
            before = channels(of_32)
    return serial(
        *part(channels(32), stride=2 if large else 1),
        act(),
        *blocks,
        *part(max(1280, channels(1280)), size=1),
        act(),
        global_avg_pool(),
        *([drop(dropout)] if dropout else []),
        dense(classes, init=init),
    )


def _is_large(name: str, stem: str) -> bool:
    if stem not in STEMS:
        near = did_you_mean(str(stem), STEMS)
        raise ValueError(f"{name}: stem {stem!r}: expected one of {', '.join(STEMS)}{near}")
    return stem == "large"


def _part(filters: int, init: Initializer, size: int = 3, stride: int = 1) -> list[Layer]:
    """A convolution and batch norm."""
    return [conv(filters, size=size, stride=stride, bias=False, init=init), batch_norm()]


def _stage(
    filters: int, stride: int, depth: int, activation: str, init: Initializer
) -> list[Layer]:
    """Residual blocks of two 3x3 convolutions, the first of them with a stride."""
    part, act = partial(_part, init=init), named(activation)

    def block(stride: int) -> list[Layer]:
        body = serial(*part(filters, stride=stride), act, *part(filters))
        shortcut = identity() if stride == 1 else serial(*part(filters, size=1, stride=stride))
        return [parallel(body, shortcut), act]

    return [*block(stride), *block(1) * (depth - 1)]
