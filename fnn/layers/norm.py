"""Batch normalisation, and the expectations that it uses in testing."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from fnn import tree
from fnn.kernels import norm
from fnn.kernels.layout import hwnc, nhwc
from fnn.kernels.pointwise import affine
from fnn.keys import Key
from fnn.layers.layer import Array, Cache, Layer, Shape, check_input
from fnn.tree import Tree

NODE = {"mean", "var"}  # what marks a batch_norm's state


def batch_norm(eps: float = 1e-5, rate: float = 0.1, scale: bool = True) -> Layer:
    """Gives every node mean 0 and variance 1 over the mini-batch, then a learned scale and shift.

        mean, var of the batch, var the biased one              equations (28)-(29)
        xhat = (x - mean) / sqrt(var + eps),  y = gamma xhat + beta       (30)-(31)
        backward                                                          (32)-(37)

    After a convolution, for x (N, H, W, C), a node is a channel and the mean goes over all pixels
    too. In testing the mean and variance are those of the state, (38), which in training move by
    `rate` of the way to the batch's: state' = state + rate (batch - state). `recalibrate` makes
    them the expectations over a whole data set. gamma and beta are (C,), at first 1 and 0; the
    state is {"mean": zeros, "var": ones} at first. Without `scale` there is no gamma: it is 1.
    Raises ValueError for eps <= 0 or a rate outside 0..1, and in training for a single value a
    node, whose variance says nothing.

    Source: Ioffe and Szegedy, "Batch normalization", ICML 2015; course, section 5.4.
    """
    eps, rate = float(eps), float(rate)  # a NumPy scalar would turn float32 into float64
    if eps <= 0 or not 0 <= rate <= 1:
        raise ValueError(f"batch_norm: expected eps > 0 and rate in 0..1, found {eps} and {rate}")

    def make(rng: Key, s: Shape) -> Tree:
        beta = {"beta": np.zeros(s[-1], np.float32)}
        return {"gamma": np.ones(s[-1], np.float32), **beta} if scale else beta

    def gamma(params: Tree) -> Array:
        return params["gamma"] if scale else np.ones_like(params["beta"])

    def state(rng: Key, s: Shape) -> Tree:
        return {"mean": np.zeros(s[-1], np.float32), "var": np.ones(s[-1], np.float32)}

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_input("batch_norm", x, (*x.shape[1:-1], len(params["beta"])))
        values = _contiguous(x)
        if train:
            if x.size < 2 * x.shape[-1]:
                raise ValueError(
                    "batch_norm: a training batch with one value a node has no variance: "
                    "give it two examples or more"
                )
            mean, var = norm.moments(values)
            step = state.get("rate", rate)  # recalibrate sets one of its own
            state = {
                **state,
                "mean": (state["mean"] + step * (mean - state["mean"])).astype(x.dtype),
                "var": (state["var"] + step * (var - state["var"])).astype(x.dtype),
            }
        else:
            mean, var = (state[name].astype(np.float64) for name in ("mean", "var"))
        inv = 1 / np.sqrt(var + eps)
        factor = gamma(params) * inv
        y = affine(values, factor, params["beta"] - mean * factor)
        return _like(x, y), Cache((values, mean, inv, train), state)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        x, mean, inv, train = cache.saved
        d = _contiguous(dy)
        if train:
            dx, dgamma, dbeta = norm.backward(x, mean, inv, gamma(params), d)
        else:
            dx = affine(d, gamma(params) * inv, np.zeros_like(inv))
            dgamma, dbeta = (g.astype(dy.dtype) for g in norm.gradients(x, mean, inv, d))
        beta = {"beta": dbeta}
        return _like(dy, dx), {"gamma": dgamma, **beta} if scale else beta

    return Layer(make, apply, vjp, state=state, name="batch_norm")


def _contiguous(x: Array) -> Array:
    """x as a contiguous array with the nodes last: images as (H, W, N, C)."""
    return hwnc(x) if x.ndim == 4 else np.ascontiguousarray(x)


def _like(x: Array, y: Array) -> Array:
    """What `_contiguous` brought into order, in the form of x again."""
    return nhwc(y) if x.ndim == 4 else y


def recalibrate(net: Layer, params: Tree, state: Tree, batches: Iterable[Array]) -> Tree:
    """The state with every running mean and variance replaced by its expectation over `batches`.

    E[x] and Var[x] of equation (38): the averages of the mean and of the biased variance of each
    mini-batch, computed in training mode with the final parameters. `batches` are inputs x; some
    thousand examples suffice. What else is in the state (dropout's count) stays as it was, and so
    does the whole state of a network without batch norm.
    Raises ValueError without a batch.
    """
    # A rate of 1 in the state makes the state after a batch that batch's own figures.
    probe = tree.map_nodes(lambda norm: {**norm, "rate": 1.0}, NODE, state)
    if not any(where[-1] == "rate" for where, _ in tree.items(probe)):
        return state
    total, n = None, 0
    for x in batches:
        found = net.apply(params, probe, x, True)[1].state
        total = found if total is None else tree.map(_sum, total, found)
        n += 1
    if total is None:
        raise ValueError("recalibrate: expected at least one batch")

    def mean(old: Any, summed: Any) -> Any:
        return {name: (summed[name] / n).astype(old[name].dtype) for name in old}

    return tree.map_nodes(mean, NODE, state, total)


def _sum(a: Any, b: Any) -> Any:
    return a + b if isinstance(a, np.ndarray) else a
