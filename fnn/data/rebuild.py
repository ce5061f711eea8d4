"""What a pickle may ask for: checked stand-ins for the constructors of NumPy and Python.

A pickle names functions and has them called. The table `ALLOWED` is all that ours can name, and
what it finds there are the functions below, never NumPy's own: each accepts just the arguments
that a pickle of plain data holds. Wrong arguments raise InputError, or the ValueError, TypeError
or OverflowError of the conversion inside.
"""

import math
import re
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from fnn.data.dataset import Array
from fnn.errors import InputError

Rebuild: TypeAlias = Callable[[tuple[Any, ...]], Any]

# bool, signed, unsigned, float, bytes, str; f12 and f16 are the long double of some machines;
# NumPy 2.0 takes U999999999 for an element of a negative size
_CODE = re.compile(r"([<>|=]?)(b1|[iu][1248]|f(?:2|4|8|12|16)|[SU][1-9][0-9]{0,6})")
_ORDERS = ("<", ">", "|", "=")


class Kind:
    """A dtype in the making.

    A pickle makes a dtype first, keeps a reference, and states its byte order afterwards. A real
    dtype that changed under an array would let the array read outside its memory.
    """

    __slots__ = ("code", "order")

    def __init__(self, code: str, order: str) -> None:
        self.code, self.order = code, order


def text(value: object) -> str:
    """The str of a short name, which Python 2 writes as bytes and Python 3 as str."""
    if type(value) is bytes and len(value) <= 100:
        return value.decode("latin1")
    if type(value) is str and len(value) <= 100:
        return value
    raise InputError(f"is damaged: a {type(value).__name__} where a short name belongs")


def kind_of(code: str) -> Kind:
    """The kind of elements that `code`, such as "u1", "<f8" or "S5", stands for.

    Objects ("O"), structures ("V8"), dates and complex numbers raise InputError.
    """
    match = _CODE.fullmatch(code)
    if match is None:
        raise InputError(
            f"refused: elements of dtype {ascii(code)[:50]}; bool, integer, float and text are read"
        )
    return Kind(match[2], match[1] or "=")


