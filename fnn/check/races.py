"""Two calls of a layer at once, interleaved in the same way each time."""

from __future__ import annotations

import dis
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import numpy as np

ACTS = ("CALL", "STORE", "BINARY_OP", "DELETE")  # the instructions that may see or change an array
LEFT_ALONE = {
    "namedtuple",
    "numpy",
    "scipy",
    "fnn",
    "threadpoolctl",
    "toolz",
    *sys.stdlib_module_names,
}


def interleaved(f: Callable[[], Any], g: Callable[[], Any], most: int) -> Any:
    """f() in a thread, which at up to `most` places stops until another thread has run g().

    The places are instructions of Python code, evenly spaced, outside of well-known libraries.
    Nothing depends on how fast the threads are; if g waits for a lock that f holds, f goes on.
    """
    result, count = _traced(f, lambda place: None)
    if not count:
        return result
    every = max(1, -(-count // most))
    waiting: list[threading.Thread] = []

    def between(place: int) -> None:
        if place % every or any(thread.is_alive() for thread in waiting):
            return
        other = threading.Thread(target=_quiet, args=(g,), daemon=True)
        other.start()
        other.join(timeout=0.2)
        waiting[:] = [other]

    result, _ = _traced(f, between)
    for thread in waiting:
        thread.join()
    return result


def _quiet(g: Callable[[], Any]) -> None:
    with suppress(Exception), np.errstate(all="ignore"):  # f's result is what counts
        g()


def _traced(f: Callable[[], Any], between: Callable[[int], None]) -> tuple[Any, int]:
    """What f returns in a thread, and the number of places in it; between(i) is called at each."""
    places = 0
    found: list[Any] = []

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal places
        module = frame.f_globals.get("__name__", "")
        if module.split(".")[0] in LEFT_ALONE or module.startswith("namedtuple_"):
            return None  # the calls in it are still traced
        frame.f_trace_opcodes = True
        code, at = frame.f_code.co_code, frame.f_lasti
        if event == "opcode" and dis.opname[code[at]].startswith(ACTS):
            between(places)
            places += 1
        return trace

    def run() -> None:
        sys.settrace(trace)  # of this thread alone, which ends here
        try:
            with np.errstate(all="ignore"):
                found.append(f())
        except Exception as error:
            found.append(error)
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0], places
