"""What the page is told about a network, and the network's answer to a picture, as JSON.

It is used by fnn-serve and, in the static page, by Python in the browser.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable
from functools import partial

import numpy as np

from fnn.arrays import Array
from fnn.errors import InputError
from fnn.losses import softmax
from fnn.models import own_network
from fnn.recognizer.picture import input_from_pixels, no_digit, reads_digits
from fnn.recognizer.recognizer import Recognizer, read_recognizer, recognize

MOST = 8 << 20  # bytes of a picture: red, green, blue and opacity of 2 million pixels


def about(found: Recognizer, text: str = "") -> str:
    """What the page is told first: {"digits": whether it may be drawn on, "names": [...], "about":
    a sentence or nothing}."""
    spec = found.spec
    names = spec.names or tuple(map(str, range(spec.classes)))
    return json.dumps({"digits": reads_digits(spec), "names": names, "about": text})


def reply(
    found: Recognizer, height: int, width: int, data: bytes | memoryview, least: float = 0.0
) -> str:
    """The answer to a picture, whose data are 4 bytes a pixel: red, green, blue, opacity.

    {"probabilities": one for each class, "seen": the network's input as the address of a PNG}, or
    {"refused": why} for what is no picture of a digit; all three where no digit has a probability
    of at least `least`. Raises InputError unless there are 4 x height x width bytes, at most 8 MiB.
    """
    if not (height > 0 and width > 0 and 4 * height * width == len(data) <= MOST):
        raise InputError(
            f"a picture of {height} x {width} pixels in {len(data)} bytes: expected 4 bytes a "
            f"pixel, at most {MOST}"
        )
    pixels = np.frombuffer(data, np.uint8).reshape(height, width, 4)
    try:
        images = input_from_pixels(found.spec, pixels)
        share = softmax(recognize(found, images).astype(np.float64))[0]
    except InputError as error:
        return json.dumps({"refused": str(error)})
    seen = "data:image/png;base64," + base64.b64encode(png(images[0])).decode()
    told: dict[str, object] = {"probabilities": share.tolist(), "seen": seen}
    why = no_digit(share, least)
    return json.dumps(told | ({"refused": why} if why else {}))


def loaded(
    path: str, model: str | None = None, least: float = 0.0
) -> Callable[[int, int, bytes], str]:
    """`reply` of the network in a file, for the page in which fnn runs by itself.

    `model` is FILE.py:NAME of a network with layers of one's own.
    """
    return partial(reply, read_recognizer(path, partial(own_network, model))[0], least=least)


def png(image: Array) -> bytes:
    """An image, (H, W) or (H, W, C) uint8 with 1 or 3 channels, as a PNG file.

    Source: W3C, "Portable Network Graphics (PNG) Specification", third edition, sections 5 and 11.
    """
    height, width = image.shape[:2]
    color = 2 if image.shape[2:] == (3,) else 0
    rows = image.reshape(height, -1)
    plain = np.insert(rows, 0, 0, axis=1).tobytes()  # each row begins with its filter: none
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(plain)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
