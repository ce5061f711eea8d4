"""3x3 and 5x5 convolutions of stride 1 with fewer multiplications: Winograd's F(4x4, size x size).

A tile of 4x4 outputs needs side x side inputs d, side = size + 3. With the constant matrices B, G,
A of `toom_cook`,

    y = A^T [ sum over channels of (G w G^T) * (B^T d B) ] A

where * multiplies element by element: for a tile and a pair of channels, 36 products instead of 144
for 3x3, and 64 instead of 400 for 5x5. In the order (H, W, N, C) everything is a matrix product:
both transforms multiply a constant by a (side, long) matrix, overlapping tiles are a strided view,
and the sum over channels is side^2 products of (tiles * N, C) by (C, K). Blocks of tile columns and
slices of the batch stay in the cache.

Source: Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016. In float32
the error is about 10 times that of a direct sum for 3x3, and 30 times for 5x5: below 1e-5 and 3e-5
of the largest result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.polynomial.polynomial import polyfromroots
from numpy.typing import DTypeLike

from fnn.arrays import Array
from fnn.kernels import memory
from fnn.kernels.threads import cut, longest, share, split

TILE = 4  # outputs along a side of a tile
SIZES = (3, 5)  # of filters; larger ones lose too many digits in float32
POINTS = (0, 1, -1, 2, -2, 1 / 2, -1 / 2)  # and infinity: where polynomials are evaluated
CACHE = 1 << 22  # bytes that a block's arrays may take together
SMALL = 1 << 20  # numbers in transformed tiles: with fewer, a second thread does not pay off


class Transforms(NamedTuple):
    """F(4, size): of inputs, (side, side), of filters, (side, size), of outputs, (4, side)."""

    bt: Array
    g: Array
    at: Array


def toom_cook(size: int) -> Transforms:
    """The matrices for filters of `size`.

    A filter of `size` and 4 outputs make a polynomial of degree size + 2, given by its values at
    size + 2 points and its leading coefficient, the value "at infinity".

    >>> toom_cook(3).at.tolist()[1]
    [0.0, 1.0, -1.0, 2.0, -2.0, 0.0]

    Source: Toom and Cook's algorithm, as in Barabasz et al., "Error analysis and improving the
    accuracy of Winograd convolution for deep neural networks", ACM TOMS 2020.
    """
    points = np.array(POINTS[: size + 2])
    others = [np.delete(points, j) for j in range(len(points))]
    side = len(points) + 1
    bt, g, at = np.zeros((side, side)), np.zeros((side, size)), np.zeros((TILE, side))
    bt[:-1, :-1] = [polyfromroots(other) for other in others]
    bt[-1] = polyfromroots(points)
    scales = [np.prod(p - other) for p, other in zip(points, others, strict=True)]
    g[:-1] = np.vander(points, size, increasing=True) / np.reshape(scales, (-1, 1))
    at[:, :-1] = np.vander(points, TILE, increasing=True).T
    g[-1, -1] = at[-1, -1] = 1
    return Transforms(bt, g, at)


MATRICES = {size: toom_cook(size) for size in SIZES}


def transforms(size: int, dtype: DTypeLike) -> Transforms:
    """The matrices of a filter's size, in the type of the images."""
    return Transforms(*(m.astype(dtype) for m in MATRICES[size]))


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
    """The convolution of x, (H, W, N, C), with w, (size, size, C, K): y, (H', W', N, K).

    pad is 0..size-1.
    """
    h, wide, n, c = x.shape
    size, k = w.shape[0], w.shape[3]
    out_h, out_w = h + 2 * pad - size + 1, wide + 2 * pad - size + 1
    bt, g, at = transforms(size, x.dtype)
    side = len(bt)
    u = _both_sides(g, w).reshape(side * side, c, k)
    y = memory.empty((out_h, out_w, n, k), x.dtype)
    blocks, columns, examples = plan(
        -(-out_h // TILE), -(-out_w // TILE), n, side * side * (c + k) * x.itemsize
    )

    def work(queue: Iterator[Block]) -> None:
        tiles = _transform(x, bt, pad, columns, examples)
        products = _scratch(side * side * columns * examples * k, x.dtype)
        halves = _scratch(TILE * side * columns * examples * k, x.dtype)
        for block in queue:
            i, j0, j1, s0, s1 = block
            t, b = j1 - j0, s1 - s0
            m = products(side * side, t * b, k)
            np.matmul(tiles(block), u, out=m)
            high = min(TILE, out_h - TILE * i)  # the last row of tiles may extend beyond y
            r = halves(high, side, t * b * k)
            _along_rows(at[:high], m.reshape(side, side, -1), r)
            r = r.reshape(high, side, t, b * k)
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
    turned = np.ascontiguousarray(w[::-1, ::-1].transpose(0, 1, 3, 2))
    return forward(dy, turned, len(w) - 1 - pad)


def grad_w(x: Array, dy: Array, size: int, pad: int) -> Array:
    """The gradient of w, (size, size, C, K), for x, (H, W, N, C), and dy, (H', W', N, K).

    The transpose of every step of `forward`, added up over the blocks. Each half of them is one
    thread's; a small job stays on one thread.
    """
    c, k = x.shape[3], dy.shape[3]
    out_h, out_w, n = dy.shape[:3]
    high_tiles, wide_tiles = -(-out_h // TILE), -(-out_w // TILE)
    bt, g, at = transforms(size, x.dtype)
    a, side = np.ascontiguousarray(at.T), len(bt)
    squares = side * side
    blocks, columns, examples = plan(high_tiles, wide_tiles, n, squares * (c + k) * x.itemsize)
    large = squares * high_tiles * wide_tiles * n * (c + k) >= SMALL
    parts = cut(len(blocks), 2 if large and len(blocks) > 1 else 1)
    sums = np.zeros((len(parts), side, side, c, k), x.dtype)

    def work(queue: Iterator[int]) -> None:
        tiles = _transform(x, bt, pad, columns, examples)
        halves = _scratch(side * TILE * columns * examples * k, x.dtype)
        transformed = _scratch(squares * columns * examples * k, x.dtype)
        product = memory.empty((side, c, k), x.dtype)
        for part in queue:
            for block in blocks[slice(*parts[part])]:
                i, j0, j1, s0, s1 = block
                t, b = j1 - j0, s1 - s0
                v = tiles(block).reshape(side, side, t * b, c).transpose(0, 1, 3, 2)
                high, across = min(TILE, out_h - TILE * i), min(TILE * t, out_w - TILE * j0)
                r = halves(side, TILE * t, b * k)
                r[:, across:] = 0
                source = dy[TILE * i : TILE * i + high, TILE * j0 : TILE * j0 + across, s0:s1]
                _along_rows(a[:, :high], source.reshape(high, across, b * k), r[:, :across])
                dm = transformed(side, side, t, b * k)
                np.matmul(a, r.reshape(side, t, TILE, b * k), out=dm.transpose(0, 2, 1, 3))
                # row by row, so that the products to be added are still in the cache
                for total, vr, dr in zip(
                    sums[part], v, dm.reshape(side, side, t * b, k), strict=True
                ):
                    np.matmul(vr, dr, out=product)
                    total += product

    share(work, range(len(parts)))
    return _both_sides(g.T, sums.sum(axis=0))


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
    x: Array, bt: Array, pad: int, columns: int, examples: int
) -> Callable[[Block], Array]:
    """The function from a block to B^T d B for its tiles, in memory of its own.

    They are (side * side, tiles * examples, C); the next call overwrites them.
    """
    h, wide, _, c = x.shape
    side = len(bt)
    over = side - TILE  # columns that a tile shares with the next
    halves = _scratch(side * (TILE * columns + over) * examples * c, x.dtype)
    tiles = _scratch(side * side * columns * examples * c, x.dtype)

    def of(block: Block) -> Array:
        i, j0, j1, s0, s1 = block
        t, b = j1 - j0, s1 - s0
        top, left = TILE * i - pad, TILE * j0 - pad  # the block's corner in x; zeros lie outside
        h0, h1 = max(top, 0), min(top + side, h)
        w0, w1 = max(left, 0), min(left + TILE * t + over, wide)
        d = halves(side, TILE * t + over, b * c)
        d[:, : w0 - left] = 0
        d[:, w1 - left :] = 0
        inside = x[h0:h1, w0:w1, s0:s1].reshape(h1 - h0, w1 - w0, b * c)
        _along_rows(bt[:, h0 - top : h1 - top], inside, d[:, w0 - left : w1 - left])
        v = tiles(side, side, t, b * c)
        row, column, item = d.strides
        windows = as_strided(d, (side, t, side, b * c), (row, TILE * column, column, item))
        np.matmul(bt, windows, out=v.transpose(0, 2, 1, 3))
        return v.reshape(side * side, t * b, c)

    return of
