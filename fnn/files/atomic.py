"""Writing files so that a reader sees the old content or the new, never a part of it."""

from __future__ import annotations

import glob
import itertools
import os
import shutil
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from fnn.errors import InputError

ABANDONED = 3600.0  # seconds after which a temporary file must be a killed process's


def write_atomically(path: str | os.PathLike[str], write: Callable[[IO[bytes]], Any]) -> None:
    """Let `write` fill a temporary file beside `path`, and rename it once it is on the disk.

    An existing file's mode and, where that is allowed, its owner are kept. If writing fails, an
    existing file stays intact and nothing is left beside it. If the rename
    fails, the new file stays beside it, and InputError names it. A symbolic link is followed.
    Raises InputError like `check_writable`, and passes on OSError (a full disk).
    """
    target = check_writable(path)
    _sweep(target)
    temporary = _beside(target)
    old = target.stat() if target.exists() else None
    mode = 0o666 if old is None else stat.S_IMODE(old.st_mode)
    try:
        # created with the mode, so that what is private is never open to others
        with open(temporary, "xb", opener=lambda name, how: os.open(name, how, mode)) as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if old is not None:
            _make_like(temporary, old)
        _put(temporary, target, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = os.fspath(path)  # the error of a full disk does not name the file
        raise
    _sync_directory(target.parent)


def check_writable(path: str | os.PathLike[str]) -> Path:
    """The resolved path of a file that can be written; InputError, which names it, if not."""
    place = os.path.abspath(path)
    # /dev/stdout may be a link to a regular file that others write to as well.
    if os.path.dirname(place) in ("/dev", "/dev/fd") or place.startswith("/proc/"):
        raise InputError(f"{path}: is a stream or a device; name a file to write to")
    try:
        target = Path(path).resolve()
        if target.is_symlink():  # resolve raises only before Python 3.13
            raise InputError(
                f"{path}: cannot be written (the link leads to itself); name another file"
            )
        if target.is_dir() or os.fspath(path).endswith(os.sep):
            raise InputError(f"{path}: is a directory; name a file to write to")
        if target.exists() and not target.is_file():
            raise InputError(f"{path}: is not a regular file; name a file to write to")
        # Replacing it takes the directory's permission alone, and the superuser may always.
        if target.exists() and not (os.access(target, os.W_OK) and target.stat().st_mode & 0o222):
            raise InputError(f"{path}: is read-only; name another file, or chmod u+w it")
        probe = _beside(target)
        probe.touch(exist_ok=False)
        probe.unlink()
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: there is no directory {target.parent}; make it first") from None
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be written ({reason}); name another file") from None
    return target


def keep_aside(path: str | os.PathLike[str]) -> Path | None:
    """Give an existing file a second name, with a number before its ending; None without a file.

    The first name goes on until something else is written there.
    """
    old = Path(path)
    if not old.is_file():
        return None
    names = (old.with_name(f"{old.stem}.{i}{old.suffix}") for i in itertools.count(1))
    kept = next(name for name in names if not os.path.lexists(name))
    try:
        os.link(old, kept)
    except OSError:  # not on every file system
        shutil.copy2(old, kept)
    return kept


def _put(temporary: Path, target: Path, path: str | os.PathLike[str]) -> None:
    try:
        os.replace(temporary, target)
    except OSError as error:
        kept = target.with_name(f"{_stem(target)}.{os.urandom(4).hex()}")
        os.replace(temporary, kept)
        why = f"cannot be replaced ({error.strerror}); the new content is in {kept}"
        raise InputError(f"{path}: {why}") from None


def _make_like(temporary: Path, old: os.stat_result) -> None:
    with suppress(OSError, AttributeError):  # another's file; Windows
        os.chown(temporary, old.st_uid, old.st_gid)
    with suppress(OSError):  # some file systems have no modes
        os.chmod(temporary, stat.S_IMODE(old.st_mode))


def _sweep(target: Path) -> None:
    """Remove temporary files that killed processes left beside the target."""
    for old in target.parent.glob(f".{glob.escape(_stem(target))}.*.tmp"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > ABANDONED:
                old.unlink()


def _beside(target: Path) -> Path:
    return target.with_name(f".{_stem(target)}.{os.urandom(8).hex()}.tmp")


def _stem(target: Path) -> str:
    """As much of a file's name as leaves room for an ending: most systems allow 255 bytes."""
    return os.fsencode(target.name)[:200].decode(errors="ignore")


def _sync_directory(directory: Path) -> None:
    # Without this a power failure may lose the new name, though the data is on the disk. Windows
    # cannot open a directory, and SMB and some FUSE file systems cannot sync one.
    with suppress(OSError):
        fd = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
