"""What the layers' entries give: operators of ONNX with their inputs, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias, Union

from fnn.arrays import Array, Shape
from fnn.layers.layer import Layer
from fnn.tree import Tree

Order: TypeAlias = Literal["last", "first", "any"]  # where the channels are
FLOAT = 1  # ONNX's number of the type float32


class Weight(NamedTuple):
    """An array that the graph holds; its name follows the layer's place, as in 0/2/W."""

    name: str
    values: Array


class Node(NamedTuple):
    """An operator of ONNX, whose first output is the value.

    An input is a name in the graph, such as `Given.x`, an array, another node, or None for an
    optional input that is left out. `attributes` are what `onnx.helper.make_node` takes.
    """

    op: str
    inputs: tuple[Input, ...]
    attributes: Mapping[str, Any]


Input: TypeAlias = Union[str, Weight, Node, None]  # noqa: UP007 - a class that is still to come


def node(op: str, *inputs: Input, **attributes: Any) -> Node:
    """A node as one would write a call.

    >>> node("Mul", "x", node("Sigmoid", "x")).inputs[1].op
    'Sigmoid'
    """
    return Node(op, inputs, attributes)


class Given(NamedTuple):
    """What an entry knows: the layer, its part of the trees, and the name of its input.

    The layer's arguments are in `layer.made.options`, the layers it was given in
    `layer.made.parts`. `shape` is that of one example of the input, (H, W, C) for an image.
    """

    layer: Layer
    params: Tree
    state: Tree
    shape: Shape
    x: str


class Entry(NamedTuple):
    """How a layer is written in ONNX, in inference (train=False) and in float32.

    make(given) is the node that computes the output, with those that it needs as its inputs; or
    `given.x` for a layer that changes nothing; or a layer that computes the same from the same
    parameters and state. `order` says how an example with more than one axis comes and is
    returned: with its channels "last", (N, ..., C), as everywhere in fnn; "first", (N, C, ...), as
    ONNX's convolutions take them; or "any", for functions of single numbers. Opset 20.

    >>> import fnn, numpy as np
    >>> tanh = fnn.Layer(
    ...     init=lambda rng, shape: {},
    ...     apply=lambda params, state, x, train: (np.tanh(x), fnn.Cache(x, state)),
    ...     vjp=lambda params, cache, dy: (dy * (1 - np.tanh(cache.saved) ** 2), {}),
    ...     name="tanh",
    ... )
    >>> Entry(lambda given: node("Tanh", given.x), "any").make(Given(tanh, {}, {}, (5,), "x"))
    Node(op='Tanh', inputs=('x',), attributes={})
    """

    make: Callable[[Given], Node | str | Layer]
    order: Order = "last"


Entries: TypeAlias = Mapping[str, Entry | Callable[[Given], Node | str | Layer]]
