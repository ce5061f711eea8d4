"""What everything stands on: the type of an array, and the order of an image in memory.

Images are (N, H, W, C) to whoever holds them. In memory their axes run H, W, N, C: a row of pixels
of the whole batch is one contiguous run of numbers. (N, H, W, C) is a transposed view of that.
NumPy's element-wise functions keep the order, and convolution, pooling and normalization become
operations on long runs.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn.errors import kind

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]


def check_array(name: str, x: Array, hint: str = "use np.asarray") -> None:
    """Raise TypeError, which begins with `name`, unless `x` is an array."""
    if not isinstance(x, np.ndarray):
        raise TypeError(f"{name}: expected a NumPy array, found {kind(x)}: {hint}")


def check_float(name: str, x: Array) -> None:
    """Raise TypeError, which begins with `name`, unless `x` is an array of float32 or float64."""
    check_array(name, x)
    if x.dtype != np.float32 and x.dtype != np.float64:
        raise TypeError(
            f"{name}: expected float32 or float64 input, found {x.dtype}: "
            "scale images with fnn.to_float, or use x.astype(np.float32)"
        )


def hwnc(x: Array) -> Array:
    """Images (N, H, W, C) as a contiguous (H, W, N, C) array; copies only from another order."""
    return np.ascontiguousarray(x.transpose(1, 2, 0, 3))


def nhwc(a: Array) -> Array:
    """A (H, W, N, C) array as images (N, H, W, C); a view."""
    return a.transpose(2, 0, 1, 3)
