"""Do loaded parameters fit a network? It is compared with a fresh one, which takes no memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fnn import keys
from fnn.arrays import Array, Shape
from fnn.keys import Key
from fnn.layers.initializers import Initializer


def without_memory(limit: int) -> Initializer:
    """Parameters that take no memory; ValueError for more than `limit` in one leaf."""

    def fill(rng: Key, shape: Shape, fan_in: int, fan_out: int) -> Array:
        if math.prod(shape) > limit:
            raise ValueError("a layer would have more parameters than the file has room for")
        return np.broadcast_to(np.float32(0), shape)

    return Initializer(fill, fill)


def fitting(fresh: Any, loaded: Any) -> Any:
    """A leaf that was loaded; ValueError unless it is finite, of the fresh one's shape and type.

    A key may have any length: each network of an ensemble was trained with a key of its own.
    """
    if isinstance(fresh, tuple) and isinstance(loaded, tuple):
        return keys.path(loaded)
    expected, found = (
        f"shape {np.shape(a)} and type {np.asarray(a).dtype}" for a in (fresh, loaded)
    )
    if found != expected:
        raise ValueError(f"expected {expected}, found {found}")
    if not np.isfinite(loaded).all():
        raise ValueError("some numbers are not finite: the training diverged")
    return loaded
