"""3x3 convolution of stride 1 with a quarter of the multiplications: Winograd's F(4x4, 3x3).

A tile of 4x4 outputs needs 6x6 inputs d. With the constant matrices B, G, A below,

    y = A^T [ sum over channels of (G w G^T) * (B^T d B) ] A

where * multiplies element by element: 36 products for a tile and a pair of channels instead of 144.
In the order (H, W, N, C) everything is a matrix product: both transforms multiply a constant by a
(6, long) matrix, overlapping tiles are a strided view, and the sum over channels is 36 products of
(tiles * N, C) by (C, K). Blocks of tile columns and slices of the batch stay in the cache.

Source: Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016. In float32
the error is about 10 times that of a direct sum: below 1e-5 of the largest result.
"""

import math
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fnn.arrays import Array
from fnn.kernels import memory
from fnn.kernels.threads import longest, share, split

TILE = 4  # outputs along a side of a tile
SIDE = TILE + 2  # inputs along it
CACHE = 1 << 22  # bytes that a block's arrays may take together
SMALL = 1 << 20  # numbers in transformed tiles: with fewer, a second thread does not pay off

BT = [
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
]
G = [
    [1 / 4, 0, 0],
    [-1 / 6, -1 / 6, -1 / 6],
    [-1 / 6, 1 / 6, -1 / 6],
    [1 / 24, 1 / 12, 1 / 6],
    [1 / 24, -1 / 12, 1 / 6],
    [0, 0, 1],
]
AT = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]


Block: TypeAlias = tuple[int, int, int, int, int]  # row i of tiles, columns j0..j1, examples s0..s1


