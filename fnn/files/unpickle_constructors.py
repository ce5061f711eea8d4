"""What a pickle may call: checked replacements for constructors of NumPy and Python.

A pickle names functions and has them called. It can name only those in `ALLOWED`, and each of them
accepts only the arguments found in pickles of plain data. Others raise InputError, or the
ValueError, TypeError or OverflowError of the conversion inside.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fnn.arrays import Array
from fnn.errors import InputError

# bool, signed, unsigned, float, bytes, str; f12 and f16 are the long double of some machines;
# NumPy 2.0 takes U999999999 as an element of negative size
_CODE = re.compile(r"([<>|=]?)(b1|[iu][1248]|f(?:2|4|8|12|16)|[SU][1-9][0-9]{0,6})")


@dataclass(slots=True)
class Kind:
    """A dtype under construction: its byte order may come after other parts refer to it.

    Changing the real dtype of an array would let the array read outside its memory.
    """

    code: str
    order: str


def _text(value: Any) -> str:  # Python 2 writes a short name as bytes, Python 3 as str
    if type(value) not in (bytes, str) or len(value) > 100:
        raise InputError(f"is damaged: a {type(value).__name__} where a short name is expected")
    return value if type(value) is str else str(value, "latin1")


def _array(raw: Any, kind: Any, shape: Any, fortran: bool) -> Array:
    """The read-only array over `raw`, which must be bytes of just the length that it needs."""
    if type(kind) is not Kind or type(shape) is not tuple:
        raise InputError("is damaged: an array without a dtype or a shape")
    if type(raw) not in (bytes, bytearray):
        raise InputError(f"refused: an array's elements are a {type(raw).__name__}, not bytes")
    if len(shape) > 32 or any(type(n) is not int or not 0 <= n < 2**40 for n in shape):
        raise InputError("is damaged: an array's shape must be at most 32 sizes of 0 or more")
    dtype = np.dtype(("=" if kind.order == "|" else kind.order) + kind.code)
    if (needed := math.prod(shape) * dtype.itemsize) != len(raw):
        what = f"an array of shape {shape} and dtype {dtype}"
        raise InputError(f"{what} needs {needed} bytes, but {len(raw)} are there")
    made: Array = np.ndarray(shape, dtype, raw, 0, None, "F" if fortran else "C")
    made.flags.writeable = False
    return made


def set_state(target: object, state: Any) -> None:
    """What `__setstate__` does for ndarray and dtype; no other `target` may take a state.

    An array's state is ([version,] shape, dtype, is_fortran, bytes), a dtype's
    (version, order, subdtype, names, fields, itemsize, alignment, flags[, metadata]).
    """
    if type(target) is np.ndarray and type(state) is tuple and len(state) in (4, 5):
        shape, kind, fortran, raw = state[-4:]
        checked = _array(raw, kind, shape, False)
        checked_state: Any = (1, shape, checked.dtype, bool(fortran), bytes(raw))
        target.__setstate__(checked_state)
        # NumPy may use the memory of `raw`, which other parts of the result may share
        target.flags.writeable = False
    elif type(target) is Kind and type(state) is tuple and 5 <= len(state) <= 9:
        if any(part is not None for part in state[2:5]):
            raise InputError("refused: elements of a structured dtype")
        if (order := _text(state[1])) not in ("<", ">", "|", "="):
            raise InputError("is damaged: a dtype without a byte order")
        target.order = order
    else:
        raise InputError(f"refused: the state of a {type(target).__name__}")


def key(value: Any) -> Any:
    """`value`, if it may be a dict key or a set element: a short plain value.

    Hashing a tuple of tuples may take forever, and so may comparing long equal keys; integers from
    2**61 on are easily made to collide.
    """
    kind = type(value)
    small = kind is int and abs(value) < 2**60
    short = kind in (bytes, str) and len(value) <= 1000
    if value is None or kind in (bool, float) or small or short:
        return value
    raise InputError(f"refused: a {kind.__name__} as a key; expected a short string or number")


def _dtype(code: object, align: object = 0, copy: object = 0) -> Kind:
    # objects, structures, dates and complex numbers are not pixels
    if (match := _CODE.fullmatch(_text(code))) is None:
        found = f"elements of dtype {code!r:.50}"
        raise InputError(f"refused: {found}; expected bool, integer, float or text")
    return Kind(match[2], match[1] or "=")


def _ndarray(*args: object) -> Array:  # pickles only pass the class to _reconstruct
    raise InputError("refused: a call to numpy.ndarray")


def _reconstruct(cls: object, shape: object, code: object) -> Array:
    if cls is not _ndarray or type(shape) is not tuple or len(shape) != 1:
        raise InputError("refused: an array that does not start as an empty numpy.ndarray")
    return np.ndarray((0,), np.uint8)


def _frombuffer(raw: Any, kind: Any, shape: Any, order: object, axes: Any = None) -> Array:
    made = _array(raw, kind, shape, _text(order) == "F")
    if axes is None or order != "K":
        return made
    # NumPy 2.3 and later give the shape in memory and how to transpose it
    if type(axes) is not tuple or any(type(n) is not int for n in axes):
        raise InputError("is damaged: an array's axes are not a tuple of numbers")
    return made.transpose(axes)


def _scalar(kind: Any, raw: Any) -> Any:
    return _array(raw, kind, (), False)[()]


def _encode(value: str, encoding: object) -> bytes:
    # how Python 3 writes bytes in protocols 0 to 2
    if type(value) is not str or _text(encoding) not in ("latin1", "latin-1"):
        raise InputError("refused: _codecs.encode of anything but a str to latin1")
    return value.encode("latin1")


def _bytes() -> bytes:
    return b""


def _bytearray(raw: bytes = b"") -> bytearray:
    if type(raw) is not bytes:  # bytearray(10**10) would be 10 GB
        raise InputError("refused: a bytearray of anything but bytes")
    return bytearray(raw)


def _complex(real: float, imaginary: float) -> complex:
    if type(real) is not float or type(imaginary) is not float:
        raise InputError("refused: a complex number of anything but two floats")
    return complex(real, imaginary)


def _set(items: Iterable[Any]) -> set[Any]:
    if type(items) is not list:
        raise InputError("refused: a set of anything but a list")
    return set(map(key, items))


def _frozenset(items: Iterable[Any]) -> frozenset[Any]:
    return frozenset(_set(items))


# NumPy 2 renamed numpy.core; Python 3 renamed __builtin__
ALLOWED: dict[str, Callable[..., Any]] = {
    "numpy.dtype": _dtype,
    "numpy.ndarray": _ndarray,
    "_codecs.encode": _encode,
    **{f"numpy.{c}.multiarray._reconstruct": _reconstruct for c in ("core", "_core")},
    **{f"numpy.{c}.multiarray.scalar": _scalar for c in ("core", "_core")},
    **{f"numpy.{c}.numeric._frombuffer": _frombuffer for c in ("core", "_core")},
    **{
        f"{module}.{function.__name__[1:]}": function
        for module in ("__builtin__", "builtins")
        for function in (_bytes, _bytearray, _complex, _set, _frozenset)
    },
}
