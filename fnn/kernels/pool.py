"""Max pooling of blocks of pixels, and its gradient, on arrays (H, W, N, C)."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fnn.arrays import Array
from fnn.kernels import memory, rows
from fnn.kernels.threads import share, split


class Part(NamedTuple):
    """Rows and columns of the pooled image."""

    rows: slice
    columns: slice


def max_pool(x: Array, size: int) -> Array:
    """The largest of each block of size x size pixels of x, (H, W, N, C)."""
    h, w, n, c = x.shape
    y = memory.empty((h // size, w // size, n, c), x.dtype)

    def work(queue: Iterator[Part]) -> None:
        for part in queue:
            target = y[part.rows, part.columns]
            first, *others = (x[place] for place in _places(part, size))
            # the first two at once: a copy would be one more pass
            np.maximum(first, others[0] if others else first, out=target)
            for other in others[1:]:
                np.maximum(target, other, out=target)

    share(work, _parts(y))
    return y


def max_pool_vjp(x: Array, y: Array, dy: Array, size: int) -> Array:
    """dy wherever x equals the largest of its block, else 0."""
    dx = memory.empty_like(x)
    dx[size * len(y) :] = 0
    dx[:, size * y.shape[1] :] = 0

    def work(queue: Iterator[Part]) -> None:
        for part in queue:
            largest, above = y[part.rows, part.columns], dy[part.rows, part.columns]
            equal = memory.empty(largest.shape, bool)
            for place in _places(part, size):
                np.equal(x[place], largest, out=equal)
                np.multiply(above, equal, out=dx[place])

    share(work, _parts(y))
    return dx


def _places(part: Part, size: int) -> list[tuple[slice, slice]]:
    """For each place in a block: that pixel of every block in the part."""

    def at(s: slice, k: int) -> slice:
        return slice(size * s.start + k, size * s.stop, size)

    return [(at(part.rows, k), at(part.columns, m)) for k in range(size) for m in range(size)]


def _parts(y: Array) -> list[Part]:
    """Parts of about BLOCK / 2 numbers: several rows, or one row and some of its columns."""
    h, w, n, c = y.shape
    room = max(1, rows.BLOCK // max(1, 2 * n * c))  # pixels
    columns = split(w, room)
    lines = split(h, max(1, room // w))
    return [Part(slice(*i), slice(*j)) for i in lines for j in columns]
