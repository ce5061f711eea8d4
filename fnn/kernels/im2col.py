"""Convolution as one matrix product: the course's section 5.7.5, and the reference for the others.

Every patch of the image that a filter is applied to becomes a row of a matrix X, and the filters
become the columns of a matrix W; then Y = X W. (The course has rows and columns exchanged.)
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fnn.arrays import Array


def output_side(side: int, size: int, stride: int, pad: int) -> int:
    """The number of places for a filter of `size` along a side, with `pad` zeros at both ends.

    >>> [output_side(28, 3, 1, 1), output_side(28, 3, 2, 1), output_side(28, 2, 1, 1)]
    [28, 14, 29]
    """
    return (side + 2 * pad - size) // stride + 1


def padded(x: Array, pad: int) -> Array:
    """x, (H, W, N, C), with `pad` zeros on all four sides of each image."""
    if pad == 0:
        return x
    h, w, n, c = x.shape
    p = np.zeros((h + 2 * pad, w + 2 * pad, n, c), x.dtype)
    p[pad : pad + h, pad : pad + w] = x
    return p


def im2col(x: Array, size: int, stride: int, pad: int) -> Array:
    """The patches of x, (H, W, N, C), as rows: (H' * W' * N, size * size * C)."""
    p = padded(x, pad)
    h, w = (output_side(side, size, stride, pad) for side in x.shape[:2])
    n, c = x.shape[2:]
    sh, sw, sn, sc = p.strides
    patches = as_strided(
        p, (h, w, n, size, size, c), (stride * sh, stride * sw, sn, sh, sw, sc), writeable=False
    )
    return patches.reshape(h * w * n, size * size * c)


def col2im(columns: Array, shape: tuple[int, ...], size: int, stride: int, pad: int) -> Array:
    """The adjoint of `im2col`: adds every row at its patch's place in (H, W, N, C) = `shape`."""
    height, width, n, c = shape
    h, w = (output_side(side, size, stride, pad) for side in (height, width))
    patches = columns.reshape(h, w, n, size, size, c)
    p = np.zeros((height + 2 * pad, width + 2 * pad, n, c), columns.dtype)
    for s in range(size):
        for t in range(size):
            p[s : s + stride * h : stride, t : t + stride * w : stride] += patches[:, :, :, s, t]
    return p[pad : pad + height, pad : pad + width]


def forward(x: Array, w: Array, stride: int, pad: int) -> Array:
    """Y = X W, equation (59) without B: x (H, W, N, C), w (size, size, C, K), y (H', W', N, K)."""
    size, k = w.shape[0], w.shape[3]
    h, wide = (output_side(side, size, stride, pad) for side in x.shape[:2])
    y: Array = im2col(x, size, stride, pad) @ w.reshape(-1, k)
    return y.reshape(h, wide, x.shape[2], k)


def grad_w(x: Array, dy: Array, size: int, stride: int, pad: int) -> Array:
    """dW = X^T dY, equation (61)."""
    columns = im2col(x, size, stride, pad)
    dw: Array = columns.T @ dy.reshape(len(columns), dy.shape[3])
    return dw.reshape(size, size, x.shape[3], dy.shape[3])


def grad_x(dy: Array, w: Array, shape: tuple[int, ...], stride: int, pad: int) -> Array:
    """dX = dY W^T, equation (60), added up from patches to images of `shape` (H, W, N, C)."""
    size, k = w.shape[0], w.shape[3]
    columns = dy.reshape(-1, k) @ w.reshape(-1, k).T
    return np.ascontiguousarray(col2im(columns, shape, size, stride, pad))
