"""Safe unpickling: the result is plain data, or an error of one line that says why not."""

from __future__ import annotations

import os
import pickle
from typing import Any

import numpy as np

from fnn.errors import InputError
from fnn.files.read import read_bytes
from fnn.files.unpickle_opcodes import ONLY, Reader

DEPTH = 64  # the deepest nesting of lists, tuples, dicts and sets

_PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes, bytearray})
_HOLDERS = frozenset({list, tuple, dict, set, frozenset})


def safe_load(source: str | os.PathLike[str] | bytes, name: str | None = None) -> Any:
    """The value of the pickle in a file, or in `source` itself if it is bytes.

    Protocols 0 to 5. A Python 2 str becomes bytes, as with `pickle.load(..., encoding="bytes")`.
    Arrays have bool, integer, float, bytes or str elements and are read-only. Everything else,
    data after the pickle too, raises InputError, which begins with `name` (default: the path).
    Memory is at most 64 MiB plus 40 times the file's size (2 to 4 times for a single array), and
    time is proportional to its size, whatever the file says.

    >>> safe_load(pickle.dumps({"labels": [3, 1]}))
    {'labels': [3, 1]}
    >>> safe_load(b"cos\\nsystem\\n(S'ls'\\ntR.")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    fnn.errors.InputError: pickle: refused: os.system; only NumPy arrays, ... are allowed
    """
    if isinstance(source, bytes):
        data, name = source, name or "pickle"
    else:
        data, name = read_bytes(source), name or str(source)
    try:
        return parse_pickle(data)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def parse_pickle(data: bytes) -> Any:
    """Like `safe_load` of bytes, but errors do not begin with a name."""
    if not data:
        raise InputError("is empty")
    if data[0] >= 0x80 and data[:1] != pickle.PROTO:
        raise InputError(f"is not a pickle: it begins with {data[:4]!r}")
    reader = Reader(data)
    try:
        value = reader.load()
        weight, _ = _weigh(value, {}, 0)
    except InputError:
        raise
    except MemoryError:
        raise InputError("needs more memory than is available") from None
    except Exception:  # pickle does not document all that a damaged file raises
        if (at := reader.file.tell()) >= len(data):
            raise InputError("is truncated: it ends in the middle of the pickle") from None
        raise InputError(f"is not a pickle, or damaged before byte {at}") from None
    if (more := len(data) - reader.file.tell()) > 0:
        raise InputError(f"is damaged: {more} bytes follow its end")
    if weight > (1 << 20) + 2 * len(data):
        raise InputError("refused: it repeats its parts to become much larger than its file")
    return value


def _weigh(value: Any, seen: dict[int, tuple[int, int]], depth: int) -> tuple[int, int]:
    """How many elements `value` has when written out, and how deeply it is nested.

    A few lists that hold each other twice can stand for 2**64 elements, so shared parts count
    each time they occur. Raises InputError for anything but plain data.
    """
    kind = type(value)
    if kind is np.ndarray:
        return 1 + int(value.nbytes), 0
    if kind not in _HOLDERS:
        if kind in _PLAIN or issubclass(kind, np.generic):
            return 1, 0
        raise InputError(f"refused: a {kind.__name__} in place of data; {ONLY}")
    if id(value) in seen:
        return seen[id(value)]
    if depth > DEPTH:
        raise InputError(f"refused: nested more than {DEPTH} deep, or in itself")
    items = list(value.values()) if kind is dict else value
    weight, height = 1 + len(items), 0
    if not _PLAIN.issuperset(map(type, items)):
        for item in items:
            more, below = _weigh(item, seen, depth + 1)
            weight, height = weight + more, max(height, below + 1)
    if height > DEPTH:
        raise InputError(f"refused: nested more than {DEPTH} deep")
    seen[id(value)] = weight, height
    return weight, height
