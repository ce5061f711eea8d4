"""How images lie in memory: the axes H, W, N, C, so that a row of pixels of the whole batch is one
contiguous slab.

Whoever holds images sees (N, H, W, C), a transposed view of that. NumPy's element-wise functions
keep the order by themselves, and convolution, pooling and normalisation become operations on long
slabs (see README, "How it is fast").
"""

import numpy as np

from fnn.layers.layer import Array


def hwnc(x: Array) -> Array:
    """Images (N, H, W, C) as a contiguous (H, W, N, C) array; copies only from another order."""
    return np.ascontiguousarray(x.transpose(1, 2, 0, 3))


def nhwc(a: Array) -> Array:
    """A (H, W, N, C) array as images (N, H, W, C); a view."""
    return a.transpose(2, 0, 1, 3)
