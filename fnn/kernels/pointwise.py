"""Element-wise work and pooling at the speed of memory: blocks that fit the cache, in threads.

Arrays may have any number of axes; they are worked on as rows, in the order in which they lie in
memory.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fnn.kernels import aligned
from fnn.kernels.threads import share, split
from fnn.layers.layer import Array

BLOCK = 1 << 18  # numbers a thread works on at once: shorter calls wait for Python's lock
GELU = 1 << 16  # the same where each number takes long
FLAT = 1e4  # x^2 from which on tanh is 1 or -1 to the last bit
GELU_K, GELU_A = math.sqrt(2 / math.pi), 0.044715
RUN = 8192  # the longest run of numbers that a vector of channels is repeated to


class Part(NamedTuple):
    """Rows and columns of what pooling gives."""

    rows: slice
    columns: slice


def relu(x: Array) -> Array:
    """max(x, 0), laid out as x."""
    y = aligned.empty_like(x)
    source, target = (_in_order(a, aligned.axes(x)) for a in (x, y))
    zeros = np.zeros(source.shape[1], x.dtype)  # twice as fast as the number 0

    def work(queue: Iterator[tuple[int, int]]) -> None:
        for i, j in queue:
            np.maximum(source[i:j], zeros, out=target[i:j])

    share(work, row_blocks(source))
    return y


def relu_vjp(y: Array, dy: Array) -> Array:
    """dy where y > 0, else 0; laid out as y."""
    dx = aligned.empty_like(y)
    if dy.strides != y.strides:
        np.multiply(dy, y > 0, out=dx)
        return dx
    order = aligned.axes(y)
    outputs, above, below = (_in_order(a, order) for a in (y, dy, dx))
    blocks = row_blocks(outputs)

    def work(queue: Iterator[tuple[int, int]]) -> None:
        mask = aligned.empty((longest(blocks), outputs.shape[1]), bool)
        for i, j in queue:
            positive = np.greater(outputs[i:j], 0, out=mask[: j - i])
            np.multiply(above[i:j], positive, out=below[i:j])

    share(work, blocks)
    return dx


def gelu(x: Array) -> Array:
    """x times a smooth step from 0 to 1 (see `fnn.gelu`), laid out as x."""
    y = aligned.empty_like(x)
    order = aligned.axes(x)
    source, target = (_in_order(a, order) for a in (x, y))
    blocks = row_blocks(source, GELU)

    def work(queue: Iterator[tuple[int, int]]) -> None:
        scratch = aligned.empty((longest(blocks), source.shape[1]), x.dtype)
        for i, j in queue:
            t = _tanh_of_cubic(source[i:j], scratch[: j - i])
            t += 1
            t *= source[i:j]
            np.multiply(t, 0.5, out=target[i:j])

    share(work, blocks)
    return y


def gelu_and_slope(x: Array) -> tuple[Array, Array]:
    """`gelu`, and its derivative at x, both laid out as x: a tanh serves for both."""
    y, dydx = aligned.empty_like(x), aligned.empty_like(x)
    order = aligned.axes(x)
    source, target, slopes = (_in_order(a, order) for a in (x, y, dydx))
    blocks = row_blocks(source, GELU)

    def work(queue: Iterator[tuple[int, int]]) -> None:
        scratch = aligned.empty((2, longest(blocks), source.shape[1]), x.dtype)
        for i, j in queue:
            part, slope, (first, square) = source[i:j], slopes[i:j], scratch[:, : j - i]
            t = _tanh_of_cubic(part, first)
            # 1/2 (1 + t) + 1/2 x (1 - t^2) k (1 + 3 a x^2)
            np.multiply(part, part, out=square)
            np.minimum(square, FLAT, out=square)  # else 0 times infinity, where t^2 is 1
            square *= 1.5 * GELU_A * GELU_K
            square += 0.5 * GELU_K
            square *= part
            np.multiply(t, t, out=slope)
            np.subtract(1, slope, out=slope)
            slope *= square
            t += 1
            t *= 0.5
            slope += t
            np.multiply(t, part, out=target[i:j])

    share(work, blocks)
    return y, dydx


def times(a: Array, b: Array) -> Array:
    """a * b, laid out as a."""
    y = aligned.empty_like(a)
    left, right, target = (_in_order(part, aligned.axes(a)) for part in (a, b, y))

    def work(queue: Iterator[tuple[int, int]]) -> None:
        for i, j in queue:
            np.multiply(left[i:j], right[i:j], out=target[i:j])

    share(work, row_blocks(left))
    return y


def _tanh_of_cubic(x: Array, out: Array) -> Array:
    """tanh(k (x + a x^3))."""
    np.multiply(x, x, out=out)
    out *= GELU_A * GELU_K
    out += GELU_K
    out *= x
    return np.tanh(out, out=out)


def _in_order(a: Array, axes: list[int]) -> Array:
    """`runs` of an array with its axes in that order; a view where they lie so in memory."""
    return runs(np.ascontiguousarray(a.transpose(axes)))


def runs(x: Array) -> Array:
    """Contiguous (..., C) as (rows, run): a run is whole pixels, of at most RUN numbers."""
    *places, c = x.shape
    pixels = math.prod(places)
    each = next((d for d in range(RUN // max(1, c), 0, -1) if pixels % d == 0), 1)
    return x.reshape(pixels // each, each * c)


def repeated(v: Array, rows: Array) -> Array:
    """A vector of channels (C,), as long as the rows that `runs` made.

    NumPy multiplies by one long vector five times as fast as by C numbers again and again.
    """
    return np.tile(v.astype(rows.dtype), rows.shape[1] // len(v))


def row_blocks(rows: Array, block: int = BLOCK) -> list[tuple[int, int]]:
    """Blocks of rows of about `block` numbers; where there are some, an even number of them."""
    parts = max(1, -(-rows.size // block))
    if parts > 1:
        parts += parts % 2
    return split(len(rows), -(-len(rows) // parts))


def longest(blocks: list[tuple[int, int]]) -> int:
    """The most rows in a block."""
    return max((j - i for i, j in blocks), default=0)


def affine(x: Array, a: Array, b: Array) -> Array:
    """x * a + b for contiguous x, (..., C), and a and b, (C,)."""
    y = aligned.empty_like(x)
    source, target = runs(x), runs(y)
    times, plus = repeated(a, source), repeated(b, source)

    def work(queue: Iterator[tuple[int, int]]) -> None:
        for i, j in queue:
            np.multiply(source[i:j], times, out=target[i:j])
            np.add(target[i:j], plus, out=target[i:j])

    share(work, row_blocks(source))
    return y


def add_to_channels(y: Array, b: Array) -> None:
    """Add b, (C,), to a contiguous (..., C) array that the caller has just made."""
    target = runs(y)
    plus = repeated(b, target)

    def work(queue: Iterator[tuple[int, int]]) -> None:
        for i, j in queue:
            np.add(target[i:j], plus, out=target[i:j])

    share(work, row_blocks(target))


def max_pool(x: Array, size: int) -> Array:
    """The largest of each block of size x size pixels of x, (H, W, N, C)."""
    h, w, n, c = x.shape
    y = aligned.empty((h // size, w // size, n, c), x.dtype)

    def work(queue: Iterator[Part]) -> None:
        for part in queue:
            target = y[part.rows, part.columns]
            first, *others = (x[place] for place in _places(part, size))
            # the first two at once: a copy would be one more pass
            np.maximum(first, others[0] if others else first, out=target)
            for other in others[1:]:
                np.maximum(target, other, out=target)

    share(work, _pool_parts(y))
    return y


def max_pool_vjp(x: Array, y: Array, dy: Array, size: int) -> Array:
    """dy wherever x equals its block's largest, else 0."""
    dx = aligned.empty_like(x)
    dx[size * len(y) :] = 0
    dx[:, size * y.shape[1] :] = 0

    def work(queue: Iterator[Part]) -> None:
        for part in queue:
            largest, above = y[part.rows, part.columns], dy[part.rows, part.columns]
            equal = aligned.empty(largest.shape, bool)
            for place in _places(part, size):
                np.equal(x[place], largest, out=equal)
                np.multiply(above, equal, out=dx[place])

    share(work, _pool_parts(y))
    return dx


def _places(part: Part, size: int) -> list[tuple[slice, slice]]:
    """The pixels at each place in the blocks that a part is pooled from."""

    def at(s: slice, k: int) -> slice:
        return slice(size * s.start + k, size * s.stop, size)

    return [(at(part.rows, k), at(part.columns, m)) for k in range(size) for m in range(size)]


def _pool_parts(y: Array) -> list[Part]:
    """Parts of about BLOCK / 2 numbers: several rows, or one and some of its columns."""
    h, w, n, c = y.shape
    room = max(1, BLOCK // max(1, 2 * n * c))  # pixels
    columns = split(w, room)
    rows = split(h, max(1, room // w))
    return [Part(slice(*i), slice(*j)) for i in rows for j in columns]
