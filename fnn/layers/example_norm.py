"""Normalization of each example by itself: the same in training and testing, without a state."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fnn.arrays import Array, Shape, hwnc, nhwc
from fnn.errors import real, whole
from fnn.kernels import example_norm as kernel
from fnn.keys import Key
from fnn.layers.checks import check_dy, check_input, check_leaves, check_params
from fnn.layers.layer import Cache, Layer, constructor
from fnn.tree import Tree


@constructor
def layer_norm(*, eps: float = 1e-5) -> Layer:
    """Gives the channels of each pixel mean 0 and variance 1, then a learned scale and shift.

        y = gamma (x - mean) / sqrt(var + eps) + beta,  mean and biased variance over the last axis

    x is (N, ..., C), gamma and beta are (C,), at first 1 and 0. This is the normalization of
    transformers and ConvNeXt, and Keras's default; `group_norm(1)` is over all pixels, too.
    Results are right to 1e-5 of the largest in float32. Raises ValueError for eps <= 0.

    Source: Ba et al., "Layer normalization", arXiv:1607.06450.
    """
    eps = _positive("layer_norm: eps", eps)

    def forward(x: Array, gamma: Array, beta: Array) -> tuple[Array, Any]:
        return kernel.by_row(x.reshape(-1, x.shape[-1]), gamma, beta, eps)

    def backward(saved: Any, gamma: Array, dy: Array) -> tuple[Array, Array, Array]:
        return kernel.by_row_vjp(saved, gamma, dy.reshape(-1, dy.shape[-1]))

    return _normalizing("layer_norm", lambda s: _at_least_one("layer_norm", s), forward, backward)


@constructor
def group_norm(groups: int = 32, *, eps: float = 1e-5) -> Layer:
    """Gives each group of channels of an example mean 0 and variance 1, then a scale and shift.

        y = gamma (x - mean) / sqrt(var + eps) + beta

    mean and biased variance are over all pixels and the C / groups channels of a group, one after
    another. x is (N, ..., C), gamma and beta are (C,), at first 1 and 0. Results are right to 1e-5
    of the largest in float32. Raises ValueError for eps <= 0, groups < 1 and channels that are not
    a multiple of the groups.

    Source: Wu and He, "Group normalization", ECCV 2018.
    """
    groups, eps = whole("group_norm: groups", groups), _positive("group_norm: eps", eps)
    name = f"group_norm({groups})"

    def shape(s: Shape) -> Shape:
        if _at_least_one(name, s)[-1] % groups:
            raise ValueError(f"{name}: {s[-1]} channels cannot be cut into {groups} groups")
        return s

    def forward(x: Array, gamma: Array, beta: Array) -> tuple[Array, Any]:
        return kernel.by_group(x, gamma, beta, groups, eps)

    def backward(saved: Any, gamma: Array, dy: Array) -> tuple[Array, Array, Array]:
        return kernel.by_group_vjp(saved, gamma, dy, groups)

    return _normalizing(name, shape, forward, backward)


def _positive(what: str, eps: float) -> float:
    if real(what, eps) <= 0:
        raise ValueError(f"{what}: expected a number above 0, found {eps}")
    return real(what, eps)


def _at_least_one(name: str, s: Shape) -> Shape:
    if not math.prod(s) or not s:
        raise ValueError(f"{name}: expected an example with channels, found one of shape {s}")
    return s


def _normalizing(
    name: str,
    shape: Callable[[Shape], Shape],
    forward: Callable[[Array, Array, Array], tuple[Array, Any]],
    backward: Callable[[Any, Array, Array], tuple[Array, Array, Array]],
) -> Layer:
    """A layer with gamma and beta; its functions work on contiguous (pixels, N, C)."""

    def make(rng: Key, s: Shape) -> Tree:
        c = shape(s)[-1]
        return {"gamma": np.ones(c, np.float32), "beta": np.zeros(c, np.float32)}

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_input(name, x, shape)
        c = x.shape[-1:]
        check_params(name, params, x, {"gamma": c, "beta": c})
        check_leaves(name, "state", state, {}, x)
        y, saved = forward(_pixels(x), params["gamma"], params["beta"])
        return _images(y, x.shape), Cache((saved, x.shape), state)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        saved, shape = cache.saved
        check_dy(name, dy, shape)
        dx, dgamma, dbeta = backward(saved, params["gamma"], _pixels(dy))
        return _images(dx, shape), {"gamma": dgamma, "beta": dbeta}

    return Layer(make, apply, vjp, shape, name=name)


def _pixels(x: Array) -> Array:
    """(N, ..., C) as a contiguous (pixels, N, C) array; a view of images as they lie in memory."""
    inner = hwnc(x) if x.ndim == 4 else np.ascontiguousarray(np.moveaxis(x, 0, -2))
    return inner.reshape(math.prod(x.shape[1:-1]), len(x), x.shape[-1])


def _images(a: Array, shape: Shape) -> Array:
    """The inverse of `_pixels`."""
    n, *sides, c = shape
    inner = a.reshape(*sides, n, c)
    return nhwc(inner) if len(shape) == 4 else np.moveaxis(inner, -2, 0)
