"""Products of two matrices; threads share large ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fnn.arrays import Array
from fnn.kernels.threads import cut, share

# Multiply-adds. Below SMALL, a thread takes longer to start than it saves. A product is cut into
# parts of rows: two, and beyond 2 PART more of them, MOST at most. The first is larger by AHEAD,
# which is done when the second thread has started.
SMALL, PART, MOST, AHEAD = 1 << 24, 1 << 28, 16, 1 << 22


def product(a: Array, b: Array) -> Array:
    """a @ b for matrices (n, m) and (m, k); how it is cut depends on n, m and k alone."""
    (n, m), k = a.shape, b.shape[1]
    total = n * m * k
    if total < SMALL:
        return np.asarray(a @ b)
    y = np.empty((n, k), np.result_type(a, b))
    ahead = min(AHEAD // (m * k), n // 2)
    parts = cut(n - ahead, min(MOST, max(2, 2 * (total // (2 * PART)))))

    def work(queue: Iterator[tuple[int, int]]) -> None:
        for i, j in queue:
            np.matmul(a[i:j], b, out=y[i:j])

    share(work, [(i + ahead if i else 0, j + ahead) for i, j in parts])
    return y
