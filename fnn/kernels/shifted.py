"""Convolution by im2col one row of outputs at a time.

`im2col` moves single pixels, and the patches of the whole image leave the cache before they are
multiplied. Here the image first gets the order (H, C, W, N), in which a shift of a channel is one
long run, and the patches of a row of outputs are multiplied at once. It does what `im2col` does.
"""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fnn.kernels import aligned, im2col
from fnn.kernels.im2col import output_side
from fnn.kernels.threads import share
from fnn.layers.layer import Array


def forward(x: Array, w: Array, stride: int, pad: int) -> Array:
    """The convolution of x, (H, W, N, C), with w, (size, size, C, K): y, (H', W', N, K)."""
    size, k = w.shape[0], w.shape[3]
    high, wide = (output_side(side, size, stride, pad) for side in x.shape[:2])
    n = x.shape[2]
    planes = _planes(x, pad)
    y = aligned.empty((high, wide, n, k), x.dtype)
    filters = np.ascontiguousarray(w.transpose(0, 2, 1, 3)).reshape(-1, k)

    def work(queue: Iterator[int]) -> None:
        buffer = _buffer(x, size, wide)
        for row in queue:
            columns = _patches(planes, row * stride, stride, buffer)
            np.matmul(columns.reshape(-1, wide, n).transpose(1, 2, 0), filters, out=y[row])

    share(work, range(high))
    return y


def grad_w(x: Array, dy: Array, size: int, stride: int, pad: int) -> Array:
    """The gradient of w, (size, size, C, K), for x, (H, W, N, C), and dy, (H', W', N, K)."""
    high, wide, n, k = dy.shape
    c = x.shape[3]
    planes = _planes(x, pad)
    parts = aligned.empty((high, size * c * size, k), x.dtype)

    def work(queue: Iterator[int]) -> None:
        buffer = _buffer(x, size, wide)
        for row in queue:
            columns = _patches(planes, row * stride, stride, buffer)
            np.matmul(columns, dy[row].reshape(wide * n, k), out=parts[row])

    share(work, range(high))
    total = parts.sum(axis=0).reshape(size, c, size, k)
    return np.ascontiguousarray(total.transpose(0, 2, 1, 3))


def grad_x(dy: Array, w: Array, shape: tuple[int, ...], stride: int, pad: int) -> Array:
    """The gradient of x, of `shape` (H, W, N, C), for dy, (H', W', N, K).

    With stride 1 it is the convolution of dy with the filters turned by 180 degrees; other strides,
    and a pad that only a larger filter could undo, are left to `im2col`.
    """
    size = w.shape[0]
    if stride != 1 or pad >= size:
        return im2col.grad_x(dy, w, shape, stride, pad)
    return forward(dy, np.ascontiguousarray(w[::-1, ::-1].transpose(0, 1, 3, 2)), 1, size - 1 - pad)


def _planes(x: Array, pad: int) -> Array:
    """x with zeros around it, as (H + 2 pad, C, W + 2 pad, N)."""
    h, w, n, c = x.shape
    p = np.zeros((h + 2 * pad, c, w + 2 * pad, n), x.dtype)
    p[pad : pad + h, :, pad : pad + w] = x.transpose(0, 3, 1, 2)
    return p


def _buffer(x: Array, size: int, wide: int) -> Array:
    return aligned.empty((size, x.shape[3], size, wide, x.shape[2]), x.dtype)


def _patches(planes: Array, top: int, stride: int, buffer: Array) -> Array:
    """The patches of the output row whose filters begin at row `top`: (size * C * size, W' * N)."""
    size, c, _, wide, n = buffer.shape
    row, plane, column, item = planes.strides
    buffer[...] = as_strided(
        planes[top:],
        (size, c, size, wide, n),
        (row, plane, column, stride * column, item),
        writeable=False,
    )
    return buffer.reshape(size * c * size, wide * n)
