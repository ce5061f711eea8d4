"""Activations and their gradients, block by block; arrays of any shape and memory order."""

from __future__ import annotations

import math

import numpy as np

from fnn.arrays import Array
from fnn.kernels.rows import blockwise, keep, spread_nan

HEAVY = 1 << 16  # numbers in a block, for functions that are slow
FLAT = 1e4  # x^2 above which tanh is 1 or -1 to the last bit
K, A = math.sqrt(2 / math.pi), 0.044715  # gelu's


def relu(x: Array) -> Array:
    """max(x, 0), laid out as x."""
    return blockwise(np.maximum, x, np.zeros(1, x.dtype))[0]


def relu_vjp(y: Array, dy: Array) -> Array:
    """dy where relu's result y is above 0, NaN where it is NaN, else 0; laid out as y."""

    def f(y: Array, dy: Array, passed: Array, out: tuple[Array]) -> None:
        np.greater(y, 0, out=passed)
        keep(passed, dy, *out)
        spread_nan(y, *out)

    return blockwise(f, y, dy, scratch=[bool])[0]


def gelu(x: Array) -> Array:
    """x times a smooth step from 0 to 1 (see `fnn.gelu`), laid out as x."""

    def f(x: Array, out: tuple[Array]) -> None:
        t = _tanh_of_cubic(x, *out)
        t += 1
        t *= x
        t *= 0.5

    return blockwise(f, x, block=HEAVY)[0]


def gelu_and_slope(x: Array) -> tuple[Array, Array]:
    """`gelu` and its derivative at x, both laid out as x; one tanh serves both."""

    def f(x: Array, square: Array, out: tuple[Array, Array]) -> None:
        y, slope = out
        t = _tanh_of_cubic(x, y)
        # 1/2 (1 + t) + 1/2 x (1 - t^2) k (1 + 3 a x^2)
        np.multiply(x, x, out=square)
        np.minimum(square, FLAT, out=square)  # else 0 times infinity, where t^2 is 1
        square *= 1.5 * A * K
        square += 0.5 * K
        square *= x
        np.multiply(t, t, out=slope)
        np.subtract(1, slope, out=slope)
        slope *= square
        t += 1
        t *= 0.5
        slope += t
        t *= x

    y, slope = blockwise(f, x, results=2, scratch=[x.dtype], block=HEAVY)
    return y, slope


def silu(x: Array) -> Array:
    """x / (1 + exp(-x)), laid out as x."""

    def f(x: Array, t: Array, out: tuple[Array]) -> None:
        _sigmoid(x, t, *out)
        np.multiply(t, *out, out=out)

    return blockwise(f, x, scratch=[x.dtype], block=HEAVY)[0]


def silu_and_slope(x: Array) -> tuple[Array, Array]:
    """`silu` and its derivative at x, s + s (1 - s) x for the sigmoid s; both laid out as x."""

    def f(x: Array, s: Array, out: tuple[Array, Array]) -> None:
        y, slope = out
        _sigmoid(x, slope, s)
        np.multiply(slope, s, out=y)
        np.minimum(slope, _limit(x), out=slope)  # else infinity times 0
        slope *= 1 - s
        slope += 1
        slope *= s

    y, slope = blockwise(f, x, results=2, scratch=[x.dtype], block=HEAVY)
    return y, slope


def _limit(x: Array) -> int:
    """The largest integer whose exponential x's type can hold."""
    return math.floor(math.log(np.finfo(x.dtype).max))


def _sigmoid(x: Array, above: Array, out: Array) -> None:
    """Fill `above` with x, kept from where exp(-x) overflows, and `out` with its sigmoid."""
    np.maximum(x, -_limit(x), out=above)
    np.negative(above, out=out)
    np.exp(out, out=out)
    out += 1
    np.reciprocal(out, out=out)


def times(a: Array, b: Array) -> Array:
    """a * b, laid out as a."""
    return blockwise(np.multiply, a, b)[0]


def _tanh_of_cubic(x: Array, out: Array) -> Array:
    """tanh(k (x + a x^3))."""
    np.multiply(x, x, out=out)
    out *= A * K
    out += K
    out *= x
    return np.tanh(out, out=out)
