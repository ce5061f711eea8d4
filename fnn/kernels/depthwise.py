"""Convolution in which each filter sees one channel: at the speed of the cache.

A product of matrices has nothing to sum up here. Each place in the filter is the image, shifted,
times a row of weights, one for each channel; the outputs of a block stay in the cache while these
are added up. The filters w are (height, width, 1, K), and filter k sees channel k // (K / C).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

from fnn.arrays import Array
from fnn.kernels import memory
from fnn.kernels.threads import cut, share, split
from fnn.kernels.window import Pair, Window, places, taps

BLOCK = 1 << 19  # numbers in a block: shorter calls wait for Python's lock
SMALL = 1 << 17  # numbers for which a second thread does not pay off
RUN = 1 << 14  # numbers that one row of weights, repeated, is for


def forward(x: Array, w: Array, at: Window) -> Array:
    """The convolution of x, (H, W, N, C), with w: y, (H', W', N, K)."""
    x = np.repeat(x, w.shape[3] // x.shape[3], axis=3) if w.shape[3] > x.shape[3] else x
    return _gathered(x, w, places(at, x.shape), at, back=False)


def grad_x(dy: Array, w: Array, shape: tuple[int, ...], at: Window) -> Array:
    """The gradient of x, of `shape` (H, W, N, C), for dy, (H', W', N, K)."""
    dx = _gathered(dy, w, (shape[0], shape[1]), at, back=True)
    if w.shape[3] > shape[3]:
        dx = dx.reshape(*shape, w.shape[3] // shape[3]).sum(axis=4)
    return dx


def grad_w(x: Array, dy: Array, at: Window) -> Array:
    """The gradient of w for x, (H, W, N, C), and dy, (H', W', N, K)."""
    n, k = dy.shape[2:]
    x = np.repeat(x, k // x.shape[3], axis=3) if k > x.shape[3] else x
    d, pixels = _flat(dy), _flat(x)
    blocks = _blocks(d)
    sums = np.zeros((len(blocks), math.prod(at.size), k))

    def work(queue: Iterator[tuple[int, tuple[Pair, Pair]]]) -> None:
        scratch, ones = _scratch(blocks, d), np.ones(_largest(blocks) * n, d.dtype)
        for number, block in queue:
            for tap, out, seen in taps(at, block, ((0, len(x)), (0, x.shape[1]))):
                t = scratch(pixels[seen].shape)
                np.multiply(pixels[seen], d[out], out=t)
                values = t.reshape(-1, k)
                sums[number, tap] = np.dot(ones[: len(values)], values)

    share(work, list(enumerate(blocks)))
    dw: Array = sums.sum(axis=0).astype(x.dtype)
    return dw.reshape(*at.size, 1, k)


def _gathered(a: Array, w: Array, sides: Pair, at: Window, back: bool) -> Array:
    """The sum over all places in the filter: outputs for pixels, or, if `back`, pixels for outputs.

    What a number is the sum of, and in which order, does not depend on the blocks.
    """
    n, k = a.shape[2:]
    result = memory.empty((*sides, n, k), a.dtype)
    source, target = _flat(a), _flat(result)
    blocks = _blocks(target)
    whole = ((0, len(a)), (0, a.shape[1]))
    columns = max((b[1][1] - b[1][0] for b in blocks), default=0)
    repeat = columns if columns * n * k <= RUN else 1
    rows = [np.tile(row.astype(a.dtype), repeat * n) for row in w.reshape(-1, k)]
    weights = [row.reshape(repeat, n * k) for row in rows]

    def work(queue: Iterator[tuple[Pair, Pair]]) -> None:
        scratch = _scratch(blocks, target)
        for block in queue:
            target[tuple(slice(*side) for side in block)] = 0
            limits = (whole, block) if back else (block, whole)
            for tap, out, seen in taps(at, *limits):
                here, there = (seen, out) if back else (out, seen)
                t = scratch(source[there].shape)
                np.multiply(source[there], weights[tap][: t.shape[1]], out=t)
                target[here] += t

    share(work, blocks)
    return result


def _flat(a: Array) -> Array:
    """(H, W, N, C) as (H, W, N * C)."""
    return a.reshape(*a.shape[:2], math.prod(a.shape[2:]))


def _blocks(a: Array) -> list[tuple[Pair, Pair]]:
    """Parts of a, (H, W, L), of about BLOCK numbers: rows and columns."""
    h, w, length = a.shape
    repeats = RUN // max(1, length)
    columns = split(w, repeats if repeats > 1 else w)
    parts = max(1, -(-a.size // BLOCK))
    if a.size > SMALL:  # so that two threads end together
        parts = max(2, parts + parts % 2)
    return list(product(cut(h, max(1, min(h, -(-parts // max(1, len(columns)))))), columns))


def _largest(blocks: list[tuple[Pair, Pair]]) -> int:
    """The most pixels in a block."""
    return max((math.prod(stop - start for start, stop in block) for block in blocks), default=0)


def _scratch(blocks: list[tuple[Pair, Pair]], a: Array) -> Callable[[tuple[int, ...]], Array]:
    """Memory for a part of a block of a, as a function of its shape."""
    flat = memory.empty((_largest(blocks) * a.shape[2],), a.dtype)
    return lambda shape: flat[: math.prod(shape)].reshape(shape)
