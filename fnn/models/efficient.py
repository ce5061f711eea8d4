"""Networks with the best accuracy for their training time, built for this library's recipes."""

from __future__ import annotations

from functools import partial

from fnn.arrays import Shape
from fnn.errors import whole
from fnn.layers.activation import named, scaled
from fnn.layers.combine import residual, serial
from fnn.layers.conv import conv as convolution
from fnn.layers.dense import dense
from fnn.layers.dropout import dropout as drop
from fnn.layers.initializers import Initializer, he, passing
from fnn.layers.layer import Layer
from fnn.layers.norm import batch_norm as norm
from fnn.layers.pool import global_max_pool, max_pool
from fnn.layers.reshape import flatten
from fnn.layers.whiten import whiten


def normed(
    filters: int,
    activation: str,
    init: Initializer,
    size: int = 3,
    pad: int | None = None,
    pool: int = 1,
    scale: bool = True,
) -> list[Layer]:
    """A convolution, batch norm and an activation, max pooling before these two if `pool` > 1."""
    way = convolution(filters, size=size, pad=pad, bias=False, init=init)
    smaller = [max_pool(pool)] if pool > 1 else []
    return [way, *smaller, norm(scale=scale), named(activation)]


def head(classes: int, dropout: float, init: Initializer) -> list[Layer]:
    """From images to logits."""
    return [flatten(), *([drop(dropout)] if dropout else []), dense(classes, init=init)]


def slim(
    classes: int = 10,
    *,
    width: int = 32,
    activation: str = "relu",
    dropout: float = 0.0,
    init: Initializer = he,
) -> Layer:
    """Seven convolutions for digits of 28x28, in sizes that suit the way convolutions are computed.

    One of 5x5 with `width` channels, then of 3x3 four with 2 `width` and two with 4 `width`, each
    with batch norm and activation; the first, the fifth and the last are pooled before these two,
    which leaves them less work. The first, the fourth and the fifth have no padding, so that the
    sides of the image are 28, 24, pooled 12, 10, 8, pooled 4, pooled 2. 12, 8 and 4 are whole tiles
    of 4x4 outputs; 14 and 7 would waste a quarter of the work. Images must be 20x20 or larger.
    """
    part = partial(normed, activation=activation, init=init)
    net = serial(
        *part(width, size=5, pad=0, pool=2),
        *part(2 * width),
        *part(2 * width),
        *part(2 * width, pad=0),
        *part(2 * width, pad=0, pool=2),
        *part(4 * width),
        *part(4 * width, pool=2),
        *head(classes, dropout, init),
    )
    return _for_images_from(20, "slim", net)


def quick(
    classes: int = 10,
    *,
    width: int = 12,
    activation: str = "relu",
    dropout: float = 0.0,
    init: Initializer = he,
) -> Layer:
    """Four of `slim`'s convolutions, for seconds instead of minutes.

    One of 5x5 with `width` channels, then of 3x3 two with 2 `width` and one with 4 `width`, each
    with batch norm and activation; all but the second are pooled before these two, so that the
    sides are 28, 24, pooled 12, 10, 8, pooled 4, pooled 2. Images must be 20x20 or larger.
    """
    part = partial(normed, activation=activation, init=init)
    net = serial(
        *part(width, size=5, pad=0, pool=2),
        *part(2 * width, pad=0),
        *part(2 * width, pad=0, pool=2),
        *part(4 * width, pool=2),
        *head(classes, dropout, init),
    )
    return _for_images_from(20, "quick", net)


def _for_images_from(side: int, name: str, net: Layer) -> Layer:
    """The same network, with its own error for smaller images."""

    def checked(shape: Shape) -> Shape:
        if len(shape) == 3 and min(shape[:2]) < side:
            found = f"found {shape[0]}x{shape[1]}; take another model"
            raise ValueError(f"{name}: expected images of {side}x{side} or larger, {found}")
        return shape

    return net._replace(
        init=lambda rng, shape: net.init(rng, checked(shape)),
        shape=lambda shape: net.shape(checked(shape)),
    )


def air(
    classes: int = 10,
    *,
    width: int = 64,
    depth: int = 2,
    activation: str = "gelu",
    init: Initializer = passing,
) -> Layer:
    """A whitening layer, then three blocks of `depth` convolutions, for small color images.

    The blocks have `width`, 4 `width` and 4 `width` channels; each pools before it normalizes. With
    a depth of 3, for long trainings, what the second and third convolution give is added to what
    the first gives, as in the source's airbench96. The convolutions start by passing the image on
    (`fnn.initializers.passing`), and the output is computed from the maximum of each channel.
    Unlike in the source, the whitening layer keeps the size of the image, so that its sides stay
    multiples of 4, the tile size of Winograd's method; and it has no bias, so that no gradient is
    needed below the first block. Raises ValueError for another depth.

    Source: airbench94 of Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU",
    arXiv:2404.00498.
    """
    if whole("air: depth", depth) not in (2, 3):
        raise ValueError(f"air: expected a depth of 2 or 3, found {depth}")

    def block(filters: int) -> list[Layer]:
        part = partial(normed, filters, activation, init, scale=False)
        if depth == 2:
            return [*part(pool=2), *part()]
        return [*part(pool=2), residual(*part(), *part()[:-1]), named(activation)]

    return serial(
        whiten(2),
        named(activation),
        *block(width),
        *block(4 * width),
        *block(4 * width),
        global_max_pool(),
        dense(classes, init=init),
        scaled(1 / 9),
    )
