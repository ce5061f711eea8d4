"""IDX, the format of MNIST's files: a big-endian header, then the elements.

The header is two zeros, the type of the elements, the number of axes, and their lengths. It is
trusted no more than the rest: http://yann.lecun.com/exdb/mnist describes the format.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

from fnn.arrays import Array
from fnn.errors import InputError
from fnn.files.read import open_regular

# Magic numbers: unsigned bytes in 3 dimensions, in 4, and in 1.
IMAGES, IMAGES_4, LABELS = 0x00000803, 0x00000804, 0x00000801
ANY = (LABELS, 0x00000802, IMAGES, IMAGES_4)
CHUNK = 1 << 20
# A gzip may inflate a thousandfold; images shrink about fivefold, blank ones more. A file that
# claims to exceed both of these is refused before a byte of it is inflated.
GROWTH, SMALL = 100, 1 << 26


def read_idx(path: str | os.PathLike[str]) -> Array:
    """The array in an IDX file of unsigned bytes with 1 to 4 axes, plain or .gz; uint8.

    Raises InputError for elements of another type, and for whatever `check_idx` refuses.
    """
    path = Path(path)
    open_regular(path, math.inf).close()
    shape = check_idx(path, *ANY)
    with open_idx(path) as f:
        f.seek(4 + 4 * len(shape))
        data = f.read(math.prod(shape))
    return np.frombuffer(data, np.uint8).reshape(shape).copy()  # a buffer of bytes is read-only


def check_idx(path: Path, *magics: int) -> tuple[int, ...]:
    """The dimensions in the header of an IDX file, if the file has the length they imply.

    A gzip is inflated as a stream, never further than its header declares.
    Raises InputError for a magic number that is none of `magics`, a header or a body too short or
    too long, a damaged gzip, a dimension of 0, or a file that cannot be read.
    """
    try:
        with open_idx(path) as f:
            return _checked(f, magics, path.stat().st_size)
    except InputError as error:
        raise InputError(f"{path}: {error}: get it again") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: a damaged gzip file ({error}): get it again") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def _checked(f: IO[bytes], magics: tuple[int, ...], size: int) -> tuple[int, ...]:
    zipped, head = isinstance(f, gzip.GzipFile), f.read(4)
    if head not in [magic.to_bytes(4, "big") for magic in magics]:
        kind = {LABELS: "labels", IMAGES: "images"}.get(magics[0], "")
        kind = "unsigned bytes" if magics == ANY else kind
        expected = " or ".join(f"{magic:08x}" for magic in magics)
        found = head.hex() or "nothing"
        raise InputError(f"begins with {found}, expected {expected}, an IDX file of {kind}")
    axes = head[3]
    head += f.read(4 * axes)
    if len(head) < 4 + 4 * axes:
        raise InputError(f"expected a header of {4 + 4 * axes} bytes, found {len(head)} bytes")
    shape = struct.unpack(f">{axes}I", head[4:])
    sizes, declared = " x ".join(map(str, shape)), len(head) + math.prod(shape)
    if declared == len(head):
        raise InputError(f"its header says {sizes}: the set is empty, expected an example or more")
    expected = f"expected {len(head)} bytes of header and {sizes} of data"
    if zipped and declared > max(SMALL, GROWTH * size):
        raise InputError(f"{expected}, found a gzip of only {size} bytes")
    if zipped:
        size = len(head)
        while size <= declared and (chunk := f.read(CHUNK)):
            size += len(chunk)
    if size != declared:
        more = " or more" if zipped and size > declared else ""
        raise InputError(f"{expected}, found {size} bytes{more}")
    return shape


def open_idx(path: Path) -> IO[bytes]:
    """Open a plain or gzip file by its first bytes: browsers may unpack it but keep the name."""
    with open(path, "rb") as f:
        packed = f.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path)) if packed else open(path, "rb")
