"""Max pooling of blocks of pixels, and its gradient, on arrays (H, W, N, C)."""

from collections.abc import Iterator
from itertools import product
from typing import TypeAlias

import numpy as np

from fnn.arrays import Array
from fnn.kernels import memory, rows
from fnn.kernels.threads import share, split

Part: TypeAlias = tuple[slice, slice]  # rows and columns of the pooled image


def max_pool(x: Array, size: int) -> Array:
    """The largest of each block of size x size pixels of x, (H, W, N, C)."""
    h, w, n, c = x.shape
    y = memory.empty((h // size, w // size, n, c), x.dtype)

    def work(queue: Iterator[Part]) -> None:
        for part in queue:
            target = y[part]
            first, *others = (x[place] for place in _places(part, size))
            # the first two at once: a copy would be one more pass
            np.maximum(first, others[0] if others else first, out=target)
            for other in others[1:]:
                np.maximum(target, other, out=target)

    share(work, _parts(y))
    return y


def max_pool_vjp(x: Array, y: Array, dy: Array, size: int) -> Array:
    """dy wherever x equals the largest of its block, NaN where it is NaN, else 0."""
    dx = memory.empty_like(x)
    dx[size * len(y) :] = 0
    dx[:, size * y.shape[1] :] = 0

    def work(queue: Iterator[Part]) -> None:
        for part in queue:
            equal = memory.empty(y[part].shape, bool)
            for place in _places(part, size):
                np.equal(x[place], y[part], out=equal)
                rows.keep(equal, dy[part], dx[place])
                rows.spread_nan(x[place], dx[place])

    share(work, _parts(y))
    return dx


def _places(part: Part, size: int) -> Iterator[Part]:
    """For each place in a block: that pixel of every block in the part."""
    of_rows, of_columns = (
        [slice(size * s.start + k, size * s.stop, size) for k in range(size)] for s in part
    )
    return product(of_rows, of_columns)


def _parts(y: Array) -> list[Part]:
    """Parts of about BLOCK / 2 numbers: several rows, or one row and some of its columns."""
    h, w, n, c = y.shape
    room = max(1, rows.BLOCK // max(1, 2 * n * c))  # pixels
    lines, columns = split(h, max(1, room // w)), split(w, room)
    return [(slice(*i), slice(*j)) for i, j in product(lines, columns)]
