"""Batch normalization, and its recalibration for testing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from fnn import tree
from fnn.arrays import Array, Shape, hwnc, nhwc
from fnn.errors import real
from fnn.kernels import norm
from fnn.kernels.rows import affine
from fnn.keys import Key
from fnn.layers.checks import check_dy, check_input, check_layers, check_leaves, check_params
from fnn.layers.layer import Cache, Layer, constructor, same_shape
from fnn.tree import Tree

NODE = {"mean", "var"}  # the keys that mark a batch_norm's state


@constructor
def batch_norm(*, eps: float = 1e-5, rate: float = 0.1, scale: bool = True) -> Layer:
    """Gives each node mean 0 and variance 1 over the mini-batch, then a learned scale and shift.

        mean, var of the batch, var the biased one              equations (28)-(29)
        xhat = (x - mean) / sqrt(var + eps),  y = gamma xhat + beta       (30)-(31)
        backward                                                          (32)-(37)

    After a convolution, for x (N, H, W, C), a node is a channel and the mean is over all pixels
    too. In testing the mean and variance are those of the state, (38). In training these move
    towards the batch's by `rate`: state' = state + rate (batch - state). `recalibrate` replaces
    them by expectations over a data set. gamma and beta are (C,) and start at 1 and 0; the state
    starts at {"mean": zeros, "var": ones}. With scale=False there is no gamma.
    Raises ValueError for eps <= 0 or a rate outside 0..1, and in training for a batch with a single
    value per node, which has no variance.

    Source: Ioffe and Szegedy, "Batch normalization", ICML 2015; course, section 5.4.
    """
    eps, rate = real("batch_norm: eps", eps), real("batch_norm: rate", rate)
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
        check_input("batch_norm", x, same_shape)
        c = x.shape[-1:]
        check_params("batch_norm", params, x, {"gamma": c, "beta": c} if scale else {"beta": c})
        added = {"rate": ()} if state and "rate" in state else {}  # by recalibrate
        check_leaves("batch_norm", "state", state, {"mean": c, "var": c, **added}, x)
        values = _contiguous(x)
        if train:
            if x.size < 2 * x.shape[-1]:
                raise ValueError(
                    "batch_norm: a training batch with one value a node has no variance: "
                    "give it two examples or more"
                )
            mean, var = norm.moments(values)
            step = state.get("rate", rate)  # recalibrate sets one of its own
            moved = {
                name: (state[name] + step * (batch - state[name])).astype(x.dtype)
                for name, batch in (("mean", mean), ("var", var))
            }
            state = {**state, **moved}
        else:
            mean, var = (state[name].astype(np.float64) for name in ("mean", "var"))
        inv = 1 / np.sqrt(var + eps)
        factor = gamma(params) * inv
        y = affine(values, factor, params["beta"] - mean * factor)
        return _like(x, y), Cache((values, mean, inv, train), state)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        x, mean, inv, train = cache.saved
        check_dy("batch_norm", dy, _like(x, x).shape)
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
    """The inverse of `_contiguous`: y with its axes in the order of x's."""
    return nhwc(y) if x.ndim == 4 else y


def one_by_one(f: Callable[[Array], Tree], batches: Iterable[Array]) -> list[Tree]:
    return [f(x) for x in batches]


def recalibrate(
    net: Layer,
    params: Tree,
    state: Tree,
    batches: Iterable[Array],
    each: Callable[[Callable[[Array], Tree], Iterable[Array]], list[Tree]] = one_by_one,
) -> Tree:
    """The state with every running mean and variance replaced by its expectation over `batches`.

    E[x] and Var[x] of equation (38): the averages of the mean and of the biased variance of each
    mini-batch, in training mode with the final parameters. `batches` are inputs x; a few thousand
    examples suffice. The rest of the state (dropout's count) is kept. `each(f, batches)` is f of
    each batch; processes may share them out (`fnn.training.shared`).
    Raises ValueError if there is no batch, unless there is no batch norm.
    """
    check_layers("recalibrate", net)
    # With a rate of 1, the state after a batch is the batch's own mean and variance.
    probe = tree.map_nodes(lambda norm: {**norm, "rate": 1.0}, NODE, state)
    if not any(where[-1] == "rate" for where, _ in tree.items(probe)):
        return state
    found = each(lambda x: net.apply(params, probe, x, True)[1].state, batches)
    if not found:
        raise ValueError("recalibrate: expected at least one batch")

    def mean(old: Tree, *batches: Tree) -> Tree:
        if all(np.array_equal(b[k], old[k]) for b in batches for k in old):
            return old  # a layer that works as in testing, as in `freeze`
        return {k: (sum(b[k] for b in batches) / len(batches)).astype(old[k].dtype) for k in old}

    return tree.map_nodes(mean, NODE, state, *found)
