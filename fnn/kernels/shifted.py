"""Convolution by im2col a few rows of outputs at a time, with the same result.

`im2col` moves single pixels, and the patches of the whole image leave the cache before they are
multiplied. Here the image is first brought into the order (H, C, W, N), in which a shifted channel
is one long run, and the patches of a few rows of outputs are multiplied at once.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fnn.arrays import Array
from fnn.kernels import im2col, memory
from fnn.kernels.im2col import output_side
from fnn.kernels.threads import cut, longest, share

BLOCK = 1 << 19  # numbers in the patches of a block: shorter calls wait for Python's lock


def forward(x: Array, w: Array, stride: int, pad: int) -> Array:
    """The convolution of x, (H, W, N, C), with w, (size, size, C, K): y, (H', W', N, K)."""
    size, k = w.shape[0], w.shape[3]
    high, wide = (output_side(side, size, stride, pad) for side in x.shape[:2])
    n = x.shape[2]
    y = memory.empty((high, wide, n, k), x.dtype)
    filters = np.ascontiguousarray(w.transpose(0, 2, 1, 3)).reshape(-1, k)

    def multiply(i: int, j: int, patches: Array) -> None:
        rows = patches.reshape(j - i, len(filters), wide, n).transpose(0, 2, 3, 1)
        np.matmul(rows, filters, out=y[i:j])

    _each_block(multiply, x, size, stride, pad)
    return y


def grad_w(x: Array, dy: Array, size: int, stride: int, pad: int) -> Array:
    """The gradient of w, (size, size, C, K), for x, (H, W, N, C), and dy, (H', W', N, K)."""
    high, wide, n, k = dy.shape
    c = x.shape[3]
    sums = memory.empty((high, size * c * size, k), x.dtype)

    def multiply(i: int, j: int, patches: Array) -> None:
        np.matmul(patches, dy[i:j].reshape(j - i, wide * n, k), out=sums[i:j])

    _each_block(multiply, x, size, stride, pad)
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


def _each_block(
    f: Callable[[int, int, Array], None], x: Array, size: int, stride: int, pad: int
) -> None:
    """Call f(i, j, patches) for each block i..j of rows of outputs, in several threads.

    `patches` are those of x, (H, W, N, C), for the block: (j - i, size * C * size, W' * N).
    """
    h, w, n, c = x.shape
    high, wide = (output_side(side, size, stride, pad) for side in (h, w))
    planes = np.zeros((h + 2 * pad, c, w + 2 * pad, n), x.dtype)
    planes[pad : pad + h, :, pad : pad + w] = x.transpose(0, 3, 1, 2)
    row, plane, column, item = planes.strides
    shape = (high, size, c, size, wide, n)
    steps = (stride * row, row, plane, column, stride * column, item)
    patches = as_strided(planes, shape, steps, writeable=False)
    parts = max(1, min(high, -(-patches.size // BLOCK)))
    if 1 < parts < high:
        parts += parts % 2  # so that two threads end together
    blocks = cut(high, parts)

    def work(queue: Iterator[tuple[int, int]]) -> None:
        buffer = memory.empty((longest(blocks), *shape[1:]), x.dtype)
        for i, j in queue:
            block = buffer[: j - i]
            block[...] = patches[i:j]
            f(i, j, block.reshape(j - i, size * c * size, wide * n))

    share(work, blocks)
