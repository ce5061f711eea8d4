"""Where data sets live, and the parsed arrays that are kept there so that parsing happens once.

A kept split is one file: a line of JSON that says which source it came from and its shape, then
the labels' bytes, then the images' bytes. There is nothing in it to run and nothing to unpack,
so reading it costs as much as reading the bytes.
"""

import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from fnn.data.dataset import Split
from fnn.errors import InputError, say
from fnn.files.atomic import write_atomically

Say: TypeAlias = Callable[[str], None]

HIDDEN = ".parsed"
VERSION = 1  # a change of the file's layout, or of what the parsers return, adds one
HEADER_LIMIT = 1 << 16


def data_root() -> Path:
    """The directory of all data sets: `FNN_DATA`, else `fnn` in the user's cache directory."""
    chosen = os.environ.get("FNN_DATA")
    if chosen:
        return Path(os.path.expanduser(chosen))  # never raises, unlike Path's own
    import platformdirs

    return Path(platformdirs.user_cache_dir("fnn", appauthor=False))


def check_root() -> None:
    """Raise InputError where FNN_DATA names a place to which no data set can be downloaded."""
    if not os.environ.get("FNN_DATA"):
        return
    root, why = data_root(), ""
    there = next(p for p in (root, *root.absolute().parents) if os.path.lexists(p))
    if not os.path.isdir(there):
        why = f"{there} is not a directory"
    elif not os.access(there, os.W_OK | os.X_OK):
        why = f"{there} cannot be written to"
    else:
        try:
            root.stat()
        except FileNotFoundError:
            pass  # it will be made
        except OSError as error:  # a name that is too long
            why = error.strerror or str(error)
    if why:
        raise InputError(
            f"FNN_DATA is {str(root)!r}, where no data set can be kept ({why}): set it to a "
            "directory that you can write to, or unset it"
        )


def cached(
    root: Path,
    sources: Sequence[Path],
    parse: Callable[[], Split],
    tag: str,
    say: Say = say,
) -> Split:
    """The split that `parse` makes of the files `sources`, from the cache if it is there.

    What is kept counts only while every source has the size and the modification time (in
    nanoseconds) that it had when it was parsed; anything else, a damaged file included, is
    parsed again. `tag` names the kind of data and the split. Images and labels are uint8.

    Where the cache cannot be written the split is returned all the same, after one line to `say`.
    """
    # The stamp is taken before parsing: a source that changes meanwhile is parsed again next time.
    stamp = [VERSION, tag, *(_stamp(source) for source in sources)]
    name = hashlib.sha256(json.dumps([str(s.resolve()) for s in sources]).encode()).hexdigest()
    file = root / HIDDEN / f"{tag}-{name[:16]}.u8"
    kept = _read(file, stamp)
    if kept is not None:
        return kept
    split = parse()
    try:
        _write(file, stamp, split)
    except (OSError, InputError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        say(
            f"fnn: the parsed data cannot be kept in {file.parent} ({why or error}), "
            "so it is parsed again next time; set FNN_DATA to a directory you can write to"
        )
    return split


def _stamp(source: Path) -> list[int]:
    status = source.stat()
    return [status.st_size, status.st_mtime_ns]


def _read(file: Path, stamp: list[object]) -> Split | None:
    """The split in `file`, or None where it is absent, of another source, or damaged."""
    try:
        with open(file, "rb") as f:
            header = json.loads(f.readline(HEADER_LIMIT))
            if header["stamp"] != stamp:
                return None
            shape = tuple(header["shape"])
            # The header is not trusted: nothing is allocated that the file does not hold.
            if len(shape) not in (3, 4) or not all(type(n) is int and n > 0 for n in shape):
                return None
            if os.fstat(f.fileno()).st_size != f.tell() + shape[0] + math.prod(shape):
                return None
            labels = np.fromfile(f, np.uint8, shape[0])
            return Split(np.fromfile(f, np.uint8, math.prod(shape)).reshape(shape), labels)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _write(file: Path, stamp: list[object], split: Split) -> None:
    """Write `file` whole or not at all; the last of several writers at once wins.

    Raises OSError or InputError.
    """
    images, labels = (np.ascontiguousarray(a, np.uint8) for a in split)
    header = json.dumps({"stamp": stamp, "shape": images.shape}) + "\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, lambda f: f.writelines([header.encode(), labels.data, images.data]))
