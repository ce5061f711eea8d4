"""A few files from a tar archive, read one after another and never written to disk.

`tarfile` reads an extended header of any claimed size into memory, so a few compressed kilobytes
can take gigabytes; before Python 3.11.10 it takes hours over some. Of extended headers only a long
path is of interest here, and those that are longer than a path are skipped, like everything else
that is not a regular file.
"""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath
from typing import IO

from fnn.errors import InputError

BLOCK = 512
REGULAR, GNU_PATH, PAX = (b"0", b"\0"), b"L", b"x"  # kinds of entries
LONGEST = 1 << 14  # bytes of an extended header with a path
_CHUNK = 1 << 20


def tar_files(
    path: str | os.PathLike[str], names: Collection[str], max_bytes: int, max_total: int
) -> Iterator[tuple[str, bytes]]:
    """The base name and contents of each regular file named in `names` in a .tar or .tar.gz.

    Raises InputError for a file of more than `max_bytes`, for an archive of more than `max_total`
    (both unpacked), for one that is damaged or truncated, and for a duplicate name. Format: POSIX
    ustar; header fields by IEEE 1003.1, pax.
    """
    seen: set[str] = set()
    try:
        with open(path, "rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if zipped else raw  # type: ignore
            long_path = b""
            for path_given, size, kind in iter(lambda: _next_header(stream), None):
                max_total -= size + BLOCK
                if max_total < 0:
                    raise InputError("unpacks to more than a data set needs")
                padded = -(-size // BLOCK) * BLOCK
                if kind in (GNU_PATH, PAX) and size <= LONGEST:
                    long_path = _long_path(kind, _exactly(stream, padded)[:size]) or long_path
                    continue
                name = PurePosixPath((long_path or path_given).decode("latin1")).name
                long_path = b""
                if kind not in REGULAR or name not in names:
                    for start in range(0, padded, _CHUNK):
                        _exactly(stream, min(_CHUNK, padded - start))
                elif size > max_bytes or name in seen:
                    raise InputError(f"{name} is too large or occurs twice")
                else:
                    seen.add(name)
                    yield name, _exactly(stream, padded)[:size]
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise InputError("is truncated: the archive ends in the middle of a file")
    return data


def _long_path(kind: bytes, content: bytes) -> bytes:
    """The next file's path in an extended header, or b"" if there is none."""
    if kind == GNU_PATH:
        return content.split(b"\0")[0]
    # records such as "18 path=a/b/c.txt\n", each with its own length
    found = re.search(rb"(?:\A|\n)\d+ path=([^\n]*)\n", content)
    return found[1] if found else b""


def _next_header(stream: IO[bytes]) -> tuple[bytes, int, bytes] | None:
    """The next entry's path, its size, and its kind; None at the end."""
    header = stream.read(BLOCK)
    if not header.strip(b"\0"):  # two blocks of zeros end an archive; some writers leave them out
        return None
    try:
        size, total = (int(header[a:b].strip(b"\0 "), 8) for a, b in ((124, 136), (148, 156)))
        # the sum counts its own eight bytes as spaces
        if len(header) != BLOCK or size < 0 or sum(header[:148]) + sum(header[156:]) + 256 != total:
            raise ValueError
    except ValueError:
        raise InputError("is not a tar archive, or damaged") from None
    return header[:100].split(b"\0")[0], size, header[156:157]
