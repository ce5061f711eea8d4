"""Event files: their bytes by the specifications, and what TensorBoard reads in them."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnn.files.event_file import Event, crc32c, record, varint, write_events

EVENTS = [
    Event(1.5e9, 1, {"loss/train": 0.5, "accuracy/test": 0.25}),
    Event(1.5e9 + 3.25, 2, {"loss/train": math.nan}),
    Event(1.5e9 + 4, 10**12, {"loss/train": 1e300, "über": -math.inf}),
    Event(1.5e9 + 5, 0, {}),
]


@pytest.mark.parametrize(
    ("data", "crc"),
    [  # RFC 3720, B.4, and the customary check value
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
        (b"", 0),
    ],
)
def test_the_checksum_is_that_of_the_specification(data, crc):
    assert crc32c(data) == crc


@given(st.integers(0, 2**63 - 1))
def test_a_varint_has_seven_bits_in_each_byte(number):
    data = varint(number)
    assert sum((byte & 0x7F) << 7 * i for i, byte in enumerate(data)) == number
    assert [byte >> 7 for byte in data] == [1] * (len(data) - 1) + [0]


def messages(content: bytes) -> list[bytes]:
    """The messages of a file of records, whose checksums are checked."""

    def unmasked(crc):
        rotated = (crc - 0xA282EAD8) & 0xFFFFFFFF
        return (rotated >> 17 | rotated << 15) & 0xFFFFFFFF

    found = []
    while content:
        head, (length, crc) = content[:8], struct.unpack("<QI", content[:12])
        assert unmasked(crc) == crc32c(head)
        message = content[12 : 12 + length]
        assert unmasked(*struct.unpack("<I", content[12 + length : 16 + length])) == crc32c(message)
        found, content = [*found, message], content[16 + length :]
    return found


@given(st.lists(st.binary(max_size=300), max_size=4))
def test_records_hold_their_messages(given_messages):
    assert messages(b"".join(map(record, given_messages))) == given_messages


def test_the_first_message_names_the_format_and_the_others_are_events(tmp_path):
    write_events(tmp_path / "a.tfevents", EVENTS)
    first, one, *_ = messages((tmp_path / "a.tfevents").read_bytes())
    assert first == struct.pack("<Bd", 9, 1.5e9) + b"\x1a\x0dbrain.Event:2"
    value = b"\x0a\x0aloss/train\x15" + struct.pack("<f", 0.5)
    assert one.startswith(struct.pack("<Bd", 9, 1.5e9) + b"\x10\x01\x2a")
    assert b"\x0a" + bytes([len(value)]) + value in one
    write_events(tmp_path / "a.tfevents", [])
    assert len(messages((tmp_path / "a.tfevents").read_bytes())) == 1


def test_tensorboard_reads_what_was_written(tmp_path):
    loader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_file_loader", reason="needs tensorboard"
    )
    write_events(tmp_path / "a.tfevents", EVENTS)
    found = list(loader.EventFileLoader(str(tmp_path / "a.tfevents")).Load())
    assert found[0].file_version == "brain.Event:2"
    for event, read in zip(EVENTS, found[1:], strict=True):
        assert (read.wall_time, read.step) == (event.time, event.step)
        values = {value.tag: value.tensor.float_val[0] for value in read.summary.value}
        largest = 3.4e38
        expected = {tag: v if abs(v) < largest else v * math.inf for tag, v in event.values.items()}
        assert values == pytest.approx(expected, nan_ok=True)
