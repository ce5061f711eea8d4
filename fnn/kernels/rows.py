"""Element-wise work at the speed of memory: blocks that fit the cache, shared among threads.

An array of any shape is processed as rows of up to RUN numbers, in the order in which it lies in
memory. A block is some of the rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from fnn.arrays import Array
from fnn.kernels import memory
from fnn.kernels.threads import longest, share, split

BLOCK = 1 << 18  # numbers in a block: shorter calls wait for Python's lock
RUN = 8192  # numbers in a row at most


def each_block(
    f: Callable[..., Any],
    rows: Sequence[Array],
    scratch: Sequence[DTypeLike] = (),
    block: int | None = None,
) -> None:
    """Call f(number, *parts, *scratch) for each block of rows, in several threads.

    `rows` are arrays (R, L), which are cut into parts, and vectors (L,), which every call is given
    whole. Each thread has scratch arrays of these types, as large as a part.
    """
    blocks = row_blocks(rows[0], block)

    def work(queue: Iterator[tuple[int, tuple[int, int]]]) -> None:
        own = [memory.empty((longest(blocks), rows[0].shape[1]), dtype) for dtype in scratch]
        for number, (i, j) in queue:
            parts = [r[i:j] if r.ndim == 2 else r for r in rows]
            f(number, *parts, *(s[: j - i] for s in own))

    share(work, list(enumerate(blocks)))


def blockwise(
    f: Callable[..., Any],
    *arrays: Array,
    results: int = 1,
    scratch: Sequence[DTypeLike] = (),
    block: int | None = None,
) -> list[Array]:
    """The `results` that an element-wise f(*parts, *scratch, out=tuple) fills, block by block.

    `arrays` have the shape of the first, whose type and memory order the results have; or they are
    a single number, (1,). (A row of that number is twice as fast as the number itself.)

    >>> blockwise(np.maximum, np.array([[-1.0, 2.0]]), np.zeros(1))
    [array([[0., 2.]])]
    """
    n, like = len(arrays), arrays[0]
    order = memory.axes(like)

    def in_order(a: Array) -> Array:
        return runs(np.ascontiguousarray(a.transpose(order)))  # a view where it lies so in memory

    def call(number: int, *parts: Array) -> None:
        f(*parts[:n], *parts[n + results :], out=parts[n : n + results])

    made = [memory.empty_like(like) for _ in range(results)]
    first = in_order(like)
    others = (
        in_order(a) if a.shape == like.shape else np.repeat(a, first.shape[1])
        for a in (*arrays[1:], *made)
    )
    each_block(call, [first, *others], scratch, block)
    return made


def keep(mask: Array, a: Array, out: Array) -> None:
    """Fill `out` with a where the mask is True and with 0 elsewhere, even where a is not finite.

    The bits are multiplied as integers by 0 or 1: as fast as floats, and 0 times infinity is 0.
    """
    bits = np.dtype(f"i{a.itemsize}")
    np.multiply(a.view(bits), mask, out=out.view(bits))


def spread_nan(source: Array, out: Array) -> None:
    """Make `out` NaN where the source is NaN; without any, that is one pass over the source."""
    if source.size and np.isnan(source.max()):
        np.copyto(out, source, where=np.isnan(source))


def where(mask: Array, a: Array) -> Array:
    """A new array of a where the mask is True, and of 0 elsewhere, laid out as the mask."""
    out = np.empty_like(mask, a.dtype)
    keep(mask, a, out)
    return out


def affine(x: Array, a: Array, b: Array) -> Array:
    """x * a + b for contiguous x, (..., C), and a and b, (C,)."""
    y = memory.empty_like(x)
    source = runs(x)

    def f(number: int, x: Array, a: Array, b: Array, y: Array) -> None:
        np.multiply(x, a, out=y)
        np.add(y, b, out=y)

    each_block(f, [source, repeated(a, source), repeated(b, source), runs(y)])
    return y


def add_to_channels(y: Array, b: Array) -> None:
    """Add b, (C,), to a contiguous (..., C) array that the caller has just made."""
    target = runs(y)
    each_block(lambda number, y, b: np.add(y, b, out=y), [target, repeated(b, target)])


def runs(x: Array) -> Array:
    """Contiguous (..., C) as (rows, run): a run is whole pixels, at most RUN numbers if possible.

    >>> runs(np.zeros((3000, 5, 4))).shape, runs(np.zeros((2, 9000))).shape
    ((8, 7500), (2, 9000))
    """
    *places, c = x.shape
    pixels = math.prod(places)
    most = min(RUN // max(1, c), pixels)
    each = next((d for d in range(most, 0, -1) if pixels % d == 0), 1)
    return x.reshape(pixels // each, each * c)


def repeated(v: Array, rows: Array) -> Array:
    """A vector of channels, (C,), as long as the rows that `runs` made.

    NumPy multiplies by one long vector five times as fast as by C numbers repeatedly.
    """
    return np.tile(v.astype(rows.dtype), rows.shape[1] // len(v))


def row_blocks(rows: Array, block: int | None = None) -> list[tuple[int, int]]:
    """Blocks of about `block` (or BLOCK) numbers: an even number of them, if more than one."""
    parts = max(1, -(-rows.size // (block or BLOCK)))
    parts += parts % 2 if parts > 1 else 0
    return split(len(rows), -(-len(rows) // parts))
