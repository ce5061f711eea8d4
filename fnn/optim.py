"""Optimizers: pure functions from gradients to updates, made of short visible parts.

An optimizer is a pair of functions:

    init(params) -> opt_state
    update(grads, opt_state) -> (updates, opt_state)         updates are added to params

`lr` is a number or a schedule, a function of the step count (see `fnn.schedules`); the count
starts at 0 and lives in the optimizer's state.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from fnn import tree
from fnn.schedules import Rate, rate_at
from fnn.tree import Tree

Update: TypeAlias = Callable[[Tree, Tree], tuple[Tree, Tree]]


class Optimizer(NamedTuple):
    """An optimizer; the module's docstring is its contract."""

    init: Callable[[Tree], Tree]
    update: Update


def chain(*parts: Optimizer) -> Optimizer:
    """Optimizers one after another: the updates of one are the gradients of the next.

    >>> opt = chain(scale(-0.5), scale(2.0))
    >>> opt.update({"W": 3.0}, opt.init({"W": 1.0}))[0]
    {'W': -3.0}
    """

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
        return Optimizer(
            lambda params: {}, lambda grads, state: (tree.map(lambda g: g * factor, grads), state)
        )

    def update(grads: Tree, state: Tree) -> tuple[Tree, Tree]:
        now = rate_at(factor, state["step"])
        return tree.map(lambda g: g * now, grads), {"step": state["step"] + 1}

    return Optimizer(lambda params: {"step": 0}, update)


def trace(decay: float) -> Optimizer:
    """A decaying sum of gradients: d <- decay * d + g."""

    def update(grads: Tree, state: Tree) -> tuple[Tree, Tree]:
        d = tree.map(lambda g, d: decay * d + g, grads, state)
        return d, d

    return Optimizer(zeros_like, update)


def sgd(lr: Rate = 0.01) -> Optimizer:
    """Stochastic gradient descent: W <- W - lr * g, equation (39)."""
    return scale(_negative(lr))


def momentum(lr: Rate = 0.01, alpha: float = 0.9) -> Optimizer:
    """SGD with momentum: d <- alpha * d - lr * g; W <- W + d, equations (40)-(41)."""
    return chain(scale(_negative(lr)), trace(alpha))


def zeros_like(params: Tree) -> Tree:
    """A tree of zeros of the parameters' shapes and types."""
    return tree.map(np.zeros_like, params)


def _negative(lr: Rate) -> Rate:
    return (lambda step: -rate_at(lr, step)) if callable(lr) else -lr
