"""GELU by the normal distribution itself, for which NumPy has no function."""

from __future__ import annotations

import math

import numpy as np
from numpy.polynomial.chebyshev import cheb2poly

from fnn.arrays import Array
from fnn.kernels.rows import blockwise

HEAVY = 1 << 17  # numbers in a block
FAR = 40.0  # beyond it, the normal distribution's tail is 0 in float64, too
MIDDLE = 3.75
# (1 + 2 z) exp(z^2) erfc(z) for z >= 0 in Chebyshev polynomials of (z - MIDDLE) / (z + MIDDLE),
# computed with 40 digits. Source: Shepherd and Laframboise, "Chebyshev approximation of
# (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity", Mathematics of Computation 36, 1981.
SERIES = (
    *(1.1775789345674017, -0.004590054580646478, -0.08424913336651792),
    *(0.05920993999819189, -0.026658668435305753, 0.009074997670705265),
    *(-0.002413163540417608, 0.0004907758365258086, -6.916973302501206e-05),
    *(4.139027986073012e-06, 7.740383066198506e-07, -2.1886401049234267e-07),
    *(1.076499946567197e-08, 4.521959811219096e-09, -7.754400208825849e-10),
    *(-6.318088340858015e-11, 2.8687950109327233e-11, 1.945586852120397e-13),
    *(-9.654696753528955e-13, 3.252548071309353e-14, 3.347811846308491e-14),
    *(-1.8645641417328956e-15, -1.2507965437434497e-15, 7.418064689338159e-17),
)
# As powers, the highest first; 12 terms are enough for float32.
POWERS = {
    np.dtype(kind): cheb2poly(SERIES[:terms])[::-1].tolist()
    for kind, terms in ((np.float32, 12), (np.float64, 24))
}


def gelu(x: Array) -> Array:
    """x Phi(x) with the distribution function Phi of the standard normal, laid out as x."""

    def f(x: Array, near: Array, tail: Array, t: Array, out: tuple[Array]) -> None:
        _tail(x, near, tail, t)
        _value(x, near, tail, *out)

    return blockwise(f, x, scratch=[x.dtype] * 3, block=HEAVY)[0]


def gelu_and_slope(x: Array) -> tuple[Array, Array]:
    """`gelu` and its derivative at x, Phi(x) + x phi(x), both laid out as x."""

    def f(x: Array, near: Array, tail: Array, t: Array, out: tuple[Array, Array]) -> None:
        y, slope = out
        _tail(x, near, tail, t)
        _value(x, near, tail, y)
        np.copysign(near, x, out=near)
        t *= 1 / math.sqrt(2 * math.pi)
        t *= near  # x phi(x)
        np.add(x, 0.0, out=slope)  # no -0
        np.copysign(tail, slope, out=tail)
        np.greater_equal(x, 0, out=slope)
        slope -= tail  # Phi(x): 1 - tail above 0, the tail below
        slope += t

    y, slope = blockwise(f, x, results=2, scratch=[x.dtype] * 3, block=HEAVY)
    return y, slope


def _value(x: Array, near: Array, tail: Array, out: Array) -> None:
    """x Phi(x) = max(x, 0) - |x| tail: small numbers keep their digits."""
    np.multiply(near, tail, out=out)
    np.subtract(np.maximum(x, 0), out, out=out)


def _tail(x: Array, near: Array, tail: Array, bell: Array) -> None:
    """Fill near with |x|, FAR at most, tail with Phi(-near), bell with exp(-near^2 / 2)."""
    np.abs(x, out=near)
    np.minimum(near, FAR, out=near)
    z, t = bell, near * math.sqrt(0.5)
    np.add(t, MIDDLE, out=z)
    t -= MIDDLE
    t /= z
    first, *powers = POWERS[x.dtype]
    tail.fill(first)
    for power in powers:
        tail *= t
        tail += power
    np.multiply(near, 2 * math.sqrt(2), out=t)
    t += 2
    tail /= t  # both halved: Phi(-x) = erfc(x / sqrt(2)) / 2
    np.multiply(near, near, out=bell)
    bell *= -0.5
    np.exp(bell, out=bell)
    tail *= bell
