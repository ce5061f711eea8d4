"""A network as a table: its layers, the shapes between them, and what each costs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from fnn import keys, tree
from fnn.arrays import Shape
from fnn.keys import Key
from fnn.layers.checks import check_layers
from fnn.layers.layer import Layer
from fnn.tree import Tree


class Line(NamedTuple):
    """A layer in a network."""

    place: tuple[int, ...]  # where its parameters are: params[i][j]...
    name: str
    shape: Shape  # of one example's output
    parameters: int
    multiply_adds: int  # for one example


class Summary(list[Line]):
    """The lines of `summary`; printed, they are a table."""

    def __str__(self) -> str:
        return table(self)


def summary(net: Layer, shape: Shape, rng: Key = 0) -> Summary:
    """A line for each layer without parts, in the order of the parameters.

    Multiply-adds are the size of W times the number of pixels of the output, whichever way a
    convolution is computed. Layers without a W (pooling, normalization, activations) count 0.
    `shape` is one example's.

    >>> from fnn.models.classic import mlp
    >>> [(line.name, line.parameters) for line in summary(mlp(10, hidden=5), (2, 2, 1))]
    [('flatten', 0), ('dense(5)', 25), ('sigmoid', 0), ('dense(10)', 60)]
    """
    check_layers("summary", net)
    return Summary(_lines(net, shape, net.init(keys.child(rng, keys.PARAMS), shape), ()))


def _lines(layer: Layer, shape: Shape, params: Tree, place: tuple[int, ...]) -> Iterator[Line]:
    inputs = layer.inputs(shape)
    for i, (part, given) in enumerate(zip(layer.parts, inputs, strict=False)):
        yield from _lines(part, given, params[i], (*place, i))
    if not inputs:
        out = layer.shape(shape)
        sizes = [(where[-1:], leaf.size) for where, leaf in tree.items(params)]
        cost = sum(size for name, size in sizes if name == ("W",)) * math.prod(out[:-1])
        yield Line(place, layer.name or "layer", out, sum(size for _, size in sizes), cost)


def table(lines: list[Line]) -> str:
    """The lines as aligned text, with totals."""
    rows: list[tuple[str, ...]] = [("place", "layer", "output", "parameters", "multiply-adds")]
    for place, name, shape, *counts in lines:
        row = (".".join(map(str, place)), name, "x".join(map(str, shape)))
        rows.append((*row, *(f"{n:,}" for n in counts)))
    totals = (sum(line.parameters for line in lines), sum(line.multiply_adds for line in lines))
    rows.append(("", "total", "", *(f"{n:,}" for n in totals)))
    a, b, c, d, e = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(f"{r[0]:{a}}  {r[1]:{b}}  {r[2]:{c}}  {r[3]:>{d}}  {r[4]:>{e}}" for r in rows)
