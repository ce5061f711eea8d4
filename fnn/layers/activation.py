"""Element-wise non-linearities, for arrays of any shape."""

import math
from typing import Any

import numpy as np

from fnn.arrays import Array
from fnn.errors import real
from fnn.kernels import activation
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

    A t of NaN gives y = NaN and passes dy on; where dt is 0, it is 0 for an infinite dy, too.
    """

    def forward(x: Array, train: bool) -> tuple[Array, Array]:
        y = activation.relu(x)
        return y, y

    return plain("relu", forward, activation.relu_vjp)


@constructor
def gelu() -> Layer:
    """The Gaussian error linear unit in its tanh form, within 5e-4 of the exact one.

    y = t/2 (1 + tanh(sqrt(2/pi) (t + 0.044715 t^3)))

    Source: Hendrycks and Gimpel, "Gaussian error linear units", arXiv:1606.08415.
    """

    def forward(x: Array, train: bool) -> tuple[Array, Any]:
        if not train:  # a gradient is rarely needed
            return activation.gelu(x), (x, None)
        y, slope = activation.gelu_and_slope(x)
        return y, (None, slope)

    def backward(saved: Any, dy: Array) -> Array:
        x, slope = saved
        return activation.times(activation.gelu_and_slope(x)[1] if slope is None else slope, dy)

    return plain("gelu", forward, backward)


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
        raise ValueError(f"activation {name!r}: expected one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()


ACTIVATIONS = {"sigmoid": sigmoid, "relu": relu, "gelu": gelu}
