"""Pieces of a graph: nodes that have got their names, and how pieces are put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from fnn.arrays import Array, Shape
from fnn.errors import kind
from fnn.export.node import Input, Node, Order, Weight, node


class Value(NamedTuple):
    """A batch in the graph: its name, and the shape (H, W, C) of an example, as fnn has it.

    `order` says where the graph has the channels: "last" or "first".
    """

    name: str
    shape: Shape
    order: Order = "last"


class Named(NamedTuple):
    """A node whose inputs are names; its output has its own name."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]


class Piece(NamedTuple):
    """Some nodes of a graph, in order, the arrays that they use, and the value they compute."""

    nodes: tuple[Named, ...]
    weights: Mapping[str, Array]
    y: Value


def below(place: str, name: object) -> str:
    return f"{place}/{name}" if place else f"{name}"


def named(place: str, made: Node | str, shape: Shape, order: Order = "last") -> Piece:
    """A node and all that it is computed from, with names that begin with the place.

    >>> made = named("0/2", node("Mul", "x", node("Sigmoid", "x")), (5,))
    >>> [(one.name, one.inputs) for one in made.nodes]
    [('0/2/Sigmoid', ('x',)), ('0/2/Mul', ('x', '0/2/Sigmoid'))]
    """
    nodes: dict[str, Named] = {}
    weights: dict[str, Array] = {}
    known: dict[int, str] = {}  # a node that is an input of two others is one node

    def name_of(value: Input) -> str:
        if value is None or isinstance(value, str):
            return value or ""
        if id(value) in known:
            return known[id(value)]
        if isinstance(value, Weight):
            if not isinstance(value.values, np.ndarray | np.generic):
                found = kind(value.values)
                raise TypeError(f"the weight {value.name!r}: expected an array, found {found}")
            known[id(value)] = name = _free(below(place, value.name), weights)
            weights[name] = value.values
            return name
        if not isinstance(value, Node):
            raise TypeError(f"expected a name, a Node, a Weight or None, found {kind(value)}")
        inputs = tuple(map(name_of, value.inputs))
        known[id(value)] = name = _free(below(place, value.op), nodes)
        nodes[name] = Named(name, value.op, inputs, value.attributes)
        return name

    y = name_of(made)
    order = order if len(shape) > 1 else "last"
    return Piece(tuple(nodes.values()), weights, Value(y, shape, order))


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """The name, or with a number after it one that is not taken."""
    names = (name if i == 0 else f"{name}_{i}" for i in range(len(taken) + 1))
    return next(name for name in names if name not in taken)


def joined(*pieces: Piece, y: Value | None = None) -> Piece:
    """One piece of several, which computes what the last one does, or `y`; equal nodes once."""
    nodes = {one.name: one for piece in pieces for one in piece.nodes}
    weights = {name: a for piece in pieces for name, a in piece.weights.items()}
    return Piece(tuple(nodes.values()), weights, pieces[-1].y if y is None else y)


def in_order(x: Value, order: Order) -> Piece:
    """The value with its channels where they are wanted: at most one node."""
    n = len(x.shape)
    if order == "any" or order == x.order or n < 2:
        return Piece((), {}, x if n > 1 else x._replace(order="last"))
    perm = (0, n, *range(1, n)) if order == "first" else (0, *range(2, n + 1), 1)
    return named(x.name, node("Transpose", x.name, perm=perm), x.shape, order)


def again(piece: Piece, before: str, x: str, new_x: str) -> Piece:
    """The same computation from another input: its nodes are new, its arrays are not."""
    names = {one.name: below(before, one.name) for one in piece.nodes} | {x: new_x}
    nodes = [
        one._replace(name=names[one.name], inputs=tuple(names.get(i, i) for i in one.inputs))
        for one in piece.nodes
    ]
    return Piece(tuple(nodes), piece.weights, piece.y._replace(name=names[piece.y.name]))
