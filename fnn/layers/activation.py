"""Element-wise non-linearities, for arrays of any shape."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fnn.arrays import Array
from fnn.errors import did_you_mean, real
from fnn.kernels import activation, normal
from fnn.layers.layer import Layer, constructor, plain


@constructor
def sigmoid() -> Layer:
    """The logistic function, in (0, 1).

        y = 1 / (1 + exp(-t))          equation (2)
        dt = dy * (1 - y) * y                   (19)

    Exact to rounding for every t: where exp(-t) would overflow, t is replaced by the lowest value
    that does not, and y is practically 0 (below 1e-38 in float32).
    """

    def forward(x: Array, train: bool) -> tuple[Array, Array]:
        y = np.maximum(x, -math.floor(math.log(np.finfo(x.dtype).max)))
        np.negative(y, out=y)
        np.exp(y, out=y)
        y += 1
        np.reciprocal(y, out=y)
        return y, y

    def backward(y: Array, dy: Array) -> Array:
        dt = 1 - y
        dt *= y
        dt *= dy
        return dt

    return plain("sigmoid", forward, backward)


@constructor
def relu() -> Layer:
    """The rectifier.

        y = max(t, 0)                      equation (24)
        dt = dy where t > 0, 0 where t <= 0         (25)

    A t of NaN gives y = NaN and dt = NaN; where dt is 0, it is 0 for an infinite dy, too.
    """

    def forward(x: Array, train: bool) -> tuple[Array, Array]:
        y = activation.relu(x)
        return y, y

    return plain("relu", forward, activation.relu_vjp)


@constructor
def gelu(*, exact: bool = False) -> Layer:
    """The Gaussian error linear unit; by default in its tanh form, within 5e-4 of the exact one.

        y = t/2 (1 + tanh(sqrt(2/pi) (t + 0.044715 t^3)))
        y = t/2 (1 + erf(t / sqrt(2)))                          if exact

    The exact one is right to 1e-15 in float64 and 2e-7 in float32, times |t| where that is above 1.

    Source: Hendrycks and Gimpel, "Gaussian error linear units", arXiv:1606.08415.
    """
    if exact:
        return _smooth("gelu(exact)", normal.gelu, normal.gelu_and_slope)
    return _smooth("gelu", activation.gelu, activation.gelu_and_slope)


@constructor
def silu() -> Layer:
    """The sigmoid linear unit, also called swish.

        y = t / (1 + exp(-t))

    Source: Elfwing et al., "Sigmoid-weighted linear units for neural network function approximation
    in reinforcement learning", arXiv:1702.03118.
    """
    return _smooth("silu", activation.silu, activation.silu_and_slope)


def _smooth(
    name: str, value: Callable[[Array], Array], both: Callable[[Array], tuple[Array, Array]]
) -> Layer:
    """An activation from a function, and from the function that gives its derivative, too."""

    def forward(x: Array, train: bool) -> tuple[Array, Any]:
        if not train:  # a gradient is rarely needed
            return value(x), (x, None)
        y, slope = both(x)
        return y, (None, slope)

    def backward(saved: Any, dy: Array) -> Array:
        x, slope = saved
        return activation.times(both(x)[1] if slope is None else slope, dy)

    return plain(name, forward, backward)


@constructor
def scaled(factor: float) -> Layer:
    """y = factor * x, with a constant that is not learned, such as a temperature before a loss."""
    factor = real("scaled: factor", factor)
    return plain(
        f"scaled({factor:g})", lambda x, train: (x * factor, ()), lambda saved, dy: dy * factor
    )


def named(name: str) -> Layer:
    """The activation of that name; ValueError if there is none."""
    if name not in ACTIVATIONS:
        near = did_you_mean(str(name), ACTIVATIONS)
        raise ValueError(f"activation {name!r}: expected one of {', '.join(ACTIVATIONS)}{near}")
    return ACTIVATIONS[name]()


ACTIVATIONS = {"sigmoid": sigmoid, "relu": relu, "gelu": gelu, "silu": silu}
