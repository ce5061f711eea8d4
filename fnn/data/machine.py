"""The machine that a pickle is a program for, and the values that its opcodes push.

It is written from the opcodes' descriptions in `pickletools`. An opcode of `VALUES` pushes what
its function reads from the bytes that follow; the other opcodes are in `opcodes`.
"""

import codecs
import pickle as op  # for the opcodes' names
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from fnn.data import rebuild
from fnn.errors import InputError

ONLY = "only NumPy arrays, numbers, strings and containers are read"

# at most what a container or array, a remembered reference and a dict's entry take, in bytes
OBJECT, REFERENCE, ENTRY = 400, 130, 200
# repr of Python 2 writes no other escapes
_ESCAPED = re.compile(rb"(?:[^\\]++|\\(?:[\\'\"abfnrtv]|x[0-9a-fA-F]{2}))*+")


@dataclass(slots=True)
class Machine:
    """The state between two opcodes, and the bytes that may still be spent."""

    data: bytes
    at: int  # the next byte
    stack: list[Any]
    marks: list[int]  # the stack's heights where MARK came
    memo: dict[int, Any]
    credit: int


def truncated() -> NoReturn:
    raise InputError("is truncated: it ends in the middle of the pickle")


def damaged(m: Machine) -> NoReturn:
    raise InputError(f"is not a pickle, or damaged before byte {m.at}")


def spend(m: Machine, cost: int) -> None:
    m.credit -= cost
    if m.credit < 0:
        raise InputError("refused: it makes more objects than a file of its size should")


def _take(m: Machine, n: int) -> bytes:
    begin, m.at = m.at, m.at + n
    if m.at > len(m.data):
        truncated()
    return m.data[begin : m.at]


def _line(m: Machine) -> bytes:
    end = m.data.find(b"\n", m.at)
    if end < 0:
        truncated()
    begin, m.at = m.at, end + 1
    return m.data[begin:end]


def uint(m: Machine, size: int) -> int:
    return int.from_bytes(_take(m, size), "little")


def _sint(m: Machine, size: int) -> int:
    return int.from_bytes(_take(m, size), "little", signed=True)


def _text(m: Machine, raw: bytes, encoding: str, errors: str = "strict") -> str:
    try:
        return raw.decode(encoding, errors)
    except UnicodeDecodeError:
        damaged(m)


def _utf8(m: Machine, raw: bytes) -> str:
    return _text(m, raw, "utf-8", "surrogatepass")


def number(m: Machine, convert: Callable[[bytes], Any]) -> Any:
    line = _line(m)
    # the digits of a number that is a megabyte long would take minutes
    if len(line) > 1000:
        damaged(m)
    try:
        return convert(line)
    except ValueError:
        damaged(m)


def _int(line: bytes) -> int:
    # how protocols 0 and 1 write False and True
    return line == b"01" if line in (b"00", b"01") else int(line)


def _python2_string(m: Machine) -> bytes:
    line = _line(m).strip()
    quote, inner = line[:1], line[1:-1]
    if len(line) < 2 or quote not in b"'\"" or quote != line[-1:]:
        damaged(m)
    if _ESCAPED.fullmatch(inner) is None:
        damaged(m)
    value: bytes = codecs.escape_decode(inner)[0]
    return value


def _recall(m: Machine, index: int) -> Any:
    if index not in m.memo:
        damaged(m)
    return m.memo[index]


def find_global(m: Machine, module: str, name: str) -> rebuild.Rebuild:
    # exact names only: "_reconstruct.__globals__" is none
    found = rebuild.ALLOWED.get((module, name))
    if found is None:
        asked = ascii(f"{module[:60]}.{name[:60]}")[1:-1][:130]
        raise InputError(f"refused: {asked}; {ONLY}")
    return found


def named_global(m: Machine) -> rebuild.Rebuild:
    return find_global(m, _utf8(m, _line(m)), _utf8(m, _line(m)))


def _new(kind: type) -> Callable[[Machine], Any]:
    def make(m: Machine) -> Any:
        spend(m, OBJECT)
        return kind()

    return make


VALUES: dict[bytes, Callable[[Machine], Any]] = {
    op.NONE: lambda m: None,
    op.NEWTRUE: lambda m: True,
    op.NEWFALSE: lambda m: False,
    op.INT: lambda m: number(m, _int),
    op.LONG: lambda m: number(m, lambda line: int(line.removesuffix(b"L"))),
    op.FLOAT: lambda m: number(m, float),
    op.BININT: lambda m: _sint(m, 4),
    op.BININT2: lambda m: uint(m, 2),
    op.LONG1: lambda m: _sint(m, uint(m, 1)),
    op.LONG4: lambda m: _sint(m, uint(m, 4)),
    op.BINFLOAT: lambda m: struct.unpack(">d", _take(m, 8))[0],
    op.STRING: _python2_string,
    op.BINSTRING: lambda m: _take(m, uint(m, 4)),
    op.SHORT_BINSTRING: lambda m: _take(m, uint(m, 1)),
    op.BINBYTES: lambda m: _take(m, uint(m, 4)),
    op.SHORT_BINBYTES: lambda m: _take(m, uint(m, 1)),
    op.BINBYTES8: lambda m: _take(m, uint(m, 8)),
    op.BYTEARRAY8: lambda m: bytearray(_take(m, uint(m, 8))),
    op.UNICODE: lambda m: _text(m, _line(m), "raw-unicode-escape"),
    op.BINUNICODE: lambda m: _utf8(m, _take(m, uint(m, 4))),
    op.SHORT_BINUNICODE: lambda m: _utf8(m, _take(m, uint(m, 1))),
    op.BINUNICODE8: lambda m: _utf8(m, _take(m, uint(m, 8))),
    op.EMPTY_TUPLE: lambda m: (),
    op.EMPTY_LIST: _new(list),
    op.EMPTY_DICT: _new(dict),
    op.EMPTY_SET: _new(set),
    op.GET: lambda m: _recall(m, number(m, int)),
    op.BINGET: lambda m: _recall(m, uint(m, 1)),
    op.LONG_BINGET: lambda m: _recall(m, uint(m, 4)),
    op.GLOBAL: named_global,
}
