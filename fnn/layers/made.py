"""How a layer was made: what its repr shows, and what its network is built again from."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from textwrap import indent
from typing import Any, NamedTuple

import numpy as np

from fnn.layers.initializers import Initializer, name_of


class Made(NamedTuple):
    """The call that made a layer, as plain values.

    `by` is the constructor's name, after its module's and a dot unless it is one of fnn's; it is
    empty for a layer that was put together by hand. `parts` are the layers that it was given.
    `options` are its other arguments, with their defaults: numbers, strings, booleans, None and
    tuples of these; an initializer is its name in `fnn.initializers`, and one of your own is left
    out. `text` is the call's arguments as one would write them.
    """

    by: str = ""
    options: Mapping[str, Any] = {}
    parts: tuple[Any, ...] = ()  # Layers
    text: str = ""


def made_by(name: str, signature: inspect.Signature, args: Any, kwargs: Any) -> Made:
    """The call of a constructor with these arguments, which are already known to fit."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    options: dict[str, Any] = {}
    parts: list[Any] = []
    text: list[str] = []
    for key, value in bound.arguments.items():
        parameter = signature.parameters[key]
        if parameter.kind is parameter.VAR_POSITIONAL or hasattr(value, "apply"):
            parts += value if isinstance(value, tuple) and not hasattr(value, "apply") else [value]
            continue
        plain = _plain(value)
        if plain is not None or value is None:
            options[key] = plain
        if value is not parameter.default and value != parameter.default:
            shown = (plain or "...") if isinstance(value, Initializer) else repr(plain)
            named = parameter.kind is parameter.KEYWORD_ONLY
            text.append(f"{key}={shown}" if named else str(shown))
    return Made(name, options, tuple(parts), ", ".join(text))


def _plain(value: Any) -> Any:
    """The value of an option in a file; None for an initializer of one's own."""
    if isinstance(value, Initializer):
        return name_of(value)
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    return value.item() if isinstance(value, np.generic) else value


def written(layer: Any) -> str:
    """A layer as one would write it, its parts on lines of their own."""
    name, _, parts, text = layer.made
    by = name.rpartition(".")[2]
    if not by:
        return f"Layer(name={layer.name!r})"
    if not parts:
        return f"{by}({text})"
    lines = "".join(f"{line},\n" for line in [*map(written, parts), *([text] if text else [])])
    return f"{by}(\n{indent(lines, '    ')})"
