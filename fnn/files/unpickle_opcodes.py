"""Python's own unpickler, without what can do harm.

`pickle._Unpickler`, the version written in Python, looks up in a table what to do for an opcode.
Ours has its own table: opcodes that make objects of classes are not in it, and others check first.
(The C version has no such table; a dict whose key is a tuple of tuples keeps it busy forever, and
an index into its memo can take any amount of memory.)
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, ClassVar, NoReturn

from fnn.errors import InputError
from fnn.files.unpickle_constructors import ALLOWED, key, set_state

ONLY = "only NumPy arrays, numbers, strings and containers are allowed"

# the allowed opcodes, by the most bytes that the container, call or reference that one makes can
# take; everything else is at most 25 times as large as the opcode and its argument
_OPCODES = {
    0: "PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 "
    "LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES "
    "BINBYTES8 BYTEARRAY8 UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 EMPTY_TUPLE GET BINGET "
    "LONG_BINGET APPEND APPENDS SETITEM SETITEMS ADDITEMS GLOBAL STACK_GLOBAL",
    130: "PUT BINPUT LONG_BINPUT MEMOIZE",
    400: "EMPTY_LIST EMPTY_DICT EMPTY_SET TUPLE1 TUPLE2 TUPLE3 TUPLE LIST DICT FROZENSET REDUCE "
    "BUILD",
}
_ENTRY = 200  # the same for a dict entry
# Python 2's repr writes no other escapes, and Python warns about others
_STRING = re.compile(rb"(?:[^\\\n]++|\\(?:[\\'\"abfnrtv]|x[0-9a-fA-F]{2}))*+\n")
_SMALL_INTS = re.compile(rb"(?:K.)+", re.DOTALL)


class _Table(dict[int, Any]):
    def __missing__(self, code: int) -> NoReturn:
        names = {opcode.code: opcode.name for opcode in pickletools.opcodes}
        raise InputError(f"refused: the opcode {names[chr(code)]}; {ONLY}")  # or KeyError


class Reader(pickle._Unpickler):
    """An unpickler whose `load` raises InputError, or what `pickle` raises for a damaged file.

    `credit` is how many bytes may still be spent on what `_OPCODES` counts and on copies.
    """

    dispatch: ClassVar[dict[int, Any]] = _Table()
    stack: list[Any]
    metastack: list[list[Any]]  # the stacks below each MARK
    append: Callable[[Any], None]
    read: Callable[[int], bytes]
    readline: Callable[[], bytes]
    memo: dict[int, Any]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, data: bytes) -> None:
        self.data, self.file = data, io.BytesIO(data)
        self.credit = (1 << 26) + 8 * len(data)
        super().__init__(self.file, encoding="bytes")

    def spend(self, cost: int) -> None:
        self.credit -= cost
        if self.credit < 0:
            raise InputError("refused: it makes more objects than a file of its size should")

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        # exact names only, not "_reconstruct.__globals__"
        if (found := ALLOWED.get(f"{module}.{name}")) is None:
            asked = ascii(f"{module[:60]}.{name[:60]}")[1:-1][:130]
            raise InputError(f"refused: {asked}; {ONLY}")
        return found

    def load_proto(self) -> None:
        if (version := self.read(1)[0]) > 5:
            raise InputError(f"is a pickle of protocol {version}; expected 0 to 5")

    def load_reduce(self) -> None:
        args, function = self.stack.pop(), self.stack.pop()
        # any function on the stack is one of ALLOWED
        if type(function) is not FunctionType or type(args) is not tuple:
            raise InputError(f"refused: a call to a {type(function).__name__}; {ONLY}")
        # calls can be repeated, so what each copies or walks through is charged
        self.spend(sum(len(a) for a in args if type(a) in (bytes, bytearray, str)))
        self.spend(sum(len(a) for a in args if type(a) is list) * _ENTRY)
        self.append(function(*args))

    def load_build(self) -> None:
        state = self.stack.pop()
        if type(state) is tuple and state and type(state[-1]) in (bytes, bytearray):
            self.spend(len(state[-1]))
        set_state(self.stack[-1], state)

    def remember(self, index: int) -> None:
        # each index is for an object of its own, of a byte or more; larger ones are made to collide
        if index > self.file.tell():
            raise InputError("is damaged: it numbers an object beyond its own size")
        self.memo[index] = self.stack[-1]

    def load_put(self) -> None:
        self.remember(int(self.readline()[:-1]))

    def load_binput(self) -> None:
        self.remember(self.read(1)[0])

    def load_long_binput(self) -> None:
        self.remember(int.from_bytes(self.read(4), "little"))

    def load_mark(self) -> None:
        if len(self.metastack) == 1000:
            raise InputError("refused: nested more than 1000 deep")
        super().load_mark()  # type: ignore[misc]

    def load_stop(self) -> None:
        if len(self.stack) != 1 or self.metastack:
            raise InputError("is damaged: it does not end in one value")
        super().load_stop()  # type: ignore[misc]

    def load_frame(self) -> None:
        # frames only help to read files in pieces
        if int.from_bytes(self.read(8), "little") > len(self.data) - self.file.tell():
            raise InputError("is truncated: it ends in the middle of a frame")

    def load_bytearray8(self) -> None:
        # pickle's own allocates the memory before it checks that the file has the bytes
        size = int.from_bytes(self.read(8), "little")
        self.append(bytearray(self.read(min(size, len(self.data)))))

    def load_binint1(self) -> None:
        # takes a whole run at once: lists of pixels have millions of them
        if (run := _SMALL_INTS.match(self.data, self.file.tell() - 1)) is None:
            raise EOFError
        self.stack += run[0][1::2]
        self.file.seek(run.end())

    def load_string(self) -> None:
        if _STRING.match(self.data, self.file.tell()) is None:
            raise ValueError
        super().load_string()  # type: ignore[misc]

    def load_setitems(self) -> None:
        self.update(dict, self.pairs(self.pop_mark()))

    def load_setitem(self) -> None:
        value, name = self.stack.pop(), self.stack.pop()
        self.update(dict, self.pairs([name, value]))

    def load_dict(self) -> None:
        made = dict(self.pairs(self.pop_mark()))  # pop_mark changes what self.append is
        self.append(made)

    def load_additems(self) -> None:
        self.update(set, self.keys(self.pop_mark()))

    def load_frozenset(self) -> None:
        made = frozenset(self.keys(self.pop_mark()))
        self.append(made)

    def update(self, kind: type[Any], items: Iterable[Any]) -> None:
        if type(self.stack[-1]) is not kind:
            raise ValueError
        self.stack[-1].update(items)

    def pairs(self, items: list[Any]) -> Iterable[tuple[Any, Any]]:
        return zip(self.keys(items[::2]), items[1::2], strict=True)

    def keys(self, items: list[Any]) -> list[Any]:
        self.spend(_ENTRY * len(items))
        return [key(item) for item in items]


def _checked(load: Callable[[Reader], None], cost: int, integer: bool) -> Callable[[Reader], None]:
    def checked(reader: Reader) -> None:
        reader.spend(cost)
        load(reader)
        # Python refuses to print an integer of more than 4300 digits, even in a message
        if integer and reader.stack[-1].bit_length() > 10_000:
            raise InputError("refused: an integer of more than 10000 bits")

    return checked


for _cost, _names in _OPCODES.items():
    for _name in _names.split():
        _code = ord(getattr(pickle, _name))
        # Reader's own, if it has one of that name, else pickle's
        _load = getattr(Reader, pickle._Unpickler.dispatch[_code].__name__)
        _integer = _name in ("INT", "LONG", "LONG4")
        Reader.dispatch[_code] = _checked(_load, _cost, _integer) if _cost or _integer else _load
