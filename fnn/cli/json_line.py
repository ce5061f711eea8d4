"""Results as JSON (RFC 8259) for other programs: a line for each."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np


def json_line(value: Any) -> str:
    """A value of dicts, sequences, texts, numbers and arrays as one line of ASCII.

    Numbers have all their digits. NaN and infinity, which JSON lacks, are null. A byte of a file's
    name that is no text is an escaped surrogate, as in Python's own names (PEP 383).

    >>> json_line({"loss": np.float64("nan"), "counts": np.eye(2, dtype=int), "file": "a\\nb"})
    '{"loss": null, "counts": [[1, 0], [0, 1]], "file": "a\\\\nb"}'
    """
    return json.dumps(_plain(value), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
