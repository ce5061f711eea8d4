"""Fresh arrays that begin at a cache line, which the element-wise functions write twice as fast.

NumPy's own begin 16 bytes past one, so that every wide store touches two lines: a sum of two
arrays in the cache takes 0.29 ns a number instead of 0.13 (tests/bench/layers.py).
"""

import math

import numpy as np
from numpy.typing import DTypeLike

from fnn.layers.layer import Array

LINE = 64  # bytes


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """np.empty(shape, dtype), whose data begin at a multiple of LINE bytes."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.__array_interface__["data"][0] % LINE
    return memory[start : start + size].view(dtype).reshape(shape)


def empty_like(x: Array) -> Array:
    """np.empty_like(x), aligned so: x's shape, type and order of the axes in memory."""
    order = axes(x)
    made = empty(tuple(x.shape[axis] for axis in order), x.dtype)
    return made.transpose([order.index(axis) for axis in range(x.ndim)])


def axes(x: Array) -> list[int]:
    """The axes of x from the one with the longest steps in memory to the one with the shortest."""
    return sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
