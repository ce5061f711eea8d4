"""What the opcodes of a pickle do, without those that can do harm.

Python's own machine calls whatever function a pickle names. This one knows no call but those of
`rebuild.ALLOWED`. An opcode pushes a value (`machine.VALUES`), rearranges the stack (`_ACTIONS`)
or is refused (`_REFUSED`).
"""

import pickle as op  # for the opcodes' names
import re
from collections.abc import Callable
from types import FunctionType
from typing import Any, NoReturn

import numpy as np

from fnn.data import rebuild
from fnn.data.machine import (
    ENTRY,
    OBJECT,
    ONLY,
    REFERENCE,
    VALUES,
    Machine,
    damaged,
    find_global,
    named_global,
    number,
    spend,
    truncated,
    uint,
)
from fnn.errors import InputError

_SMALL_INTS = re.compile(rb"(?:K.)+", re.DOTALL)


def run(data: bytes, credit: int) -> Any:
    """The value that the program `data` leaves on the stack.

    Whatever is wrong with it is an InputError, and so is one that needs more than `credit` bytes
    for containers, references and copies. All else that an opcode makes is at most 25 times as
    large as the opcode and its argument.
    """
    m = Machine(data, 0, [], [], {}, credit)
    values, actions, push = VALUES, _ACTIONS, m.stack.append
    while (opcode := data[m.at : m.at + 1]) != op.STOP:
        m.at += 1
        if (read := values.get(opcode)) is not None:
            push(read(m))
        elif (act := actions.get(opcode)) is not None:
            act(m)
        elif opcode in _REFUSED:
            raise InputError(f"refused: {_REFUSED[opcode]}; {ONLY}")
        elif opcode:
            damaged(m)
        else:
            truncated()
    if len(m.stack) != 1 or m.marks:
        raise InputError("is damaged: it does not end in one value")
    if m.at + 1 != len(data):
        raise InputError(f"is damaged: {len(data) - m.at - 1} bytes follow its end")
    return m.stack[0]


def _pop(m: Machine, n: int) -> list[Any]:
    floor = m.marks[-1] if m.marks else 0
    if len(m.stack) - n < floor:
        damaged(m)
    items = m.stack[len(m.stack) - n :]
    del m.stack[len(m.stack) - n :]
    return items


def _mark(m: Machine) -> None:
    if len(m.marks) == 1000:
        raise InputError("refused: nested more than 1000 deep")
    m.marks.append(len(m.stack))


def _pop_mark(m: Machine) -> list[Any]:
    if not m.marks:
        damaged(m)
    height = m.marks.pop()
    items = m.stack[height:]
    del m.stack[height:]
    return items


def _drop_mark(m: Machine) -> None:
    _pop_mark(m)


def _top(m: Machine, kind: type) -> Any:
    if len(m.stack) <= (m.marks[-1] if m.marks else 0) or type(m.stack[-1]) is not kind:
        damaged(m)
    return m.stack[-1]


def _append(m: Machine, items: list[Any]) -> None:
    _top(m, list).extend(items)


def _pop_one(m: Machine) -> None:
    if m.marks and m.marks[-1] == len(m.stack):
        m.marks.pop()
    else:
        _pop(m, 1)


def _dup(m: Machine) -> None:
    (item,) = _pop(m, 1)
    m.stack += [item, item]


def _remember(m: Machine, index: int) -> None:
    spend(m, REFERENCE)
    (item,) = _pop(m, 1)
    m.stack.append(item)
    m.memo[index] = item


def _push(m: Machine, item: Any) -> None:
    spend(m, OBJECT)
    m.stack.append(item)


