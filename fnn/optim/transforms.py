"""What optimizers are made of: pure functions from gradients to updates.

An optimizer is a pair of functions:

    init(params) -> opt_state
    update(grads, opt_state) -> (updates, opt_state)         updates are added to params

Each of those below does one thing; the optimizers in `fnn.optim.optimizers` are chains of them. A
rate is a number or a schedule, a function of the step count (see `fnn.schedules`); the count starts
at 0 and is part of the optimizer's state. Numbers are converted to Python floats, since a NumPy
scalar would turn float32 arrays into float64. Decays (alpha, rho, beta) must be from 0 to below 1,
h0 and eps above 0; other values raise ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from fnn import tree
from fnn.errors import kind, real
from fnn.optim.schedules import Rate, rate_at
from fnn.tree import Tree


class Optimizer(NamedTuple):
    """An optimizer; the module's docstring is its contract."""

    init: Callable[[Tree], Tree]
    update: Callable[[Tree, Tree], tuple[Tree, Tree]]


def check_optimizers(where: str, *optimizers: Optimizer) -> None:
    """Raise TypeError, which begins with `where`, unless all are optimizers."""
    for given in optimizers:
        if not (hasattr(given, "init") and hasattr(given, "update")):
            hint = "a constructor is called, such as momentum(lr=0.1)"
            raise TypeError(f"{where}: expected an optimizer, found {kind(given)}: {hint}")


zeros_like = partial(tree.map, np.zeros_like)  # of a tree


def chain(*parts: Optimizer) -> Optimizer:
    """Optimizers one after another: the updates of one are the gradients of the next.

    >>> opt = chain(scale(-0.5), scale(2.0))
    >>> opt.update({"W": 3.0}, opt.init({"W": 1.0}))[0]
    {'W': -3.0}
    """
    check_optimizers("chain", *parts)

    def init(params: Tree) -> Tree:
        return {i: part.init(params) for i, part in enumerate(parts)}

    def update(grads: Tree, state: Tree) -> tuple[Tree, Tree]:
        new = {}
        for i, part in enumerate(parts):
            grads, new[i] = part.update(grads, state[i])
        return grads, new

    return Optimizer(init, update)


def scale(factor: Rate) -> Optimizer:
    """Multiplies gradients by a number, or by a schedule's value at the step."""
    if not callable(factor):
        factor = rate_at(factor, 0)
        return stateless(lambda grads: tree.map(lambda g: g * factor, grads))

    def update(grads: Tree, state: Tree) -> tuple[Tree, Tree]:
        now = rate_at(factor, state["step"])
        return tree.map(lambda g: g * now, grads), {"step": state["step"] + 1}

    return Optimizer(lambda params: {"step": 0}, update)


def stateless(change: Callable[[Tree], Tree]) -> Optimizer:
    """The optimizer whose updates are change(grads)."""
    return Optimizer(lambda params: {}, lambda grads, state: (change(grads), state))


def trace(decay: float, *, nesterov: bool = False) -> Optimizer:
    """A decaying sum of gradients, d <- decay * d + g, is the update.

    With `nesterov` the update is decay * d + g (Sutskever et al., "On the importance of
    initialization and momentum in deep learning", ICML 2013, in the form that takes g at W).
    """
    decay = below_one("trace", decay)

    def add(g: Any, d: Any) -> Any:
        total = decay * d
        total += g  # in place: `total` is fresh
        return total

    def update(grads: Tree, state: Tree) -> tuple[Tree, Tree]:
        d = tree.map(add, grads, state)
        return (tree.map(add, grads, d) if nesterov else d), d

    return Optimizer(zeros_like, update)


def scale_leaves(factors: dict[str, float]) -> Optimizer:
    """Multiplies the gradients of leaves by name, for instance to give biases their own rate.

    >>> scale_leaves({"b": 64.0}).update({0: {"W": 1.0, "b": 1.0}}, {})[0]
    {0: {'W': 1.0, 'b': 64.0}}
    """
    factors = {name: real(f"scale_leaves: {name}", factor) for name, factor in factors.items()}

    def scaled(name: Any, g: Any) -> Any:
        return g * factors[name] if name in factors else g

    return stateless(lambda grads: tree.map_named(scaled, grads))


