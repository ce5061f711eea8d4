"""Quantization: weights in a few bits each, a quarter of the size or less, to recognize images.

Each weight is rounded to one of 2 top + 1 multiples of a step; every filter or node has its own:

    W[..., k] = step[k] q[..., k],   q in -top..top,   step[k] = max |W[..., k]| / top

In an array of at most 32768 weights, top is 63, and eight weights take seven bytes. In a larger one
it is 12, and Huffman's code gives frequent integers fewer bits: about 3.6 a weight. Small arrays
are few of a network's bytes, and one is its first layer, whose errors all others get.

Sources: after Jacob et al., "Quantization and training of neural networks for efficient
integer-arithmetic-only inference", CVPR 2018, and Han, Mao and Dally, "Deep compression:
compressing deep neural networks with pruning, trained quantization and Huffman coding", ICLR 2016.
"""

from __future__ import annotations

import math
import zlib
from contextlib import suppress
from typing import Any

import numpy as np

from fnn import tree
from fnn.arrays import Array
from fnn.tree import Tree

PACKED, CODED = {"q", "shape", "step"}, {"code", "shape", "step"}  # what arrays become in the tree
BITS, LARGE = 7, 2**15  # an array of more weights is coded
TOP, COARSE_TOP = 2 ** (BITS - 1) - 1, 12


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
    return tree.map_nodes(_weight, CODED, tree.map_nodes(_weight, PACKED, params))


def is_shape(value: object) -> bool:
    """Whether a value from a file is a tuple of ints above 0."""
    return type(value) is tuple and all(type(n) is int and n > 0 for n in value)


def _rounded(w: Array) -> Tree:
    large = w.size > LARGE
    top = COARSE_TOP if large else TOP
    step = abs(w).max(axis=tuple(range(w.ndim - 1))) / np.float32(top)
    step = np.where(step > 0, step, np.float32(1)).astype(np.float32)
    q = np.rint(w / step).astype(np.int8)
    return {**({"code": _coded(q)} if large else {"q": _packed(q)}), "shape": w.shape, "step": step}


def _weight(node: Tree) -> Array:
    coded, shape, step = "code" in node, node["shape"], node["step"]
    data = node["code" if coded else "q"]
    if not (isinstance(data, np.ndarray) and isinstance(step, np.ndarray)):
        raise ValueError("a weight's numbers or steps are not arrays")
    if not is_shape(shape) or not shape:
        raise ValueError(f"a weight's shape is {shape}")
    n = math.prod(shape)
    fits = 8 * data.size >= n if coded else data.size == -(-n * BITS // 8)
    if data.dtype != np.uint8 or data.ndim != 1 or not fits:
        raise ValueError(f"a weight of shape {shape} does not fit {data.shape} {data.dtype}")
    if step.dtype != np.float32 or step.shape != shape[-1:] or not np.isfinite(step).all():
        raise ValueError(f"a weight of shape {shape} has invalid steps, {step.shape} {step.dtype}")
    q = _decoded(data, n) if coded else _unpacked(data, n)
    return np.asarray(q.reshape(shape) * step)


def _packed(q: Array) -> Array:
    """Integers in -TOP..TOP as bytes, BITS bits each, one after another."""
    above_zero = (q.reshape(-1, 1) + TOP).astype(np.uint8)
    return np.packbits(np.unpackbits(above_zero, axis=1)[:, -BITS:])


def _unpacked(data: Array, n: int) -> Array:
    """The n integers that `_packed` put into bytes, as int8."""
    bits = np.unpackbits(data, count=n * BITS).reshape(n, BITS)
    above_zero = np.packbits(bits, axis=1)[:, 0] >> (8 - BITS)
    return above_zero.astype(np.int8) - np.int8(TOP)


def _coded(q: Array) -> Array:
    """Integers of eight bits as Huffman's code: zlib's, without a search for repetitions."""
    coder = zlib.compressobj(zlib.Z_BEST_COMPRESSION, strategy=zlib.Z_HUFFMAN_ONLY)
    return np.frombuffer(coder.compress(q.tobytes()) + coder.flush(), np.uint8)


def _decoded(data: Array, n: int) -> Array:
    """The n integers that `_coded` wrote, as int8; ValueError if the bytes are not theirs."""
    coder = zlib.decompressobj()
    with suppress(zlib.error):
        found = coder.decompress(data.tobytes(), n + 1)  # no more, whatever the bytes say
        if len(found) == n and coder.eof and not coder.unused_data:
            return np.frombuffer(found, np.int8)
    raise ValueError(f"the code of {n} weights is damaged")