def _pairs(m: Machine, items: list[Any]) -> list[tuple[Any, Any]]:
    if len(items) % 2:
        damaged(m)
    spend(m, ENTRY * (len(items) // 2))
    return [(rebuild.key(k), v) for k, v in zip(items[::2], items[1::2], strict=True)]


def _elements(m: Machine, items: list[Any]) -> list[Any]:
    spend(m, ENTRY * len(items))
    return [rebuild.key(item) for item in items]


def _set_items(m: Machine, items: list[Any]) -> None:
    _top(m, dict).update(_pairs(m, items))


def _add(m: Machine, items: list[Any]) -> None:
    _top(m, set).update(_elements(m, items))


def _stack_global(m: Machine) -> None:
    module, name = _pop(m, 2)
    if type(module) is not str or type(name) is not str:
        damaged(m)
    m.stack.append(find_global(m, module, name))


def _reduce(m: Machine) -> None:
    function, args = _pop(m, 2)
    # every function that can be here is one of ALLOWED
    if type(function) is not FunctionType or type(args) is not tuple or len(args) > 5:
        raise InputError(f"refused: a call of a {type(function).__name__}; {ONLY}")
    # what the call copies or walks through, it may again and again
    for arg in args:
        if type(arg) in (bytes, bytearray, str):
            spend(m, len(arg))
        elif type(arg) is list:
            spend(m, ENTRY * len(arg))
    _push(m, _plainly(function, args))


def _build(m: Machine) -> None:
    target, state = _pop(m, 2)
    m.stack.append(target)
    if type(state) is not tuple or not 4 <= len(state) <= 9:
        raise InputError(f"refused: the state of a {type(target).__name__}; {ONLY}")
    if type(target) is np.ndarray:
        spend(m, OBJECT + (len(state[-1]) if type(state[-1]) is bytes else 0))
        _plainly(rebuild.set_array, target, state)
    elif type(target) is rebuild.Kind:
        _plainly(rebuild.set_kind, target, state)
    else:
        raise InputError(f"refused: the state of a {type(target).__name__}; {ONLY}")


def _plainly(function: Callable[..., Any], *args: Any) -> Any:
    """`function(*args)`, with one kind of error."""
    try:
        return function(*args)
    except InputError:
        raise
    except (ValueError, TypeError, OverflowError):
        name = function.__name__.strip("_")
        raise InputError(f"is damaged: wrong arguments of {name}") from None


def _small_ints(m: Machine) -> None:
    # BININT1, with all that follow it: lists of pixels are millions of them
    match = _SMALL_INTS.match(m.data, m.at - 1)
    if match is None:
        truncated()
    m.stack += match[0][1::2]
    m.at = match.end()


def _instance(m: Machine) -> NoReturn:
    named_global(m)
    raise InputError(f"refused: an object of a class (opcode INST); {ONLY}")


def _protocol(m: Machine) -> None:
    if (version := uint(m, 1)) > 5:
        raise InputError(f"is a pickle of protocol {version}; 0 to 5 are read")


def _frame(m: Machine) -> None:
    if uint(m, 8) > len(m.data) - m.at:
        truncated()


_ACTIONS: dict[bytes, Callable[[Machine], None]] = {
    op.PROTO: _protocol,
    op.FRAME: _frame,
    op.BININT1: _small_ints,
    op.MARK: _mark,
    op.POP: _pop_one,
    op.POP_MARK: _drop_mark,
    op.DUP: _dup,
    op.PUT: lambda m: _remember(m, number(m, int)),
    op.BINPUT: lambda m: _remember(m, uint(m, 1)),
    op.LONG_BINPUT: lambda m: _remember(m, uint(m, 4)),
    op.MEMOIZE: lambda m: _remember(m, len(m.memo)),
    op.TUPLE1: lambda m: _push(m, tuple(_pop(m, 1))),
    op.TUPLE2: lambda m: _push(m, tuple(_pop(m, 2))),
    op.TUPLE3: lambda m: _push(m, tuple(_pop(m, 3))),
    op.TUPLE: lambda m: _push(m, tuple(_pop_mark(m))),
    op.LIST: lambda m: _push(m, _pop_mark(m)),
    op.DICT: lambda m: _push(m, dict(_pairs(m, _pop_mark(m)))),
    op.FROZENSET: lambda m: _push(m, frozenset(_elements(m, _pop_mark(m)))),
    op.APPEND: lambda m: _append(m, _pop(m, 1)),
    op.APPENDS: lambda m: _append(m, _pop_mark(m)),
    op.SETITEM: lambda m: _set_items(m, _pop(m, 2)),
    op.SETITEMS: lambda m: _set_items(m, _pop_mark(m)),
    op.ADDITEMS: lambda m: _add(m, _pop_mark(m)),
    op.STACK_GLOBAL: _stack_global,
    op.REDUCE: _reduce,
    op.BUILD: _build,
    op.INST: _instance,
}

_REFUSED = {
    op.OBJ: "an object of a class (opcode OBJ)",
    op.NEWOBJ: "an object of a class (opcode NEWOBJ)",
    op.NEWOBJ_EX: "an object of a class (opcode NEWOBJ_EX)",
    op.PERSID: "a persistent id (opcode PERSID)",
    op.BINPERSID: "a persistent id (opcode BINPERSID)",
    op.EXT1: "an entry of the extension registry (opcode EXT1)",
    op.EXT2: "an entry of the extension registry (opcode EXT2)",
    op.EXT4: "an entry of the extension registry (opcode EXT4)",
    op.NEXT_BUFFER: "a buffer outside the file (opcode NEXT_BUFFER)",
    op.READONLY_BUFFER: "a buffer outside the file (opcode READONLY_BUFFER)",
}
