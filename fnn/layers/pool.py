"""Pooling: each block of pixels becomes one pixel, channel by channel."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fnn.arrays import Array, Shape, hwnc, nhwc
from fnn.errors import whole
from fnn.kernels import pool
from fnn.kernels.rows import spread_nan, where
from fnn.layers.checks import check_images
from fnn.layers.layer import Layer, constructor, plain


@constructor
def max_pool(size: int = 2) -> Layer:
    """The largest value of each block of `size` x `size` pixels.

    y[i, j] = max over k, l < size of x[i*size + k, j*size + l]         equation (63)
    dx[i*size + k, j*size + l] = dy[i, j] where x there equals y[i, j], else 0      (64)

    Equal maxima all get the gradient, as in (64); dx is NaN at a NaN. x is (N, H, W, C), y
    is (N, H // size, W // size, C); rows and columns left over at the end are ignored.
    Raises ValueError for size < 1 and an image smaller than a block.

    >>> max_pool(2).shape((7, 6, 3))
    (3, 3, 3)
    """
    size = whole("max_pool: size", size)

    def forward(x: Array, train: bool) -> tuple[Array, Any]:
        images = hwnc(x)
        y = pool.max_pool(images, size)
        return nhwc(y), (images, y)

    def backward(saved: Any, dy: Array) -> Array:
        images, y = saved
        return nhwc(pool.max_pool_vjp(images, y, hwnc(dy), size))

    name = f"max_pool({size})"
    return plain(name, forward, backward, _pooled(name, size))


@constructor
def avg_pool(size: int = 2) -> Layer:
    """The mean of each block of `size` x `size` pixels; shapes and errors as for `max_pool`."""

    size = whole("avg_pool: size", size)

    def forward(x: Array, train: bool) -> tuple[Array, Any]:
        images = hwnc(x)
        return nhwc(_blocks(images, size).mean(axis=(1, 3))), images.shape

    def backward(shape: Any, dy: Array) -> Array:
        dx = np.zeros(shape, dy.dtype)
        _blocks(dx, size)[...] = hwnc(dy)[:, None, :, None] / (size * size)
        return nhwc(dx)

    name = f"avg_pool({size})"
    return plain(name, forward, backward, _pooled(name, size))


@constructor
def global_avg_pool() -> Layer:
    """The mean of each channel over the whole image: (N, H, W, C) becomes (N, C).

    Source: Lin et al., "Network in network", ICLR 2014.
    """

    def forward(x: Array, train: bool) -> tuple[Array, Shape]:
        return hwnc(x).mean(axis=(0, 1)), x.shape

    def backward(shape: Shape, dy: Array) -> Array:
        h, w = shape[1:3]
        return nhwc(np.broadcast_to(dy / (h * w), (h, w, *dy.shape)).copy())

    name = "global_avg_pool"
    return plain(name, forward, backward, _channels(name))


@constructor
def global_max_pool() -> Layer:
    """The largest value of each channel in the whole image: (N, H, W, C) becomes (N, C).

    Equal maxima all get the gradient, as in `max_pool`.
    """

    def forward(x: Array, train: bool) -> tuple[Array, Any]:
        images = hwnc(x)
        y = images.max(axis=(0, 1))
        return y, (images, y)

    def backward(saved: Any, dy: Array) -> Array:
        images, y = saved
        dx = where(images == y, np.broadcast_to(dy, images.shape))
        spread_nan(images, dx)
        return nhwc(dx)

    name = "global_max_pool"
    return plain(name, forward, backward, _channels(name))


def _channels(name: str) -> Callable[[Shape], Shape]:
    def shape(s: Shape) -> Shape:
        check_images(name, s, 1, "pixel")
        return s[2:]

    return shape


def _pooled(name: str, size: int) -> Callable[[Shape], Shape]:
    def shape(s: Shape) -> Shape:
        check_images(name, s, size, "block")
        return (s[0] // size, s[1] // size, s[2])

    return shape


def _blocks(a: Array, size: int) -> Array:
    """A view of (H, W, N, C) as (H // size, size, W // size, size, N, C)."""
    h, w = a.shape[0] // size, a.shape[1] // size
    return a[: h * size, : w * size].reshape(h, size, w, size, *a.shape[2:])
