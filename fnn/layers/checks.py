"""What a layer checks at each call, in microseconds: does what it is given fit together?

Each error names the layer, what was expected and what was found. `serial` and `parallel` add the
place of the layer in the network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fnn.arrays import Array, Shape, check_float
from fnn.errors import kind
from fnn.tree import Tree


def check_input(name: str, x: Array, shape: Callable[[Shape], Shape]) -> Shape:
    """The shape of the layer's output for `x`.

    `shape` is the layer's own, which raises for an example it cannot take. Raises TypeError unless
    `x` is float32 or float64, ValueError unless the layer can take it.
    """
    check_float(name, x)
    if x.ndim == 0:
        raise ValueError(f"{name}: expected a batch of examples, found a single number")
    try:
        return (*x.shape[:1], *shape(x.shape[1:]))
    except ValueError as error:
        hint = "the first axis is the batch's, and x[None] adds it"
        raise ValueError(f"{error} (x is {x.shape}: {hint})") from None


def check_params(name: str, params: Tree, x: Array, shapes: dict[str, Shape]) -> None:
    """Raise ValueError unless the parameters have the shapes that `x` asks for.

    Raises TypeError if they would give the result another type than x's.
    """
    check_leaves(name, "params", params, shapes, x)
    for key in shapes:
        dtype = params[key].dtype
        if dtype != x.dtype and (dtype != np.float32 or x.dtype != np.float64):
            raise TypeError(
                f"{name}: {key} is {dtype} and the input {x.dtype}, so the output would not have "
                "the input's type: give both the same type, with x.astype or "
                f"fnn.tree.map(lambda p: p.astype(np.{x.dtype}), params)"
            )


def check_leaves(name: str, what: str, given: Tree, shapes: dict[str, Shape], x: Array) -> None:
    """Raise ValueError unless `given`, params or state, has just these keys and shapes."""
    if not shapes and isinstance(given, dict) and not given:
        return  # most layers have no state
    if not isinstance(given, dict) or given.keys() != shapes.keys():
        other = f"{what} of another network"
        if not isinstance(given, dict):
            raise ValueError(f"{name}: expected {what} as a dict, found {kind(given)}")
        lacking = [f"lacks {key!r}" for key in shapes if key not in given]
        more = [f"has an unknown {key!r}" for key in given if key not in shapes]
        raise ValueError(f"{name}: {what} {', '.join(lacking + more)}: {other}?")
    for key, shape in shapes.items():
        found: Shape = getattr(given[key], "shape", ())
        if found != shape:
            hint = f"{what} or images of another network, or images without a batch axis (x[None])?"
            if x.ndim == 4 and len(found) == 4 and x.shape[1] == found[2]:
                hint = "channels come last: x.transpose(0, 2, 3, 1)"
            raise ValueError(
                f"{name}: expected {key} of shape {shape} for input of shape {x.shape}, "
                f"found {found}: {hint}"
            )


def check_dy(name: str, dy: Array, shape: Shape) -> None:
    """Raise ValueError unless the gradient `dy` has the shape of the output."""
    if getattr(dy, "shape", None) != shape:
        raise ValueError(f"{name}: expected dy of the output's shape {shape}, found {kind(dy)}")


def check_layers(where: str, *layers: Any) -> None:
    """Raise TypeError, which begins with `where`, unless all are layers."""
    for layer in layers:
        if not hasattr(layer, "apply"):
            hint = "a constructor is called, such as relu()"
            if type(layer) in (list, tuple):
                hint = "unpack it, as in serial(*layers)"
            raise TypeError(f"{where}: expected a layer, found {kind(layer)}: {hint}")


def check_rank(name: str, shape: Shape, axes: str, hint: str) -> None:
    """Raise ValueError unless an example has the axes, such as "(H, W, C)"."""
    if len(shape) != len(axes.strip("(,)").split(",")):
        raise ValueError(f"{name}: expected an example of shape {axes}, found {shape}: {hint}")


def check_images(name: str, shape: Shape, size: int, part: str) -> None:
    """Raise ValueError unless an example is an image with room for a `part` of size x size."""
    check_rank(name, shape, "(H, W, C)", "give it images")
    if min(shape[:2]) < size:
        raise ValueError(f"{name}: an image of shape {shape} is smaller than a {part}")
