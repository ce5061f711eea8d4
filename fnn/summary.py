"""A network as a table: its layers, the shapes between them, and what each costs."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from fnn import keys, tree
from fnn.arrays import Shape
from fnn.keys import Key
from fnn.layers.layer import Layer
from fnn.tree import Tree


class Line(NamedTuple):
    """A layer in a network."""

    place: tuple[int, ...]  # where its parameters are: params[i][j]...
    name: str
    shape: Shape  # of one example's output
    parameters: int
    multiply_adds: int  # for one example


def summary(net: Layer, shape: Shape, rng: Key = 0) -> list[Line]:
    """A line for each layer without parts, in the order of the parameters.

    Multiply-adds are the size of W times the number of pixels of the output, whichever way a
    convolution is computed. Layers without a W (pooling, normalization, activations) count 0.
    `shape` is one example's.

    >>> from fnn.models.classic import mlp
    >>> [(line.name, line.parameters) for line in summary(mlp(10, hidden=5), (2, 2, 1))]
    [('flatten', 0), ('dense(5)', 25), ('sigmoid', 0), ('dense(10)', 60)]
    """
    return list(_lines(net, shape, net.init(keys.child(rng, keys.PARAMS), shape), ()))


def _lines(layer: Layer, shape: Shape, params: Tree, place: tuple[int, ...]) -> Iterator[Line]:
    if not layer.parts:
        out = layer.shape(shape)
        sizes = {where[-1]: leaf.size for where, leaf in tree.items(params) if where}
        cost = sizes.get("W", 0) * math.prod(out[:-1])
        yield Line(place, layer.name or "layer", out, sum(sizes.values()), cost)
        return
    for i, part in enumerate(layer.parts):
        yield from _lines(part, shape, params[i], (*place, i))
        if layer.name == "serial":  # the branches of a parallel share one input
            shape = part.shape(shape)


def table(lines: list[Line]) -> str:
    """The lines as aligned text, with totals."""
    rows = [("place", "layer", "output", "parameters", "multiply-adds")]
    rows += [
        (
            ".".join(map(str, line.place)),
            line.name,
            "x".join(map(str, line.shape)),
            f"{line.parameters:,}",
            f"{line.multiply_adds:,}",
        )
        for line in lines
    ]
    parameters = sum(line.parameters for line in lines)
    multiply_adds = sum(line.multiply_adds for line in lines)
    rows.append(("", "total", "", f"{parameters:,}", f"{multiply_adds:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i >= 3 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