def plan(rows: int, columns: int, n: int, row_bytes: int) -> tuple[list[Block], int, int]:
    """The blocks of rows x columns tiles and n examples; the most tiles and examples in one.

    One tile of one example takes `row_bytes` bytes.
    """
    room = max(64, CACHE // row_bytes)
    slices = split(n, max(1, room // min(columns, 2)))
    examples = longest(slices)
    parts = split(columns, max(1, room // max(1, examples)))
    blocks = [(i, *part, *s) for i in range(rows) for part in parts for s in slices]
    return blocks, longest(parts), examples


def forward(x: Array, w: Array, pad: int) -> Array:
    """The convolution of x, (H, W, N, C), with w, (3, 3, C, K): y, (H', W', N, K); pad 0..2."""
    h, wide, n, c = x.shape
    k = w.shape[3]
    out_h, out_w = h + 2 * pad - 2, wide + 2 * pad - 2
    at = np.array(AT, x.dtype)
    u = _both_sides(np.array(G, x.dtype), w).reshape(SIDE * SIDE, c, k)
    y = memory.empty((out_h, out_w, n, k), x.dtype)
    blocks, columns, examples = plan(
        -(-out_h // TILE), -(-out_w // TILE), n, SIDE * SIDE * (c + k) * x.itemsize
    )

    def work(queue: Iterator[Block]) -> None:
        tiles = _transform(x, pad, 0, SIDE, columns, examples)
        products = _scratch(SIDE * SIDE * columns * examples * k, x.dtype)
        halves = _scratch(TILE * SIDE * columns * examples * k, x.dtype)
        for block in queue:
            i, j0, j1, s0, s1 = block
            t, b = j1 - j0, s1 - s0
            m = products(SIDE * SIDE, t * b, k)
            np.matmul(tiles(block), u, out=m)
            high = min(TILE, out_h - TILE * i)  # the last row of tiles may extend beyond y
            r = halves(high, SIDE, t * b * k)
            _along_rows(at[:high], m.reshape(SIDE, SIDE, -1), r)
            r = r.reshape(high, SIDE, t, b * k)
            target = y[TILE * i : TILE * i + high, TILE * j0 : TILE * j1, s0:s1]
            o = target.reshape(high, -1, b * k)
            whole = min(j1, out_w // TILE) - j0
            np.matmul(
                at,
                r[:, :, :whole].transpose(0, 2, 1, 3),
                out=o[:, : TILE * whole].reshape(high, whole, TILE, b * k),
            )
            if whole < t:
                rest = o[:, TILE * whole :]
                np.matmul(at[: rest.shape[1]], r[:, :, whole], out=rest)

    share(work, blocks)
    return y


def grad_x(dy: Array, w: Array, pad: int) -> Array:
    """The gradient of x: the convolution of dy with the filters turned by 180 degrees."""
    return forward(dy, np.ascontiguousarray(w[::-1, ::-1].transpose(0, 1, 3, 2)), 2 - pad)


def grad_w(x: Array, dy: Array, pad: int) -> Array:
    """The gradient of w, (3, 3, C, K), for x, (H, W, N, C), and dy, (H', W', N, K).

    The transpose of every step of `forward`. The 6 rows of the transformed tiles are computed in
    two halves, each by one thread from the first block to the last; a small job stays on one
    thread.
    """
    c, k = x.shape[3], dy.shape[3]
    out_h, out_w, n = dy.shape[:3]
    high_tiles, wide_tiles = -(-out_h // TILE), -(-out_w // TILE)
    a = np.ascontiguousarray(np.array(AT, x.dtype).T)
    rows = SIDE if SIDE * SIDE * high_tiles * wide_tiles * n * (c + k) < SMALL else SIDE // 2
    blocks, columns, examples = plan(high_tiles, wide_tiles, n, 9 * rows * (c + k) * x.itemsize)
    du = memory.empty((SIDE, SIDE, c, k), x.dtype)

    def work(queue: Iterator[tuple[int, int]]) -> None:
        for f0, f1 in queue:
            f = f1 - f0
            tiles = _transform(x, pad, f0, f1, columns, examples)
            halves = _scratch(f * TILE * columns * examples * k, x.dtype)
            transformed = _scratch(f * SIDE * columns * examples * k, x.dtype)
            part = memory.empty((f * SIDE, c, k), x.dtype)
            total = du[f0:f1].reshape(f * SIDE, c, k)
            total[...] = 0
            for block in blocks:
                i, j0, j1, s0, s1 = block
                t, b = j1 - j0, s1 - s0
                v = tiles(block)
                high, across = min(TILE, out_h - TILE * i), min(TILE * t, out_w - TILE * j0)
                r = halves(f, TILE * t, b * k)
                r[:, across:] = 0
                source = dy[TILE * i : TILE * i + high, TILE * j0 : TILE * j0 + across, s0:s1]
                _along_rows(a[f0:f1, :high], source.reshape(high, across, b * k), r[:, :across])
                dm = transformed(f, SIDE, t, b * k)
                np.matmul(a, r.reshape(f, t, TILE, b * k), out=dm.transpose(0, 2, 1, 3))
                np.matmul(v.transpose(0, 2, 1), dm.reshape(f * SIDE, t * b, k), out=part)
                np.add(total, part, out=total)

    share(work, split(SIDE, rows))
    return _both_sides(np.array(G, x.dtype).T, du)


def _both_sides(g: Array, w: Array) -> Array:
    """g w g^T for every pair of channels: w is (q, q, C, K), g is (p, q)."""
    p, q = g.shape
    c, k = w.shape[2:]
    flat: Array = np.kron(g, g) @ w.reshape(q * q, c * k)
    return flat.reshape(p, p, c, k)


def _along_rows(m: Array, a: Array, out: Array) -> None:
    """out[p, j] = sum over q of m[p, q] a[q, j], for vectors a[q, j]."""
    np.matmul(m, a.transpose(1, 0, 2), out=out.transpose(1, 0, 2))


def _scratch(size: int, dtype: np.dtype) -> Callable[..., Array]:
    """Memory for `size` numbers, as a function of the shape that it is used in."""
    flat = memory.empty((size,), dtype)
    return lambda *shape: flat[: math.prod(shape)].reshape(shape)


def _transform(
    x: Array, pad: int, f0: int, f1: int, columns: int, examples: int
) -> Callable[[Block], Array]:
    """The function from a block to rows f0..f1 of B^T d B for its tiles, in memory of its own.

    They are ((f1 - f0) * 6, tiles * examples, C); the next call overwrites them.
    """
    h, wide, _, c = x.shape
    f = f1 - f0
    bt = np.array(BT, x.dtype)
    halves = _scratch(f * (TILE * columns + 2) * examples * c, x.dtype)
    tiles = _scratch(f * SIDE * columns * examples * c, x.dtype)

    def of(block: Block) -> Array:
        i, j0, j1, s0, s1 = block
        t, b = j1 - j0, s1 - s0
        top, left = TILE * i - pad, TILE * j0 - pad  # the block's corner in x; zeros lie outside
        h0, h1 = max(top, 0), min(top + SIDE, h)
        w0, w1 = max(left, 0), min(left + TILE * t + 2, wide)
        d = halves(f, TILE * t + 2, b * c)
        d[:, : w0 - left] = 0
        d[:, w1 - left :] = 0
        inside = x[h0:h1, w0:w1, s0:s1].reshape(h1 - h0, w1 - w0, b * c)
        _along_rows(bt[f0:f1, h0 - top : h1 - top], inside, d[:, w0 - left : w1 - left])
        v = tiles(f, SIDE, t, b * c)
        row, column, item = d.strides
        windows = as_strided(d, (f, t, SIDE, b * c), (row, TILE * column, column, item))
        np.matmul(bt, windows, out=v.transpose(0, 2, 1, 3))
        return v.reshape(f * SIDE, t * b, c)

    return of
