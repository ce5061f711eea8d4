"""The ways to convolve, and which of them suits a shape."""

from collections.abc import Callable
from typing import NamedTuple

from fnn.arrays import Array, Shape
from fnn.kernels import im2col, shifted, winograd


class Method(NamedTuple):
    """A convolution and its gradients, on contiguous (H, W, N, C) arrays."""

    forward: Callable[[Array, Array, int, int], Array]  # (x, w, stride, pad) -> y
    grad_w: Callable[[Array, Array, int, int, int], Array]  # (x, dy, size, stride, pad) -> dw
    grad_x: Callable[[Array, Array, Shape, int, int], Array]  # (dy, w, x.shape, stride, pad) -> dx


METHODS = {
    "im2col": Method(im2col.forward, im2col.grad_w, im2col.grad_x),
    "shifted": Method(shifted.forward, shifted.grad_w, shifted.grad_x),
    "winograd": Method(
        lambda x, w, stride, pad: winograd.forward(x, w, pad),
        lambda x, dy, size, stride, pad: winograd.grad_w(x, dy, size, pad),
        lambda dy, w, shape, stride, pad: winograd.grad_x(dy, w, pad),
    ),
}
# Channels times the filter's side: with fewer, Winograd's transforms cost more than they save
# (tests/bench/layers.py).
FEW = 37


def winograd_fits(size: int, stride: int, pad: int) -> bool:
    """Whether Winograd's F(4x4, size x size) can compute it."""
    return size in winograd.SIZES and stride == 1 and pad < size


def choose(size: int, stride: int, pad: int, channels: int) -> Method:
    """The fastest method for filters of `size` on images of `channels` channels."""
    if size == 1:
        return METHODS["im2col"]  # the patches of 1x1 are the image
    fits = winograd_fits(size, stride, pad) and channels * size >= FEW
    return METHODS["winograd" if fits else "shifted"]
