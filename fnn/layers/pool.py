"""Pooling: each block of pixels becomes one pixel, channel by channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from fnn.arrays import Array, Shape, hwnc, nhwc
from fnn.kernels import depthwise, pool
from fnn.kernels.rows import spread_nan, where
from fnn.kernels.window import Pair, Window
from fnn.layers.checks import check_images
from fnn.layers.layer import Layer, constructor, plain
from fnn.layers.window import Pad, Sides, brief, shape_of, window


@constructor
def max_pool(size: Sides = 2, *, stride: Sides | None = None, pad: Pad = 0) -> Layer:
    """The largest value of each block of `size` x `size` pixels.

        y[i, j] = max over k, l < size of x[i*stride + k - pad, j*stride + l - pad]   equation (63)
        dx = the sum of dy[i, j] over all blocks whose y[i, j] equals x there, else 0          (64)

    Equal maxima all get the gradient, as in (64); dx is NaN at a NaN. `stride` is the size by
    default, so that blocks lie side by side. x is (N, H, W, C), y is (N, H', W', C) with
    H' = (H + 2 pad - size) // stride + 1; rows and columns left over at the end are ignored. What
    lies outside the image is never the largest. All three may be pairs, as for `conv`. Raises
    ValueError for a size or stride below 1, a pad of the size or more, and an image below a block.

    >>> max_pool(2).shape((7, 6, 3)), max_pool(3, stride=2, pad=1).shape((112, 112, 64))
    ((3, 3, 3), (56, 56, 64))
    """
    name, at = _window("max_pool", size, stride, pad)

    def forward(x: Array, train: bool) -> tuple[Array, Any]:
        images = hwnc(x)
        y = pool.max_pool(images, at.size) if _blocks(at) else pool.max_windows(images, at)
        return nhwc(y), (images, y)

    def backward(saved: Any, dy: Array) -> Array:
        images, y = saved
        if _blocks(at):
            return nhwc(pool.max_pool_vjp(images, y, hwnc(dy), at.size))
        return nhwc(pool.max_windows_vjp(images, y, hwnc(dy), at))

    return plain(name, forward, backward, _pooled(name, at))


@constructor
def avg_pool(
    size: Sides = 2, *, stride: Sides | None = None, pad: Pad = 0, count_pad: bool = True
) -> Layer:
    """The mean of each block of `size` x `size` pixels; shapes and errors as for `max_pool`.

    Pixels outside the image are zeros that count, so that all blocks have the same weight; with
    count_pad=False the mean is over those inside alone. (PyTorch counts them by default, ONNX does
    not.)
    """
    name, at = _window("avg_pool", size, stride, pad)
    area = at.size[0] * at.size[1]

    def counts(shape: Shape, dtype: DTypeLike) -> Any:
        """How many pixels each mean is over: one number, or (H', W', 1, 1)."""
        if count_pad:
            return area
        ones = np.ones((*shape[:2], 1, 1), dtype), np.ones((*at.size, 1, 1), dtype)
        return depthwise.forward(*ones, at)

    def ones(a: Array) -> Array:
        return np.ones((*at.size, 1, a.shape[3]), a.dtype)

    def forward(x: Array, train: bool) -> tuple[Array, Any]:
        images = hwnc(x)
        if _blocks(at):
            return nhwc(_cut(images, at.size).mean(axis=(1, 3))), images.shape
        y = depthwise.forward(images, ones(images), at)
        y /= counts(images.shape, y.dtype)
        return nhwc(y), images.shape

    def backward(shape: Any, dy: Array) -> Array:
        if not _blocks(at):
            d = hwnc(dy) / counts(shape, dy.dtype)
            return nhwc(depthwise.grad_x(d, ones(d), shape, at))
        dx = np.zeros(shape, dy.dtype)
        _cut(dx, at.size)[...] = hwnc(dy)[:, None, :, None] / area
        return nhwc(dx)

    return plain(name, forward, backward, _pooled(name, at))


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


def _window(layer: str, size: Sides, stride: Sides | None, pad: Pad) -> tuple[str, Window]:
    """The name of a layer with these options, and the options checked."""
    at = window(layer, size, size if stride is None else stride, pad)
    for side, around in zip(at.size, at.pad, strict=True):
        if max(around) >= side:
            raise ValueError(f"{layer}: expected a pad below the size {side}, found {max(around)}")
    size, stride, pad = map(brief, at)
    more = "" if at.stride == at.size else f", stride={stride}"
    return f"{layer}({size}{more}{f', pad={pad}' if pad else ''})", at


def _blocks(at: Window) -> bool:
    """Whether the windows lie side by side inside the image."""
    return at.stride == at.size and not any(map(any, at.pad))


def _pooled(name: str, at: Window) -> Callable[[Shape], Shape]:
    sides = shape_of(name, at, "block")
    return lambda s: (*sides(s), s[2])


def _cut(a: Array, size: Pair) -> Array:
    """A view of (H, W, N, C) as (H // height, height, W // width, width, N, C)."""
    (high, wide), (h, w) = size, (side // s for side, s in zip(a.shape, size, strict=False))
    return a[: h * high, : w * wide].reshape(h, high, w, wide, *a.shape[2:])
