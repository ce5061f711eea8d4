"""Convolution by im2col a few rows of outputs at a time, with the same result.

`im2col` moves single pixels, and the patches of the whole image leave the cache before they are
multiplied. Here the image is first brought into the order (H, C, W, N), in which a shifted channel
is one long run, and the patches of a few rows of outputs are multiplied at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fnn.arrays import Array
from fnn.kernels import im2col, memory
from fnn.kernels.threads import cut, longest, share
from fnn.kernels.window import Window, places

BLOCK = 1 << 19  # numbers in the patches of a block: shorter calls wait for Python's lock


def forward(x: Array, w: Array, at: Window) -> Array:
    """The convolution of x, (H, W, N, C), with w, (height, width, C, K): y, (H', W', N, K)."""
    n, k = x.shape[2], w.shape[3]
    high, wide = places(at, x.shape)
    y = memory.empty((high, wide, n, k), x.dtype)
    filters = np.ascontiguousarray(w.transpose(0, 2, 1, 3)).reshape(-1, k)

    def multiply(i: int, j: int, patches: Array) -> None:
        rows = patches.reshape(j - i, len(filters), wide, n).transpose(0, 2, 3, 1)
        np.matmul(rows, filters, out=y[i:j])

    _each_block(multiply, x, at)
    return y


def grad_w(x: Array, dy: Array, at: Window) -> Array:
    """The gradient of w, (height, width, C, K), for x, (H, W, N, C), and dy, (H', W', N, K)."""
    high, wide, n, k = dy.shape
    c, (rows, columns) = x.shape[3], at.size
    sums = memory.empty((high, rows * c * columns, k), x.dtype)

    def multiply(i: int, j: int, patches: Array) -> None:
        np.matmul(patches, dy[i:j].reshape(j - i, wide * n, k), out=sums[i:j])

    _each_block(multiply, x, at)
    total = sums.sum(axis=0).reshape(rows, c, columns, k)
    return np.ascontiguousarray(total.transpose(0, 2, 1, 3))


def grad_x(dy: Array, w: Array, shape: tuple[int, ...], at: Window) -> Array:
    """The gradient of x, of `shape` (H, W, N, C), for dy, (H', W', N, K).

    With stride 1 it is the convolution of dy with the filters turned by 180 degrees. Other strides,
    and a pad of the filter's size or more, are left to `im2col`.
    """
    (top, bottom), (left, right) = (
        (size - 1 - before, size - 1 - after)
        for size, (before, after) in zip(at.size, at.pad, strict=True)
    )
    if at.stride != (1, 1) or min(top, bottom, left, right) < 0:
        return im2col.grad_x(dy, w, shape, at)
    turned = np.ascontiguousarray(w[::-1, ::-1].transpose(0, 1, 3, 2))
    return forward(dy, turned, at._replace(pad=((top, bottom), (left, right))))


def _each_block(f: Callable[[int, int, Array], None], x: Array, at: Window) -> None:
    """Call f(i, j, patches) for each block i..j of rows of outputs, in several threads.

    `patches` are those of x, (H, W, N, C), for the block: (j - i, height * C * width, W' * N).
    """
    h, w, n, c = x.shape
    (high, wide), (down, along) = places(at, x.shape), at.stride
    (top, bottom), (left, right) = at.pad
    planes = np.zeros((h + top + bottom, c, w + left + right, n), x.dtype)
    planes[top : top + h, :, left : left + w] = x.transpose(0, 3, 1, 2)
    row, plane, column, item = planes.strides
    shape = (high, at.size[0], c, at.size[1], wide, n)
    steps = (down * row, row, plane, column, along * column, item)
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
            f(i, j, block.reshape(j - i, at.size[0] * c * at.size[1], wide * n))

    share(work, blocks)
