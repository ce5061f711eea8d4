"""Initial weights and biases: values for the argument `init` of `dense` and `conv`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from fnn.arrays import Array, Shape
from fnn.errors import kind, real
from fnn.keys import Key, generator

Fill: TypeAlias = Callable[[Key, Shape, int, int], Array]


class Initializer(NamedTuple):
    """Two functions `(rng, shape, fan_in, fan_out) -> float32 array`: for W and for b."""

    W: Fill
    b: Fill

    def __repr__(self) -> str:
        return name_of(self) or "Initializer(...)"


def check_initializer(where: str, init: Initializer) -> None:
    """Raise TypeError, which begins with `where`, unless `init` can fill W and b."""
    if not (hasattr(init, "W") and hasattr(init, "b")):
        hint = "take one such as fnn.initializers.he, or Initializer(normal(2), constant(0))"
        raise TypeError(f"{where}: expected an initializer, found {kind(init)}: {hint}")


def normal(gain: float = 1.0) -> Fill:
    """Normal with mean 0 and variance `gain / fan_in`."""
    gain = _positive("normal: gain", gain)

    def fill(rng: Key, shape: Shape, fan_in: int, fan_out: int) -> Array:
        return generator(rng).standard_normal(shape, np.float32) * math.sqrt(gain / fan_in)

    return fill


def uniform(gain: float = 1.0) -> Fill:
    """Uniform with mean 0 and variance `2 * gain / (fan_in + fan_out)`."""
    gain = _positive("uniform: gain", gain)

    def fill(rng: Key, shape: Shape, fan_in: int, fan_out: int) -> Array:
        limit = math.sqrt(6 * gain / (fan_in + fan_out))
        return (generator(rng).random(shape, np.float32) * 2 - 1) * limit

    return fill


def constant(value: float = 0.0) -> Fill:
    """The same value everywhere."""
    value = real("constant: value", value)

    def fill(rng: Key, shape: Shape, fan_in: int, fan_out: int) -> Array:
        return np.full(shape, value, np.float32)

    return fill


def _positive(what: str, gain: float) -> float:
    if real(what, gain) < 0:
        raise ValueError(f"{what}: expected 0 or more, found {gain}")
    return float(gain)


def partial_identity(rest: Fill) -> Fill:
    """A convolution whose first C filters copy its C input channels; `rest` fills the others.

    Source: Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv:2404.00498.
    """

    def fill(rng: Key, shape: Shape, fan_in: int, fan_out: int) -> Array:
        w = rest(rng, shape, fan_in, fan_out).copy()
        if len(shape) == 4:
            middle, copied = shape[0] // 2, range(min(shape[2:]))
            w[..., copied] = 0
            w[middle, middle, copied, copied] = 1
        return w

    return fill


course = Initializer(normal(1), normal(1))
"""The course, task 1: variance 1/N, with N nodes in the layer before."""
he = Initializer(normal(2), constant(0))
"""Variance 2/N keeps a ReLU net's signal (He et al., "Delving deep into rectifiers", ICCV 2015)."""
glorot = Initializer(uniform(1), constant(0))
"""Glorot and Bengio, "Understanding the difficulty of training deep feedforward networks", 2010."""
zeros = Initializer(constant(0), constant(0))
"""Nothing but zeros."""
passing = Initializer(partial_identity(normal(1 / 3)), constant(0))
"""Convolutions start by passing their input on; all other weights have variance 1/(3 N)."""

NAMED = {"course": course, "he": he, "glorot": glorot, "zeros": zeros, "passing": passing}


def named(name: str) -> Initializer:
    """One of these initializers by its name; ValueError if there is none."""
    if name not in NAMED:
        raise ValueError(f"there is no initializer {name!r:.40}: expected {', '.join(NAMED)}")
    return NAMED[name]


def name_of(init: Initializer) -> str | None:
    """The name of one of these initializers; None for another."""
    return next((name for name, known in NAMED.items() if known is init), None)
