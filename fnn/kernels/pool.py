"""Max pooling of blocks of pixels or of any windows, and its gradient, on arrays (H, W, N, C)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from fnn.arrays import Array
from fnn.kernels import memory, rows
from fnn.kernels.threads import share, split
from fnn.kernels.window import Pair, Part, Window, places, taps


def max_pool(x: Array, size: Pair) -> Array:
    """The largest of each block of pixels of x, (H, W, N, C), side by side."""
    h, w, n, c = x.shape
    y = memory.empty((h // size[0], w // size[1], n, c), x.dtype)

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


def max_pool_vjp(x: Array, y: Array, dy: Array, size: Pair) -> Array:
    """dy wherever x equals the largest of its block, NaN where it is NaN, else 0."""
    dx = memory.empty_like(x)
    dx[size[0] * len(y) :] = 0
    dx[:, size[1] * y.shape[1] :] = 0

    def work(queue: Iterator[Part]) -> None:
        for part in queue:
            equal = memory.empty(y[part].shape, bool)
            for place in _places(part, size):
                np.equal(x[place], y[part], out=equal)
                rows.keep(equal, dy[part], dx[place])
                rows.spread_nan(x[place], dx[place])

    share(work, _parts(y))
    return dx


def max_windows(x: Array, at: Window) -> Array:
    """The largest of each window on x, (H, W, N, C); outside the image nothing is large."""
    y = memory.empty((*places(at, x.shape), *x.shape[2:]), x.dtype)
    whole = ((0, len(x)), (0, x.shape[1]))

    def work(queue: Iterator[Part]) -> None:
        for part in queue:
            y[part] = -np.inf
            for _, out, seen in taps(at, _limits(part), whole):
                np.maximum(y[out], x[seen], out=y[out])

    share(work, _parts(y))
    return y


def max_windows_vjp(x: Array, y: Array, dy: Array, at: Window) -> Array:
    """The sum of dy over all windows whose largest x equals, NaN where that is NaN."""
    dx = memory.empty_like(x)
    whole = ((0, len(y)), (0, y.shape[1]))
    parts = _parts(x, 4)
    room = max((x[part].size for part in parts), default=0)

    def work(queue: Iterator[Part]) -> None:
        equal, passed = memory.empty((room,), bool), memory.empty((room,), x.dtype)
        for part in queue:
            dx[part] = 0
            unknown = x[part].size and np.isnan(x[part].max())
            for _, out, seen in taps(at, whole, _limits(part)):
                shape = y[out].shape
                is_it, found = (a[: y[out].size].reshape(shape) for a in (equal, passed))
                np.equal(x[seen], y[out], out=is_it)
                rows.keep(is_it, dy[out], found)
                if unknown:
                    rows.spread_nan(x[seen], found)
                dx[seen] += found

    share(work, parts)
    return dx


def _limits(part: Part) -> tuple[Pair, Pair]:
    (i, j) = part
    return (i.start, i.stop), (j.start, j.stop)


def _places(part: Part, size: Pair) -> Iterator[Part]:
    """For each place in a block: that pixel of every block in the part."""
    of_rows, of_columns = (
        [slice(side * s.start + k, side * s.stop, side) for k in range(side)]
        for side, s in zip(size, part, strict=True)
    )
    return product(of_rows, of_columns)


def _parts(y: Array, blocks: float = 0.5) -> list[Part]:
    """Parts of about BLOCK / 2 numbers: several rows, or one row and some of its columns."""
    h, w, n, c = y.shape
    room = max(1, int(blocks * rows.BLOCK) // max(1, n * c))  # pixels
    lines, columns = split(h, max(1, room // w)), split(w, room)
    return [(slice(*i), slice(*j)) for i, j in product(lines, columns)]
