"""The ways to convolve, and which of them suits a shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fnn.arrays import Array, Shape
from fnn.kernels import depthwise, im2col, shifted, winograd
from fnn.kernels.window import Window


class Method(NamedTuple):
    """A convolution and its gradients, on contiguous (H, W, N, C) arrays."""

    forward: Callable[[Array, Array, Window], Array]  # (x, w, at) -> y
    grad_w: Callable[[Array, Array, Window], Array]  # (x, dy, at) -> dw
    grad_x: Callable[[Array, Array, Shape, Window], Array]  # (dy, w, x.shape, at) -> dx


METHODS = {
    "im2col": Method(im2col.forward, im2col.grad_w, im2col.grad_x),
    "shifted": Method(shifted.forward, shifted.grad_w, shifted.grad_x),
    "winograd": Method(
        lambda x, w, at: winograd.forward(x, w, at.pad[0][0]),
        lambda x, dy, at: winograd.grad_w(x, dy, at.size[0], at.pad[0][0]),
        lambda dy, w, shape, at: winograd.grad_x(dy, w, at.pad[0][0]),
    ),
}
DEPTHWISE = Method(depthwise.forward, depthwise.grad_w, depthwise.grad_x)
# Channels times the filter's side: with fewer, Winograd's transforms cost more than they save
# (tests/bench/layers.py).
FEW = 37


def winograd_fits(at: Window) -> bool:
    """Whether Winograd's F(4x4, size x size) can compute it: squares, stride 1, pad below size."""
    (high, wide), pads = at.size, {*at.pad[0], *at.pad[1]}
    return (
        high == wide
        and high in winograd.SIZES
        and at.stride == (1, 1)
        and len(pads) == 1
        and max(pads) < high
    )


def choose(at: Window, channels: int) -> Method:
    """The fastest method on images of `channels` channels."""
    if at.size == (1, 1):
        return METHODS["im2col"]  # the patches of 1x1 are the image
    fits = winograd_fits(at) and channels * at.size[0] >= FEW
    return METHODS["winograd" if fits else "shifted"]


def grouped(way: Method, groups: int) -> Method:
    """The same for channels in groups: each filter sees those of its own group."""
    if groups == 1:
        return way

    def cut(a: Array) -> list[Array]:
        return [np.ascontiguousarray(part) for part in np.split(a, groups, axis=-1)]

    def joined(f: Callable[..., Array], *arrays: Array) -> Array:
        return np.concatenate([f(*parts) for parts in zip(*map(cut, arrays), strict=True)], axis=-1)

    def grad_x(dy: Array, w: Array, shape: Shape, at: Window) -> Array:
        part = (*shape[:3], shape[3] // groups)
        return joined(lambda dy, w: way.grad_x(dy, w, part, at), dy, w)

    return Method(
        lambda x, w, at: joined(lambda x, w: way.forward(x, w, at), x, w),
        lambda x, dy, at: joined(lambda x, dy: way.grad_w(x, dy, at), x, dy),
        grad_x,
    )
