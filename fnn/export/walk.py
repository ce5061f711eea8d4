"""From a network to a piece of a graph: each layer by its entry, each name by its place.

A place is that of the layer's parameters: the node 3/0/1/Conv has its weights from
`params[3][0][1]`, and the array 3/0/1/W there is `params[3][0][1]["W"]`.
"""

from __future__ import annotations

from functools import reduce
from typing import get_args

from fnn.errors import InputError, did_you_mean, kind
from fnn.export.images import NUMBERS
from fnn.export.node import Entries, Entry, Given, Node, Order, node
from fnn.export.piece import Piece, Value, below, in_order, joined, named
from fnn.export.table import TABLE
from fnn.export.trial import try_entry
from fnn.layers.layer import Layer
from fnn.tree import Tree

COMBINED = ("serial", "parallel", "concatenate")  # what is made here, of the parts' pieces


def walk(
    layer: Layer, params: Tree, state: Tree, x: Value, entries: Entries, place: str = ""
) -> Piece:
    """The piece that computes what layer.apply(params, state, x, False) does.

    Raises InputError, which tells the place, for a layer of one's own without an entry, and for an
    entry that computes something else than the layer.
    """
    by = layer.made.by
    if by in COMBINED:
        pieces = []
        for i, part in enumerate(layer.made.parts):
            pieces.append(walk(part, params[i], state[i], x, entries, below(place, i)))
            x = pieces[-1].y if by == "serial" else x
        if by == "serial":
            return joined(Piece((), {}, x), *pieces)
        return _together(by, pieces, layer, x, place)
    if by in TABLE:
        return _by_entry(TABLE[by], layer, params, state, x, entries, place)
    entry = own_entry(layer, entries, place)
    alone = in_order(Value(NUMBERS, x.shape), "first")  # where "any" must do as well
    tried = joined(alone, _by_entry(entry, layer, params, state, alone.y, entries, place))
    try_entry(f"{_at(place)}{_name(layer)}", layer, params, state, x.shape, tried)
    return _by_entry(entry, layer, params, state, x, entries, place)


def _by_entry(
    entry: Entry, layer: Layer, params: Tree, state: Tree, x: Value, entries: Entries, place: str
) -> Piece:
    moved = in_order(x, entry.order)
    made = entry.make(Given(layer, params, state, x.shape, moved.y.name))
    if isinstance(made, Layer):
        if made.made.by == layer.made.by:
            raise InputError(f"{_at(place)}{_name(layer)}: its entry gives the layer itself")
        return walk(made, params, state, x, entries, place)
    try:
        if not isinstance(made, Node | str):
            raise TypeError(f"expected a Node, given.x or a Layer, found {kind(made)}")
        piece = named(place, made, layer.shape(x.shape), moved.y.order)
    except TypeError as error:
        told = f"its entry gives no node: {error}"
        raise InputError(f"{_at(place)}{_name(layer)}: {told}") from None
    return joined(moved, piece)


def _together(by: str, pieces: list[Piece], layer: Layer, x: Value, place: str) -> Piece:
    """The outputs of branches, added up or laid one after another."""
    order: Order = "first" if any(piece.y.order == "first" for piece in pieces) else "last"
    moved = [in_order(piece.y, order) for piece in pieces]
    ys: list[Node | str] = [piece.y.name for piece in moved]
    if by == "parallel":
        made = reduce(lambda a, b: node("Add", a, b), ys)
    else:
        made = node("Concat", *ys, axis=1 if order == "first" else -1)
    return joined(*pieces, *moved, named(place, made, layer.shape(x.shape), order))


def own_entry(layer: Layer, entries: Entries, place: str) -> Entry:
    """The entry of a layer of one's own.

    Its name is its constructor's, with or without the module, or `Layer.name`.
    """
    by, name = layer.made.by, _name(layer)
    if not name:
        raise InputError(
            f"{_at(place)}a layer of your own has no name: give it one, such as "
            'Layer(..., name="mine"), and an entry of that name'
        )
    if odd := [kind(key) for key in entries if not isinstance(key, str)]:
        raise InputError(f"entries: expected names of layers as the keys, found {odd[0]}")
    if by not in entries and name not in entries:
        raise InputError(
            f"{_at(place)}{name} is a layer of your own without an entry"
            f"{did_you_mean(name, entries)}; name a dict of entries with --entries FILE.py:NAME "
            f"(in Python: entries={{{name!r}: ...}}, see help(fnn.export))"
        )
    found = entries[by if by in entries else name]
    entry = found if isinstance(found, Entry) else Entry(found)
    if not callable(entry.make):
        raise InputError(f"the entry of {name!r}: expected a function, found {kind(entry.make)}")
    if entry.order not in get_args(Order):
        expected = '"last", "first" or "any"'
        told = f"expected the order {expected}, found {kind(entry.order)}"
        raise InputError(f"the entry of {name!r}: {told}")
    return entry


def _name(layer: Layer) -> str:
    return layer.made.by.rpartition(".")[2] or layer.name


def _at(place: str) -> str:
    return f"at {place}: " if place else ""
