"""Convolution as one matrix product: the course's section 5.7.5, and the reference for the others.

Every patch of the image that a filter is applied to becomes a row of a matrix X, and the filters
become the columns of a matrix W; then Y = X W. (The course has rows and columns exchanged.)
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fnn.arrays import Array
from fnn.kernels.window import Window, padded, places


def im2col(x: Array, at: Window) -> Array:
    """The patches of x, (H, W, N, C), as rows: (H' * W' * N, height * width * C)."""
    p = padded(x, at)
    (h, w), (high, wide), (down, right) = places(at, x.shape), at.size, at.stride
    n, c = x.shape[2:]
    sh, sw, sn, sc = p.strides
    patches = as_strided(
        p, (h, w, n, high, wide, c), (down * sh, right * sw, sn, sh, sw, sc), writeable=False
    )
    return patches.reshape(h * w * n, high * wide * c)


def col2im(columns: Array, shape: tuple[int, ...], at: Window) -> Array:
    """The adjoint of `im2col`: adds every row at its patch's place in (H, W, N, C) = `shape`."""
    height, width, n, c = shape
    (h, w), (high, wide), (down, right) = places(at, shape), at.size, at.stride
    (top, bottom), (left, beyond) = at.pad
    patches = columns.reshape(h, w, n, high, wide, c)
    p = np.zeros((height + top + bottom, width + left + beyond, n, c), columns.dtype)
    for s in range(high):
        for t in range(wide):
            p[s : s + down * h : down, t : t + right * w : right] += patches[:, :, :, s, t]
    return p[top : top + height, left : left + width]


def forward(x: Array, w: Array, at: Window) -> Array:
    """Y = X W, equation (59) without B: x (H, W, N, C), w (.., .., C, K), y (H', W', N, K)."""
    k = w.shape[3]
    y: Array = im2col(x, at) @ w.reshape(-1, k)
    return y.reshape(*places(at, x.shape), x.shape[2], k)


def grad_w(x: Array, dy: Array, at: Window) -> Array:
    """dW = X^T dY, equation (61)."""
    columns = im2col(x, at)
    dw: Array = columns.T @ dy.reshape(len(columns), dy.shape[3])
    return dw.reshape(*at.size, x.shape[3], dy.shape[3])


def grad_x(dy: Array, w: Array, shape: tuple[int, ...], at: Window) -> Array:
    """dX = dY W^T, equation (60), added up from patches to images of `shape` (H, W, N, C)."""
    k = w.shape[3]
    columns = dy.reshape(-1, k) @ w.reshape(-1, k).T
    return np.ascontiguousarray(col2im(columns, shape, at))
