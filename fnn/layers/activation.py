"""Element-wise non-linearities, for arrays of any shape."""

import math

import numpy as np

from fnn.arrays import Array, check_float
from fnn.kernels import activation
from fnn.layers.layer import Cache, Layer, empty
from fnn.tree import Tree


def sigmoid() -> Layer:
    """The logistic function, in (0, 1).

    y = 1 / (1 + exp(-t))          equation (2)
    dt = dy * (1 - y) * y                   (19)

    Exact to rounding for every t: where exp(-t) would overflow, t is replaced by the lowest value
    that does not, and y is practically 0 (below 1e-38 in float32).
    """

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_float("sigmoid", x)
        y = np.maximum(x, -math.floor(math.log(np.finfo(x.dtype).max)))
        np.negative(y, out=y)
        np.exp(y, out=y)
        y += 1
        np.reciprocal(y, out=y)
        return y, Cache(y, state)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        y = cache.saved
        dt = 1 - y
        dt *= y
        dt *= dy
        return dt, {}

    return Layer(empty, apply, vjp, name="sigmoid")


def relu() -> Layer:
    """The rectifier.

    y = max(t, 0)                      equation (24)
    dt = dy where t > 0, 0 where t <= 0         (25)
    """

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_float("relu", x)
        y = activation.relu(x)
        return y, Cache(y, state)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        return activation.relu_vjp(cache.saved, dy), {}

    return Layer(empty, apply, vjp, name="relu")


def gelu() -> Layer:
    """The Gaussian error linear unit in its tanh form, within 5e-4 of the exact one.

    y = t/2 (1 + tanh(sqrt(2/pi) (t + 0.044715 t^3)))

    Source: Hendrycks and Gimpel, "Gaussian error linear units", arXiv:1606.08415.
    """

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_float("gelu", x)
        if not train:  # a gradient is rarely needed
            return activation.gelu(x), Cache((x, None), state)
        y, slope = activation.gelu_and_slope(x)
        return y, Cache((None, slope), state)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        x, slope = cache.saved
        return activation.times(activation.gelu_and_slope(x)[1] if slope is None else slope, dy), {}

    return Layer(empty, apply, vjp, name="gelu")


def scaled(factor: float) -> Layer:
    """y = factor * x, with a constant that is not learned, such as a temperature before a loss."""
    factor = float(factor)  # a NumPy scalar would turn float32 into float64

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_float("scaled", x)
        return x * factor, Cache((), state)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        return dy * factor, {}

    return Layer(empty, apply, vjp, name=f"scaled({factor:g})")


ACTIVATIONS = {"sigmoid": sigmoid, "relu": relu, "gelu": gelu}
