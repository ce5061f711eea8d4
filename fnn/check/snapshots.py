"""Arguments and results as they were."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnn.arrays import Array


def arrays(value: Any) -> list[Array]:
    """The arrays in dicts, lists, tuples and the attributes of objects."""
    if isinstance(value, np.ndarray):
        return [value]
    return [a for part in _parts(value) for a in arrays(part)]


def snapshot(value: Any) -> Any:
    """A copy that later changes to `value` do not affect; of a function, only the type."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.flags.writeable, value.tobytes()
    if isinstance(value, dict):
        return type(value), tuple((k, snapshot(v)) for k, v in value.items())
    if isinstance(value, int | float | complex | str | bytes | np.generic | None):
        return type(value), repr(value)
    return type(value), tuple(snapshot(part) for part in _parts(value))


def frozen(value: Any) -> Any:
    """The value, with its arrays made read-only."""
    for a in arrays(value):
        a.flags.writeable = False
    return value


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, tuple | list):
        return list(value)
    return [] if callable(value) else list(getattr(value, "__dict__", {}).values())
