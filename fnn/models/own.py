"""A network that a file of one's own makes: `--model mine.py:net`."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from fnn.errors import InputError, did_you_mean, kind
from fnn.layers.layer import Layer

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def is_own(name: str) -> bool:
    """Whether the name of a model is that of a file or module and of a function in it."""
    return ":" in name


def own_model(name: str) -> Callable[..., Layer]:
    """The function NAME in FILE.py:NAME or MODULE:NAME, which makes a network.

    See `called` for its arguments. NAME may also be a network itself. This runs the file's code.
    Raises InputError for a file, a name or a value that is not there or not of this kind.
    """
    found = own_value("--model", name, "a function that makes a network")
    if isinstance(found, Layer):
        return lambda: found
    if not callable(found):
        raise InputError(f"--model {name}: expected a function, found {kind(found)}")
    return found  # type: ignore[no-any-return]


def own_value(option: str, name: str, expected: str) -> Any:
    """What NAME is in FILE.py:NAME or MODULE:NAME, the value of an option; this runs the file.

    Raises InputError if it is not there.
    """
    where, _, key = name.rpartition(":")
    module = _file(option, where) if where.endswith(".py") else _module(option, where)
    if not hasattr(module, key):
        near = did_you_mean(key, [key for key in vars(module) if not key.startswith("_")])
        raise InputError(f"{option} {name}: {where} has no {key!r}, expected {expected}{near}")
    return getattr(module, key)


def _module(option: str, name: str) -> ModuleType:
    with blamed(name):
        try:
            if name:
                return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name.partition(".")[0]:
                raise
        raise InputError(
            f"{option} {name}: there is no such module; expected FILE.py:NAME, or MODULE:NAME of "
            "an installed module"
        )


def _file(option: str, path: str) -> ModuleType:
    """The module in a file, which is run once as long as the file does not change."""
    try:
        seen = os.stat(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"{option} {path}: cannot be read ({why}); expected FILE.py:NAME"
        ) from None
    place = Path(path).resolve()
    stamp = repr((str(place), seen.st_mtime_ns, seen.st_size))
    name = f"{place.stem}_{hashlib.sha256(stamp.encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, place)
    if spec is None or spec.loader is None:
        raise InputError(f"{option} {path}: is not a file of Python; expected FILE.py:NAME")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # as import does: a dataclass, say, looks for its module there
    if str(place.parent) not in sys.path:
        sys.path.append(str(place.parent))  # it may import its neighbors, as a script does
    try:
        with blamed(path):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def blamed(name: str) -> Iterator[None]:
    """Turn what goes wrong in one's own network into an InputError with the file and the line.

    `name` is FILE.py, FILE.py:NAME or a module's. The error points at the innermost line in that
    file; where the error is not in it, such as a shape that the next layer refuses, it is fnn's.
    """
    try:
        yield
    except (InputError, MemoryError, OSError):
        raise
    except Exception as error:
        file = os.path.realpath(name.rpartition(":")[0] or name)
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if os.path.realpath(frame.filename) == file]
        where = f"{name}, line {lines[-1]}" if lines else name
        if isinstance(error, SyntaxError):
            where = f"{error.filename}, line {error.lineno}"
        what = error.args[0] if isinstance(error, SyntaxError) else error
        known = type(error) in (TypeError, ValueError) and not lines
        raise InputError(
            f"{where}: {what if known else f'{type(error).__name__}: {what}'}"
        ) from error


def called(make: Callable[..., Any], name: str, classes: int, options: dict[str, Any]) -> Layer:
    """The network that a function of one's own makes.

    The number of classes is its argument `classes`, or else its first one, if that has no default.
    Raises InputError if it makes none; so do the network's init, state, shape and apply for what
    goes wrong in them.
    """
    with blamed(name):
        takes = inspect.signature(make).parameters
        first = next(iter(takes.values()), None)
        if "classes" in takes:
            net = make(classes=classes, **options)
        elif first is not None and first.default is first.empty and first.kind in POSITIONAL:
            net = make(classes, **options)
        else:
            net = make(**options)
    if not isinstance(net, Layer):
        raise InputError(f"--model {name}: expected a layer from it, found {kind(net)}")

    def guarded(f: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            with blamed(name):
                return f(*args)

        return call

    return net._replace(
        init=guarded(net.init),
        state=guarded(net.state),
        shape=guarded(net.shape),
        apply=guarded(net.apply),
    )
