"""Small changes of a file that its reader may stumble over."""

import copy
import json
import struct
from typing import Any

from hypothesis import strategies as st

NUMBERS = (0, 1, 2, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1,
           2**63, 2**64 - 1)  # fmt: skip
FIELDS = tuple(
    struct.pack(order + code, number)
    for order in "<>"
    for code, bits in (("B", 8), ("H", 16), ("I", 32), ("Q", 64))
    for number in NUMBERS
    if number < 2**bits
)
# for what is text: JSON, a header of .npy, a pickle of protocol 0
WORDS = tuple(
    word.encode()
    for word in (
        "-1", "0", "1.5", "1e400", "NaN", "0x7fffffffffffffff", "2147483648", "9" * 30, "9" * 4000,
        "9" * 5000, "null", "true", "[]", "{}", '""', "()", "[" * 300, "(" * 300, "\n", "\\", "'",
        '"', "😀",
    )
)  # fmt: skip
VALUES = (None, True, -1, 0, 1, 10, 2**31, 2**63, 10**30, 10**4000, 1.5, -0.5, float("nan"),
          float("inf"), "", "x\ny", "relu", "\ud800", [], [1, 2], {}, [["a", {"value": 1}]],
          {"value": 3}, {"array": "fnn"}, {"dict": []}, {"tuple": []})  # fmt: skip
KINDS = ("flip", "cut", "end", "field", "word", "digits", "splice", "double", "insert")


@st.composite
def mutated(draw: Any, data: bytes) -> bytes:
    """`data` with one to four changes; JSON stays JSON as often as not."""
    if data[:1] == b"{" and draw(st.booleans()):
        try:
            value = json.loads(data)
        except ValueError:  # a Python literal
            pass
        else:
            for _ in range(draw(st.integers(1, 3))):
                value = draw(mutated_value(value))
            return json.dumps(value).encode()
    found = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        draw(changes(found))
    return bytes(found)


@st.composite
def changes(draw: Any, found: bytearray) -> None:
    """Flip, cut, overwrite, copy or insert some bytes of `found` in place."""
    at = draw(st.integers(0, len(found)))
    kind = draw(st.sampled_from(KINDS))
    if kind == "flip" and at < len(found):
        found[at] ^= 1 << draw(st.integers(0, 7))
    elif kind == "cut":
        del found[at : at + draw(st.sampled_from([1, 2, 4, 8, 100]))]
    elif kind == "end":
        del found[at:]
    elif kind == "field":
        field = draw(st.sampled_from(FIELDS))
        found[at : at + len(field)] = field
    elif kind == "word":
        found[at : at + draw(st.integers(0, 4))] = draw(st.sampled_from(WORDS))
    elif kind == "digits":
        replace_number(found, at, draw(st.sampled_from(WORDS)))
    elif kind == "splice":
        start = draw(st.integers(0, len(found)))
        found[at:at] = found[start : start + draw(st.integers(1, 60))]
    elif kind == "double":
        found[at:at] = found[at : at + 60] * draw(st.integers(1, 5))
    elif kind == "insert":
        found[at:at] = draw(st.binary(min_size=1, max_size=8))


def replace_number(found: bytearray, at: int, word: bytes) -> None:
    """Put a word in the place of the first number in ASCII digits from `at` on."""
    digits = b"0123456789"
    start = next((i for i in range(at, len(found)) if found[i] in digits), len(found))
    stop = next((i for i in range(start, len(found)) if found[i] not in digits), len(found))
    found[start:stop] = word


@st.composite
def mutated_value(draw: Any, value: Any) -> Any:
    """A value of JSON in which one part is another, a copy of another part, twice there or gone."""
    changed = copy.deepcopy(value)
    places = list(_places(changed))
    holder, key = draw(st.sampled_from(places))
    kind = draw(st.sampled_from(["value", "copy", "twice", "gone", "key"]))
    if kind == "gone":
        del holder[key]
    elif kind == "copy":
        other, there = draw(st.sampled_from(places))
        holder[key] = copy.deepcopy(other[there])
    elif kind == "twice" and isinstance(holder, list):
        holder += [copy.deepcopy(holder[key])] * draw(st.sampled_from([1, 2, 1000]))
    elif kind == "key" and isinstance(holder, dict):
        holder[draw(st.sampled_from([v for v in VALUES if isinstance(v, str)]))] = holder.pop(key)
    else:
        holder[key] = draw(st.sampled_from(VALUES))
    return changed if changed else {"": 0}


def _places(value: Any) -> Any:
    """Every holder in a value of JSON, with each of its keys or indices."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in pairs:
        yield value, key
        if isinstance(part, dict | list):
            yield from _places(part)
