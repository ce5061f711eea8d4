"""What a reader may do while it reads: take some memory and time, and write only where it may."""

import os
import signal
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, NoReturn

SECONDS = 20.0  # a file of some kilobytes takes milliseconds, also on a busy machine
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = frozenset(
    f"os.{name}"
    for name in ("remove", "rename", "mkdir", "rmdir", "link", "symlink", "truncate", "chmod",
                 "chown", "utime", "setxattr", "removexattr")
)  # fmt: skip
ESCAPES = ("subprocess.", "os.system", "os.exec", "os.fork", "os.spawn", "os.posix_spawn", "socket")


class TooLong(BaseException):
    """No Exception, since a reader may catch all of those."""


@contextmanager
def limited(folder: Path, memory: int | None = None) -> Iterator[None]:
    """Fail where the body takes over SECONDS or `memory` bytes, or writes outside `folder`.

    It also fails where the body starts a process or opens a socket. What the body raises hides
    such failures.
    """
    with _timed(), _inside(folder):
        if memory is None:
            yield
            return
        with _traced():
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            yield
            taken = tracemalloc.get_traced_memory()[1] - before
    assert taken <= memory, f"took {taken} bytes of memory, {memory} are allowed"


@contextmanager
def _timed() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise TooLong(f"over {SECONDS} s")

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _traced() -> Iterator[None]:
    already = tracemalloc.is_tracing()
    if not already:
        tracemalloc.start()
    try:
        yield
    finally:
        if not already:
            tracemalloc.stop()


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    watch = _watcher()
    watch.folder, watch.found = os.path.realpath(folder), []
    try:
        yield
    finally:
        watch.folder = None
    assert not watch.found, f"outside {folder}: {watch.found}"


@cache
def _watcher() -> Any:
    """What an audit hook sees. A process keeps its hooks: there is one, idle without a folder."""
    watch = SimpleNamespace(folder=None, found=[])

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if watch.folder is None:
            return
        if (event == "open" and args[2] & WRITING) or event in CHANGES:
            if any(map(outside, args[: 2 if event in ("os.rename", "os.link") else 1])):
                watch.found.append((event, *args))
        elif event.startswith(ESCAPES):
            watch.found.append((event, *args))

    def outside(path: Any) -> bool:
        if isinstance(path, int):  # a file that is open already
            return False
        real = os.path.realpath(os.fsdecode(path))
        # the first import of a module in a process keeps its bytecode
        return "__pycache__" not in real and not (real + os.sep).startswith(watch.folder + os.sep)

    sys.addaudithook(hook)
    return watch
