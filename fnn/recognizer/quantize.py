"""Quantization: weights in seven bits each, a quarter of the size, to recognize images with.

Each weight is rounded to one of 127 multiples of a step; every filter or node has its own step:

    W[..., k] = step[k] q[..., k],   q in -63..63,   step[k] = max |W[..., k]| / 63

Eight weights take seven bytes. On 4000 distorted digits, a network of the recipe "single" changed 2
answers (with eight bits none, with six 2, with five 6, with four 13); as many were right as before.
The logits changed by 0.04, root mean square (with eight bits by 0.01, with six by 0.05, with five
by 0.14). Steps that minimize the squared error are no better for five bits or more.

Source: after Jacob et al., "Quantization and training of neural networks for efficient
integer-arithmetic-only inference", CVPR 2018.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fnn import tree
from fnn.arrays import Array
from fnn.tree import Tree

NODE = {"q", "shape", "step"}  # what a weight becomes in the tree
BITS = 7
TOP = 2 ** (BITS - 1) - 1


def quantize(params: Tree) -> Tree:
    """The tree with every float32 leaf named W as integers and steps; other leaves are kept.

    >>> quantize({"W": np.float32([[1, 126], [63, -63]])})["W"]["step"]
    array([1., 2.], dtype=float32)
    """

    def small(name: Any, leaf: Any) -> Any:
        float32 = isinstance(leaf, np.ndarray) and leaf.dtype == np.float32
        return _rounded(leaf) if name == "W" and float32 else leaf

    return tree.map_named(small, params)


def dequantize(params: Tree) -> Tree:
    """The float32 tree of what `quantize` returned; other trees are returned as they are.

    Raises ValueError if the integers, the shape and the steps of a weight do not fit.
    """
    return tree.map_nodes(_weight, NODE, params)


def is_shape(value: object) -> bool:
    """Whether a value from a file is a tuple of ints above 0."""
    return type(value) is tuple and all(type(n) is int and n > 0 for n in value)


def _rounded(w: Array) -> Tree:
    step = abs(w).max(axis=tuple(range(w.ndim - 1))) / np.float32(TOP)
    step = np.where(step > 0, step, np.float32(1)).astype(np.float32)
    q = np.rint(w / step).astype(np.int8)
    return {"q": _packed(q), "shape": w.shape, "step": step}


def _weight(node: Tree) -> Array:
    q, shape, step = node["q"], node["shape"], node["step"]
    if not (isinstance(q, np.ndarray) and isinstance(step, np.ndarray)):
        raise ValueError("a weight's numbers or steps are not arrays")
    if not is_shape(shape) or not shape:
        raise ValueError(f"a weight's shape is {shape}")
    if q.dtype != np.uint8 or q.shape != (-(-math.prod(shape) * BITS // 8),):
        raise ValueError(f"a weight of shape {shape} does not fit {q.shape} {q.dtype}")
    if step.dtype != np.float32 or step.shape != shape[-1:] or not np.isfinite(step).all():
        raise ValueError(f"a weight of shape {shape} has invalid steps, {step.shape} {step.dtype}")
    return np.asarray(_unpacked(q, math.prod(shape)).reshape(shape) * step)


def _packed(q: Array) -> Array:
    """Integers in -TOP..TOP as bytes, BITS bits each, one after another."""
    above_zero = (q.reshape(-1, 1) + TOP).astype(np.uint8)
    return np.packbits(np.unpackbits(above_zero, axis=1)[:, -BITS:])


def _unpacked(data: Array, n: int) -> Array:
    """The n integers that `_packed` put into bytes, as int8."""
    bits = np.unpackbits(data, count=n * BITS).reshape(n, BITS)
    above_zero = np.packbits(bits, axis=1)[:, 0] >> (8 - BITS)
    return above_zero.astype(np.int8) - np.int8(TOP)
