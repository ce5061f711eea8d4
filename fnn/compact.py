"""Parameters in a byte each: a quarter of the size, for recognising images and not for training.

Each weight is rounded to one of 255 multiples of a step, of which every filter or node has its own:

    W[..., k] = step[k] q[..., k],   q in -127..127,   step[k] = max |W[..., k]| / 127

Source: after Jacob et al., "Quantization and training of neural networks for efficient
integer-arithmetic-only inference", CVPR 2018.
"""

import numpy as np

from fnn import tree
from fnn.layers.layer import Array
from fnn.tree import Tree

NODE = {"q", "step"}  # what a weight becomes in the tree


def compact(params: Tree) -> Tree:
    """The tree with every float32 leaf named W as bytes and steps; the others stay.

    >>> compact({"W": np.float32([[1, 254], [2, -508]])})["W"]["q"]
    array([[  64,   64],
           [ 127, -127]], dtype=int8)
    """
    return tree.map_named(
        lambda name, leaf: (
            _bytes(leaf)
            if name == "W" and isinstance(leaf, np.ndarray) and leaf.dtype == np.float32
            else leaf
        ),
        params,
    )


def expanded(params: Tree) -> Tree:
    """What `compact` made small, as float32 again; any other tree as it is.

    Raises ValueError where a weight's bytes and steps are of other types or do not fit.
    """
    return tree.map_nodes(_weight, NODE, params)


def _weight(node: Tree) -> Array:
    q, step = node["q"], node["step"]
    if not (isinstance(q, np.ndarray) and isinstance(step, np.ndarray)):
        raise ValueError("a weight's bytes or steps are no arrays")
    if q.dtype != np.int8 or step.dtype != np.float32 or step.shape != q.shape[-1:]:
        raise ValueError(f"bytes {q.shape} {q.dtype} do not fit steps {step.shape}")
    if not np.isfinite(step).all():
        raise ValueError("some steps are not finite")
    return np.asarray(q * step)


def _bytes(w: Array) -> Tree:
    step = abs(w).max(axis=tuple(range(w.ndim - 1))) / np.float32(127)
    step = np.where(step > 0, step, np.float32(1)).astype(np.float32)
    return {"q": np.rint(w / step).astype(np.int8), "step": step}