def clip_by_global_norm(limit: float) -> Optimizer:
    """Scales all gradients by one factor if their common 2-norm exceeds `limit`.

    Source: Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013.

    >>> clip_by_global_norm(1.0).update({"a": np.array([3.0]), "b": np.array([4.0])}, {})[0]
    {'a': array([0.6]), 'b': array([0.8])}
    """
    limit = float(limit)
    if not limit > 0:
        raise ValueError(f"clip_by_global_norm: expected a limit above 0, found {limit}")

    def clipped(grads: Tree) -> Tree:
        largest = max((float(np.abs(g).max(initial=0)) for g in tree.leaves(grads)), default=0.0)
        if largest == 0:
            return tree.map(lambda g: g * 1.0, grads)
        # In units of the largest number, whose squares neither overflow nor vanish.
        units = tree.map(lambda g: g / largest, grads)
        norm = math.sqrt(sum(float(np.vdot(g, g)) for g in tree.leaves(units)))
        factor = min(largest, limit / norm)
        return tree.map(lambda g: g * factor, units)

    return stateless(clipped)


def scale_by_adagrad(h0: float) -> Optimizer:
    """h <- h + g*g, from h0; g / sqrt(h)."""
    h0 = above_zero("scale_by_adagrad", h0)

    def update(grads: Tree, state: Tree) -> tuple[Tree, Tree]:
        h = tree.map(lambda g, h: h + g * g, grads, state)
        return tree.map(lambda g, h: g / np.sqrt(h), grads, h), h

    return Optimizer(lambda params: tree.map(lambda p: np.full_like(p, h0), params), update)


def scale_by_rms(rho: float, eps: float) -> Optimizer:
    """h <- rho h + (1 - rho) g*g; g / (sqrt(h) + eps)."""
    rho, eps = below_one("scale_by_rms", rho), above_zero("scale_by_rms", eps)

    def update(grads: Tree, state: Tree) -> tuple[Tree, Tree]:
        h = mean_square(rho, grads, state)
        return tree.map(lambda g, h: g / (np.sqrt(h) + eps), grads, h), h

    return Optimizer(zeros_like, update)


def scale_by_adadelta(rho: float, eps: float) -> Optimizer:
    """h <- rho h + (1 - rho) g*g;  d = (sqrt(s) + eps) / (sqrt(h) + eps) g;  s as h, of d."""
    rho, eps = below_one("scale_by_adadelta", rho), above_zero("scale_by_adadelta", eps)

    def step(g: Any, h: Any, s: Any) -> Any:
        return (np.sqrt(s) + eps) / (np.sqrt(h) + eps) * g

    def update(grads: Tree, state: Tree) -> tuple[Tree, Tree]:
        h = mean_square(rho, grads, state["h"])
        d = tree.map(step, grads, h, state["s"])
        return d, {"h": h, "s": mean_square(rho, d, state["s"])}

    return Optimizer(lambda params: {"h": zeros_like(params), "s": zeros_like(params)}, update)


def scale_by_adam(beta1: float, beta2: float, eps: float) -> Optimizer:
    """Moving averages of g and g*g, corrected for their start at zero.

    t <- t + 1;  m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g*g
    mhat / (sqrt(vhat) + eps),  mhat = m / (1 - beta1^t),  vhat = v / (1 - beta2^t)
    """
    beta1, beta2 = (below_one("scale_by_adam", beta) for beta in (beta1, beta2))
    eps = above_zero("scale_by_adam", eps)

    def init(params: Tree) -> Tree:
        return {"step": 0, "m": zeros_like(params), "v": zeros_like(params)}

    def update(grads: Tree, state: Tree) -> tuple[Tree, Tree]:
        t = state["step"] + 1
        m = tree.map(lambda g, m: beta1 * m + (1 - beta1) * g, grads, state["m"])
        v = mean_square(beta2, grads, state["v"])
        first, second = 1 / (1 - beta1**t), 1 / (1 - beta2**t)
        updates = tree.map(lambda m, v: m * first / (np.sqrt(v * second) + eps), m, v)
        return updates, {"step": t, "m": m, "v": v}

    return Optimizer(init, update)


def mean_square(decay: float, grads: Tree, mean: Tree) -> Tree:
    """The moving average of g*g after another step."""
    return tree.map(lambda g, h: decay * h + (1 - decay) * (g * g), grads, mean)


def below_one(where: str, value: float) -> float:
    number = real(where, value, finite=False)
    if not 0 <= number < 1:
        raise ValueError(f"{where}: expected a number from 0 to below 1, found {value}")
    return number


def above_zero(where: str, value: float) -> float:
    number = real(where, value, finite=False)
    if not 0 < number < math.inf:
        raise ValueError(f"{where}: expected a finite number above 0, found {value}")
    return number
