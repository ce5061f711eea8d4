"""A graph as ONNX's own objects, checked; the onnx package is imported only here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fnn import __version__
from fnn.arrays import Array, Shape
from fnn.errors import InputError, one_line
from fnn.export.piece import Named, Piece

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 20  # the first with Gelu
IR = 9  # the file format that came with it, which onnxruntime reads from 1.17 on
LARGEST = 2**31 - 1  # bytes, of any file in Google's format
BATCH = "N"


class Port(NamedTuple):
    """An input or output: a batch of examples of a shape."""

    name: str
    shape: Shape
    dtype: type[np.generic] = np.float32


def check_onnx() -> None:
    """Raise InputError unless onnx is installed."""
    try:
        import onnx  # noqa: F401 - to see whether it is installed
    except ImportError as error:
        raise InputError(f"writing ONNX needs onnx ({error}): pip install onnx") from None


def model_proto(
    name: str,
    doc: str,
    graph: Piece,
    given: Port,
    outputs: Sequence[Port],
    about: Mapping[str, str],
) -> ModelProto:
    """The model; raises InputError if it is too large or if `onnx.checker` refuses it."""
    check_onnx()
    from onnx import checker, helper, numpy_helper, shape_inference

    arrays = {key: stored(a) for key, a in graph.weights.items()}
    size = sum(a.nbytes for a in arrays.values())
    if size >= LARGEST:
        raise InputError(f"the parameters take {size / 1e9:.1f} GB: an ONNX file has at most 2 GB")
    made = helper.make_graph(
        [_node(one) for one in graph.nodes],
        name,
        [_port(given)],
        [_port(port) for port in outputs],
        [numpy_helper.from_array(a, key) for key, a in arrays.items()],
        doc,
    )
    model = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
        producer_name="fnn",
        producer_version=__version__,
        doc_string=doc,
    )
    helper.set_model_props(model, dict(about))
    try:
        checker.check_model(model, full_check=True)
    except (checker.ValidationError, shape_inference.InferenceError) as error:
        raise InputError(f"onnx.checker refuses the model: {one_line(str(error), 400)}") from None
    return model


def stored(a: Array) -> Array:
    """The array as it is kept: floating-point numbers as float32, without gaps."""
    return np.array(a, np.float32 if a.dtype.kind == "f" else a.dtype, order="C")


def _node(one: Named) -> Any:
    from onnx import helper

    more = {
        key: _branch(key, value) if isinstance(value, Piece) else value
        for key, value in one.attributes.items()
    }
    try:
        return helper.make_node(one.op, one.inputs, [one.name], one.name, **more)
    except (TypeError, ValueError) as error:
        raise InputError(f"the node {one.name}: {one_line(str(error), 200)}") from None


def _branch(name: str, piece: Piece) -> Any:
    """A graph within a node, which sees the values and the arrays of the graph around it."""
    from onnx import TensorProto, helper

    out = helper.make_tensor_value_info(piece.y.name, TensorProto.FLOAT, None)
    return helper.make_graph([_node(one) for one in piece.nodes], name, [], [out])


def _port(port: Port) -> Any:
    from onnx import helper

    kind = helper.np_dtype_to_tensor_dtype(np.dtype(port.dtype))
    return helper.make_tensor_value_info(port.name, kind, [BATCH, *port.shape])
