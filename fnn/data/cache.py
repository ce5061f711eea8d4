"""Where data sets are stored, and a cache of parsed arrays, so that each file is parsed once.

A cached split is one file: a line of JSON with its source and shape, then the labels' bytes, then
the images' bytes. It holds no code and is not compressed, so it loads as fast as it is read.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from fnn.data.dataset import Split
from fnn.errors import InputError, say
from fnn.files.atomic import write_atomically

Say: TypeAlias = Callable[[str], None]

HIDDEN = ".parsed"
# An archive that is unpacked may set a file's modification time, but not when it was changed.
SEEN = ("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")
VERSION = 3  # increase it when the file's layout or a parser's result changes
HEADER_LIMIT = 1 << 16


def data_root() -> Path:
    """The directory of all data sets: `FNN_DATA`, or `fnn` in the user's cache directory.

    Raises InputError for a user without a home directory, as in some containers.
    """
    if chosen := os.environ.get("FNN_DATA"):
        return Path(os.path.expanduser(chosen))  # Path.expanduser may raise
    import platformdirs

    with suppress(RuntimeError):  # raised by platformdirs where there is no home
        found = platformdirs.user_cache_dir("fnn", appauthor=False)
        if os.path.isabs(found):
            return Path(found)
    raise InputError(
        "there is no home directory to keep data sets in: set FNN_DATA to a directory you can "
        "write to"
    )


def check_root() -> None:
    """Raise InputError if FNN_DATA is a place where no data set can be stored."""
    root, why = data_root(), ""
    there = next(p for p in (root, *root.absolute().parents) if os.path.lexists(p))
    try:
        root.stat()
    except FileNotFoundError:
        pass  # it will be created
    except OSError as error:  # for instance, the name is too long
        why = error.strerror or str(error)
    if not os.path.isdir(there):
        why = f"{there} is not a directory"
    elif not os.access(there, os.W_OK | os.X_OK):
        why = f"{there} cannot be written to"
    if why and os.environ.get("FNN_DATA"):
        advice = "set it to a directory you can write to, or unset it"
        raise InputError(f"FNN_DATA is {str(root)!r}, which cannot be used ({why}): {advice}")


def cached(
    root: Path | None, sources: Sequence[Path], parse: Callable[[], Split], tag: str, say: Say = say
) -> Split:
    """The split that `parse` makes from the files `sources`, or its cached copy.

    The copy is used only while every source has the size, the times and the inode that it had when
    it was parsed. If it is stale or damaged, the sources are parsed again. If the first source is a
    directory, it stands for the files in it that follow: there is one copy whichever they are, and
    the directory's own times do not count. `tag` names the kind of data and the split. Images and
    labels are uint8. `root` None is the directory of all data sets. If the cache cannot be written,
    the split is still returned, after one line to `say`.
    """
    try:
        root = data_root() if root is None else root
    except InputError as error:
        say(f"fnn: the parsed data cannot be kept: {error}")
        return parse()
    # Taken before parsing, so a source that changes meanwhile is parsed again next time.
    paths, status = _resolved(sources), [source.stat() for source in sources]
    folder = stat.S_ISDIR(status[0].st_mode)
    seen = [[getattr(s, name) for name in SEEN] for s in status[folder:]]
    stamp = [VERSION, tag, _digest([paths, seen])]
    file = root / HIDDEN / f"{tag}-{_digest(paths[:1] if folder else paths)[:16]}.u8"
    if (kept := _read(file, stamp)) is not None:
        return kept
    split = parse()
    try:
        _write(file, stamp, split)
    except (OSError, InputError) as error:
        why = getattr(error, "strerror", None) or error
        advice = "to parse it only once, set FNN_DATA to a directory you can write to"
        say(f"fnn: the parsed data cannot be kept in {file.parent} ({why}); {advice}")
    return split


def _resolved(sources: Sequence[Path]) -> list[str]:
    """The absolute paths of files; each directory is looked up once, since there may be many."""
    places = {folder: folder.resolve() for folder in {path.parent for path in sources}}
    first, *rest = sources
    return [str(first.resolve()), *(str(places[path.parent] / path.name) for path in rest)]


def _digest(value: list[Any]) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _read(file: Path, stamp: list[object]) -> Split | None:
    """The split in `file`, or None if it is missing, stale or damaged."""
    if not file.is_file():  # a pipe may never end
        return None
    try:
        with open(file, "rb") as f:
            header = json.loads(f.readline(HEADER_LIMIT))
            if header["stamp"] != stamp:
                return None
            shape = tuple(header["shape"])
            # The header is not trusted: nothing larger than the file is allocated.
            if len(shape) not in (3, 4) or not all(type(n) is int and n > 0 for n in shape):
                return None
            if os.fstat(f.fileno()).st_size != f.tell() + shape[0] + math.prod(shape):
                return None
            labels = np.fromfile(f, np.uint8, shape[0])
            return Split(np.fromfile(f, np.uint8, math.prod(shape)).reshape(shape), labels)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _write(file: Path, stamp: list[object], split: Split) -> None:
    """Write `file` whole or not at all; raises OSError or InputError."""
    images, labels = (np.ascontiguousarray(a, np.uint8) for a in split)
    header = json.dumps({"stamp": stamp, "shape": images.shape}) + "\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, lambda f: f.writelines([header.encode(), labels.data, images.data]))
