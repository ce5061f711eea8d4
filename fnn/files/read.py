"""The one door for reading a file that the user names."""

from __future__ import annotations

import os
import stat
from typing import IO

from fnn.errors import InputError

MAX_BYTES = 1 << 30


def open_regular(path: str | os.PathLike[str], most: float = MAX_BYTES) -> IO[bytes]:
    """A regular file of at most `most` bytes, open; InputError for anything else."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # a pipe may never end, or never open
            kind = "a directory, " if stat.S_ISDIR(status.st_mode) else ""
            raise InputError(f"{path}: is {kind}not a regular file; name a file to read")
        if status.st_size > most:
            raise InputError(f"{path}: has {status.st_size} bytes; expected at most {most}")
        return open(path, "rb")
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', error)})") from None


def read_bytes(path: str | os.PathLike[str], most: float = MAX_BYTES) -> bytes:
    """The contents of a regular file of at most `most` bytes; InputError for anything else."""
    with open_regular(path, most) as file:
        try:
            return file.read()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
