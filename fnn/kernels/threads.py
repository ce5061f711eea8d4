"""The blocks of one call, shared among a few threads.

NumPy lets other threads run while it computes, so that Python threads which each work on their own
blocks use all cores. How a call is cut into blocks depends on shapes alone, and each result is
written by one block or its parts are added in a fixed order: the bits are the same for any number
of threads.

Importing fnn limits BLAS to one thread. Its threads would compete with ours for the cores and spin
for milliseconds after each product, and their number decides the last bits of a product.
`threadpoolctl.threadpool_limits` changes the limit. It and the pool of threads outlive a call.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar, copy_context
from functools import cache
from typing import TypeVar

from fnn.errors import InputError

T = TypeVar("T")
R = TypeVar("R")

_alone: ContextVar[bool] = ContextVar("alone", default=False)  # whether `share` uses one thread

# How many processes of a job are on this machine, as MPICH and Open MPI tell each of them.
LOCAL_SIZES = ("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE")


def count() -> int:
    """The number of threads to use: FNN_THREADS, or the cores that the process may use.

    Processes that mpiexec started on one machine get equal shares of its cores.
    Raises InputError unless FNN_THREADS is an integer in 1..1024.
    """
    wanted = os.environ.get("FNN_THREADS")
    if wanted:
        if not (wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= 1024):
            raise InputError(f"FNN_THREADS is {wanted!r}: expected a whole number in 1..1024")
        return int(wanted)
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    told = (os.environ.get(name, "") for name in LOCAL_SIZES)
    return max(1, cores // next((int(n) for n in told if n.isdecimal() and int(n)), 1))


def split(n: int, size: int) -> list[tuple[int, int]]:
    """range(n) in nearly equal parts (start, stop) of at most `size`.

    >>> split(10, 4)
    [(0, 3), (3, 6), (6, 10)]
    """
    return cut(n, -(-n // max(1, size)))


def cut(n: int, parts: int) -> list[tuple[int, int]]:
    """range(n) in `parts` nearly equal parts (start, stop)."""
    return [(i * n // parts, (i + 1) * n // parts) for i in range(parts)]


def longest(parts: list[tuple[int, int]]) -> int:
    """The size of the largest part."""
    return max((stop - start for start, stop in parts), default=0)


def share(work: Callable[[Iterator[T]], None], items: Iterable[T]) -> None:
    """Run work(queue) in several threads, where `queue` is one iterator that all of them draw from.

    `work` makes its scratch arrays once and then loops over the queue. The calling thread works
    too, and waits for no thread that has not started: nested calls and calls from many threads
    cannot block each other. An exception in any thread ends the queue and is raised here.
    """
    items = list(items)
    if len(items) <= 1 or _alone.get():
        work(iter(items))
        return
    threads = min(count(), len(items))
    left = iter(items)
    stop = threading.Event()

    def queue() -> Iterator[T]:
        for item in left:  # `next` of a list's iterator is atomic
            if stop.is_set():
                return
            yield item

    def run() -> None:
        try:
            work(queue())
        except BaseException:
            stop.set()
            raise

    def helped(other: Future[None]) -> None:
        if other.set_running_or_notify_cancel():
            try:
                run()
                other.set_result(None)
            except BaseException as error:
                other.set_exception(error)

    others: list[Future[None]] = []
    with suppress(RuntimeError):  # no more threads may be started: those there are do the work
        for _ in range(threads - 1):
            if pool := _pool(os.getpid(), count() - 1):
                # One of our own: where no thread can be started, `submit` raises, but a thread that
                # was busy may take the work later all the same.
                others.append(Future())
                pool.submit(copy_context().run, helped, others[-1])
    try:
        run()
    finally:
        begun = [other for other in others if not other.cancel()]
        errors = [error for other in begun if (error := other.exception())]
    if errors:
        raise errors[0]


def each(f: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """[f(item) for item in items], in several threads: calls of `share` inside use one thread.

    For long work on each item, that waits less than sharing every short call.
    """
    if len(items) <= 1:
        return [f(item) for item in items]
    done = {}

    def work(queue: Iterator[int]) -> None:
        token = _alone.set(True)
        try:
            for i in queue:
                done[i] = f(items[i])
        finally:
            _alone.reset(token)

    share(work, range(len(items)))
    return [done[i] for i in range(len(items))]


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor | None:
    """The threads of a process, since a fork does not inherit them; None if none can be started."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="fnn")
    with suppress(RuntimeError):  # a limit of the system, or Python is about to end
        pool.submit(int).result()
        return pool
    return None


def _hold_blas() -> None:
    """Give every BLAS in this process one thread."""
    variable = "KMP_DUPLICATE_LIB_OK"  # threadpoolctl sets it when it is imported
    before = os.environ.get(variable)
    from threadpoolctl import threadpool_limits

    if before is None:
        os.environ.pop(variable, None)
    threadpool_limits(limits=1, user_api="blas")


_hold_blas()
