"""TensorBoard's event files: scalars by step, without TensorBoard.

A file is TFRecords (tensorflow/core/lib/io/record_writer.h): the length, 8 bytes, and the message,
each followed by its masked CRC-32C (RFC 3720, appendix B.4). A message is a protocol buffer, the
Event of tensorflow/core/util/event.proto.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fnn.files.atomic import write_atomically


class Event(NamedTuple):
    """The values of one step by tag; the time is in seconds since 1970."""

    time: float
    step: int
    values: Mapping[str, float]


def write_events(path: str | os.PathLike[str], events: Iterable[Event]) -> None:
    """Write a file of events, whole or not at all; an old one is replaced.

    TensorBoard reads files with "tfevents" in their names. Raises what `write_atomically` does.
    """
    events = list(events)
    begin = struct.pack("<Bd", 0x09, events[0].time if events else 0.0)
    messages = [begin + _field(3, b"brain.Event:2"), *map(_message, events)]
    content = b"".join(map(record, messages))
    write_atomically(path, lambda file: file.write(content))


def record(message: bytes) -> bytes:
    """A message as a TFRecord."""
    length = struct.pack("<Q", len(message))
    return length + _masked(length) + message + _masked(message)


def _message(event: Event) -> bytes:
    values = b"".join(
        _field(1, _field(1, tag.encode()) + struct.pack("<Bf", 0x15, _float32(value)))
        for tag, value in event.values.items()
    )
    return struct.pack("<Bd", 0x09, event.time) + b"\x10" + varint(event.step) + _field(5, values)


def _field(number: int, content: bytes) -> bytes:
    """A field of text, bytes or another message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number: int) -> bytes:
    """Seven bits in each byte, the lowest first.

    >>> varint(300).hex()
    'ac02'
    """
    more = number >> 7
    return bytes([number & 0x7F | 0x80]) + varint(more) if more else bytes([number])


def _float32(value: float) -> float:
    """The value, or an infinity if it is too large for 32 bits."""
    largest = 3.4028234663852886e38
    return math.copysign(math.inf, value) if abs(value) > largest else value


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def crc32c(data: bytes) -> int:
    """The CRC with Castagnoli's polynomial.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _remainder(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_TABLE = tuple(_remainder(byte) for byte in range(256))
