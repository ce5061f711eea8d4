"""What a layer must leave as it is in the process."""

from __future__ import annotations

import gc
import os
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from fnn.check.calls import Problem

SEED = 41_003_717  # that a layer is unlikely to set, too


@contextmanager
def watched() -> Iterator[dict[str, Any]]:
    """The settings of a process that has unusual ones: setting the usual ones shows, too.

    All that `settings` looks at is put back afterwards, whatever a layer has changed.
    """
    drawn, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    environment, directory, options = dict(os.environ), os.getcwd(), np.get_printoptions()
    limit, collects = sys.getrecursionlimit(), gc.isenabled()
    try:
        with np.errstate(all="call", call=_ignore), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("default", message="a layer is being checked")
            random.seed(SEED)
            np.random.seed(SEED)  # noqa: NPY002
            np.set_printoptions(precision=11)
            yield settings()
    finally:
        random.setstate(drawn)
        np.random.set_state(numpys)  # noqa: NPY002
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        os.chdir(directory)
        np.set_printoptions(**options)
        sys.setrecursionlimit(limit)
        (gc.enable if collects else gc.disable)()


def _ignore(kind: str, flag: int) -> None:
    """What NumPy calls instead of a warning."""


def settings() -> dict[str, Any]:
    return {
        "NumPy's global random state": _numbers(np.random.get_state()),  # noqa: NPY002
        "the random state of Python's `random`": random.getstate(),
        "NumPy's error handling (np.seterr)": (np.geterr(), np.geterrcall()),
        "NumPy's print options": repr(np.get_printoptions()),
        "the filters of warnings": list(warnings.filters),
        "the environment (os.environ)": dict(os.environ),
        "the working directory": os.getcwd(),
        "the recursion limit": sys.getrecursionlimit(),
        "garbage collection (gc)": gc.isenabled(),
    }


def expect_unchanged(before: dict[str, Any]) -> None:
    """Raise Problem if the process is not as it was before."""
    now = settings()
    for what in (what for what in before if before[what] != now[what]):
        raise Problem(
            f"the layer changes {what}",
            "draw from fnn.keys.generator(key)" if "random" in what else _restore(),
        )


@contextmanager
def blas_held(limit: int) -> Iterator[None]:
    """BLAS with `limit` threads. Raises Problem if the calls inside set another number."""
    controller = ThreadpoolController()
    with controller.limit(limits=limit, user_api="blas"):
        before = controller.info()
        yield
        if controller.info() != before:
            raise Problem("the layer sets the number of BLAS threads", _restore())


def _restore() -> str:
    return "that is for the whole process: leave it as it is"


def _numbers(state: Any) -> Any:
    return tuple(part.tobytes() if isinstance(part, np.ndarray) else part for part in state)