def _checked(raw: object, kind: object, shape: object) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The dtype and shape of an array, if its elements are just the bytes of `raw`."""
    if type(kind) is not Kind or type(shape) is not tuple:
        raise InputError("an array without a dtype or a shape")
    if type(raw) not in (bytes, bytearray):
        raise InputError(f"an array's elements are a {type(raw).__name__}, not bytes")
    if len(shape) > 32 or any(type(n) is not int or not 0 <= n < 2**40 for n in shape):
        raise InputError("an array's shape is not up to 32 sizes of 0 or more")
    order = "=" if kind.order == "|" else kind.order
    dtype = np.dtype(order + kind.code)
    needed, held = math.prod(shape) * dtype.itemsize, len(raw)  # type: ignore[arg-type]
    if needed != held:
        raise InputError(
            f"an array of shape {shape} and dtype {dtype} has {needed} bytes, but {held} are there"
        )
    return dtype, shape


def array(raw: bytes | bytearray, kind: Kind, shape: tuple[int, ...], fortran: bool) -> Array:
    """The array whose elements are `raw`, in the order of Fortran or of C; it copies nothing.

    `raw` must hold exactly as many bytes as `shape` says: anything else is an InputError.
    """
    dtype, shape = _checked(raw, kind, shape)
    made: Array = np.ndarray(shape, dtype, raw, 0, None, "F" if fortran else "C")
    made.flags.writeable = False
    return made


def set_array(made: Array, state: object) -> None:
    """Give the empty array of `_reconstruct` its contents: what `ndarray.__setstate__` does.

    `state` is ([version,] shape, dtype, is_fortran, bytes).
    """
    if type(state) is not tuple or len(state) not in (4, 5):
        raise InputError("an array's state is not (version, shape, dtype, order, bytes)")
    shape, kind, fortran, raw = state[-4:]
    dtype, shape = _checked(raw, kind, shape)
    if type(raw) is not bytes or type(fortran) not in (bool, int):
        raise InputError("an array's state is not (version, shape, dtype, order, bytes)")
    checked: Any = (1, shape, dtype, bool(fortran), raw)
    made.__setstate__(checked)
    # NumPy may use the memory of `raw`, which other parts of the result may use too
    made.flags.writeable = False


def set_kind(kind: Kind, state: object) -> None:
    """Set the byte order: what `dtype.__setstate__` does for a dtype without fields.

    `state` is (version, order, subdtype, names, fields, itemsize, alignment, flags[, metadata]).
    """
    if type(state) is not tuple or not 5 <= len(state) <= 9 or text(state[1]) not in _ORDERS:
        raise InputError("a dtype's state is not one of a plain dtype")
    if any(part is not None for part in state[2:5]):
        raise InputError("refused: elements of a structured dtype")
    kind.order = text(state[1])


def _dtype(args: tuple[Any, ...]) -> Kind:
    # (code, align, copy): the last two mean nothing here
    if not 1 <= len(args) <= 3:
        raise InputError("a dtype with other than 1 to 3 arguments")
    return kind_of(text(args[0]))


def _ndarray(args: tuple[Any, ...]) -> Array:
    # pickles only hand the class on to _reconstruct
    raise InputError("refused: a call of numpy.ndarray")


def _reconstruct(args: tuple[Any, ...]) -> Array:
    if len(args) != 3 or args[0] is not _ndarray or type(args[1]) is not tuple or len(args[1]) != 1:
        raise InputError("refused: an array that is not an empty numpy.ndarray at first")
    return np.ndarray((0,), np.uint8)


def _frombuffer(args: tuple[Any, ...]) -> Array:
    # the fifth, of NumPy 2.3 and later: how to transpose the shape that lies in memory
    raw, kind, shape, order, axes = args if len(args) == 5 else (*args, None)
    made = array(raw, kind, shape, text(order) == "F")
    if axes is None or order != "K":
        return made
    if type(axes) is not tuple or len(axes) != made.ndim or any(type(n) is not int for n in axes):
        raise InputError("is damaged: an array's axes are not a tuple of its axes' numbers")
    return made.transpose(axes)


def _scalar(args: tuple[Any, ...]) -> Any:
    kind, raw = args
    return array(raw, kind, (), False)[()]


def _encode(args: tuple[Any, ...]) -> bytes:
    # how Python 3 writes bytes in protocols 0 to 2
    if len(args) != 2 or type(args[0]) is not str or text(args[1]) not in ("latin1", "latin-1"):
        raise InputError("refused: _codecs.encode of anything but a str to latin1")
    return args[0].encode("latin1")


def _bytes(args: tuple[Any, ...]) -> bytes:
    if args:
        raise InputError("refused: bytes with an argument")
    return b""


def _bytearray(args: tuple[Any, ...]) -> bytearray:
    # bytearray(10**10) would be 10 GB
    if len(args) > 1 or any(type(arg) is not bytes for arg in args):
        raise InputError("refused: a bytearray of anything but bytes")
    return bytearray(*args)


def _complex(args: tuple[Any, ...]) -> complex:
    if len(args) != 2 or any(type(arg) is not float for arg in args):
        raise InputError("refused: a complex number of anything but two floats")
    return complex(*args)


def key(value: Any) -> Any:
    """`value`, if it may be a key of a dict or an element of a set: a short plain value.

    The hash of a tuple of tuples may take for ever, so may the comparing of long equal keys, and
    integers from 2**61 on are easily made to collide.
    """
    kind = type(value)
    if (
        value is None
        or kind in (bool, float)
        or (kind is int and abs(value) < 2**60)
        or (kind in (bytes, str) and len(value) <= 1000)
    ):
        return value
    raise InputError(f"refused: a {kind.__name__} as a key; short strings and numbers are read")


def _set(args: tuple[Any, ...]) -> set[Any]:
    (items,) = args
    if type(items) is not list:
        raise InputError("refused: a set of anything but a list")
    return set(map(key, items))


def _frozenset(args: tuple[Any, ...]) -> frozenset[Any]:
    return frozenset(_set(args))


_BUILTINS: dict[str, Rebuild] = {
    "bytes": _bytes,
    "bytearray": _bytearray,
    "complex": _complex,
    "set": _set,
    "frozenset": _frozenset,
}

ALLOWED: dict[tuple[str, str], Rebuild] = {
    ("numpy", "dtype"): _dtype,
    ("numpy", "ndarray"): _ndarray,
    ("_codecs", "encode"): _encode,
    # NumPy 2 renamed numpy.core; Python 3 renamed __builtin__
    **{(f"numpy.{c}.multiarray", "_reconstruct"): _reconstruct for c in ("core", "_core")},
    **{(f"numpy.{c}.multiarray", "scalar"): _scalar for c in ("core", "_core")},
    **{(f"numpy.{c}.numeric", "_frombuffer"): _frombuffer for c in ("core", "_core")},
    **{(b, name): f for b in ("__builtin__", "builtins") for name, f in _BUILTINS.items()},
}
