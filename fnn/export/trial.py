"""Whether an entry of one's own computes what its layer does: both are tried on an example."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnn import keys
from fnn.arrays import Array, Shape
from fnn.errors import InputError, one_line
from fnn.export.images import NUMBERS
from fnn.export.piece import Named, Piece, in_order, joined
from fnn.export.proto import Port, model_proto
from fnn.layers.layer import Layer
from fnn.tree import Tree

NEAR = 1e-3  # of the largest number: more than rounding, less than a mistake


def try_entry(
    where: str, layer: Layer, params: Tree, state: Tree, shape: Shape, piece: Piece
) -> None:
    """Raise InputError unless the piece computes what `apply` does from two random examples.

    The piece's input is called `NUMBERS`, and has its channels last. ONNX's reference computes it.
    `where` is the layer's place and name.
    """
    x = keys.generator((0, keys.SAMPLE)).standard_normal((2, *shape), np.float32)
    with np.errstate(all="ignore"):
        y = layer.apply(params, state, x, False)[0]
    out = in_order(piece.y, "last")
    end = Piece((Named("y", "Identity", (out.y.name,), {}),), {}, out.y)
    whole = joined(piece, out, end)
    try:
        ports = Port(NUMBERS, shape), [Port("y", y.shape[1:])]
        model = model_proto("trial", "", whole, *ports, {})
        from onnx.reference import ReferenceEvaluator

        with np.errstate(all="ignore"):
            outputs: Any = ReferenceEvaluator(model).run(None, {NUMBERS: x})
        found: Array = outputs[0]
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except Exception as error:  # whatever an operator has to say of its inputs
        told = one_line(str(error), 300)
        raise InputError(f"{where}: its entry does not run in ONNX's reference: {told}") from None
    bound = NEAR * np.abs(y).max(initial=1e-30, where=np.isfinite(y))
    if found.shape != y.shape or not np.allclose(found, y, 0, bound, equal_nan=True):
        raise InputError(
            f"{where}: its entry computes something else than its apply: for random examples "
            f"{_start(found)} in place of {_start(y)}"
        )


def _start(a: Array) -> str:
    """The shape and the first numbers of an array."""
    return f"{a.shape} {', '.join(f'{v:.4g}' for v in a.ravel()[:3])}, ..."
