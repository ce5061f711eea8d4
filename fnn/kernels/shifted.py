"""Convolution by im2col a few rows of outputs at a time.

`im2col` moves single pixels, and the patches of the whole image leave the cache before they are
multiplied. Here the image is first brought into the order (H, C, W, N), in which a shifted channel
is one long run, and the patches of a few rows of outputs are multiplied at once. The result is that
of `im2col`.
"""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fnn.arrays import Array
from fnn.kernels import im2col, memory
from fnn.kernels.im2col import output_side
from fnn.kernels.threads import cut, share

BLOCK = 1 << 19  # numbers in the patches of a block: shorter calls wait for Python's lock


def forward(x: Array, w: Array, stride: int, pad: int) -> Array:
    """The convolution of x, (H, W, N, C), with w, (size, size, C, K): y, (H', W', N, K)."""
    size, k = w.shape[0], w.shape[3]
    high, wide = (output_side(side, size, stride, pad) for side in x.shape[:2])
    n = x.shape[2]
    planes = _planes(x, pad)
    y = memory.empty((high, wide, n, k), x.dtype)
    filters = np.ascontiguousarray(w.transpose(0, 2, 1, 3)).reshape(-1, k)
    blocks = _blocks(x, size, high, wide)

    def work(queue: Iterator[tuple[int, int]]) -> None:
        buffer = _buffer(x, size, blocks, wide)
        for i, j in queue:
            columns = _patches(planes, i * stride, stride, buffer[: j - i])
            rows = columns.reshape(j - i, len(filters), wide, n).transpose(0, 2, 3, 1)
            np.matmul(rows, filters, out=y[i:j])

    share(work, blocks)
    return y


def grad_w(x: Array, dy: Array, size: int, stride: int, pad: int) -> Array:
    """The gradient of w, (size, size, C, K), for x, (H, W, N, C), and dy, (H', W', N, K)."""
    high, wide, n, k = dy.shape
    c = x.shape[3]
    planes = _planes(x, pad)
    sums = memory.empty((high, size * c * size, k), x.dtype)
    blocks = _blocks(x, size, high, wide)

    def work(queue: Iterator[tuple[int, int]]) -> None:
        buffer = _buffer(x, size, blocks, wide)
        for i, j in queue:
            columns = _patches(planes, i * stride, stride, buffer[: j - i])
            np.matmul(columns, dy[i:j].reshape(j - i, wide * n, k), out=sums[i:j])

    share(work, blocks)
    total = sums.sum(axis=0).reshape(size, c, size, k)
    return np.ascontiguousarray(total.transpose(0, 2, 1, 3))


def grad_x(dy: Array, w: Array, shape: tuple[int, ...], stride: int, pad: int) -> Array:
    """The gradient of x, of `shape` (H, W, N, C), for dy, (H', W', N, K).

    With stride 1 it is the convolution of dy with the filters turned by 180 degrees. Other strides,
    and a pad of the filter's size or more, are left to `im2col`.
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


def _blocks(x: Array, size: int, high: int, wide: int) -> list[tuple[int, int]]:
    """Blocks of output rows; an even number if more than one, so that two threads end together."""
    numbers = high * size * size * x.shape[3] * wide * x.shape[2]
    parts = max(1, min(high, -(-numbers // BLOCK)))
    return cut(high, parts + parts % 2 if 1 < parts < high else parts)


def _buffer(x: Array, size: int, blocks: list[tuple[int, int]], wide: int) -> Array:
    most = max(j - i for i, j in blocks)
    return memory.empty((most, size, x.shape[3], size, wide, x.shape[2]), x.dtype)


def _patches(planes: Array, top: int, stride: int, buffer: Array) -> Array:
    """The patches for a block of output rows: (rows, size * C * size, W' * N), from row `top`."""
    rows, size, c, _, wide, n = buffer.shape
    row, plane, column, item = planes.strides
    buffer[...] = as_strided(
        planes[top:],
        (rows, size, c, size, wide, n),
        (stride * row, row, plane, column, stride * column, item),
        writeable=False,
    )
    return buffer.reshape(rows, size * c * size, wide * n)
