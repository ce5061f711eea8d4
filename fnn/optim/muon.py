"""Muon: momentum whose matrices are made orthogonal, and another optimizer for the other leaves.

A layer's gradient often has a few directions that are far larger than the rest, and momentum
follows these. Muon gives all directions of a matrix steps of about the same length.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fnn import tree
from fnn.arrays import Array
from fnn.errors import whole
from fnn.optim.optimizers import decaying, negative, nesterov
from fnn.optim.schedules import Rate
from fnn.optim.transforms import Optimizer, chain, check_optimizers, scale, stateless, trace
from fnn.tree import Tree

# Of the polynomial a s + b s^3 + c s^5 that every singular value goes through: small ones grow
# fastest, and those near 1 stay between 0.7 and 1.2 instead of going to 1.
A, B, C = 3.4445, -4.7750, 2.0315


def muon(
    lr: Rate = 0.02,
    *,
    decay: float = 0.0,
    alpha: float = 0.95,
    steps: int = 5,
    rest: Optimizer | None = None,
) -> Optimizer:
    """Nesterov's momentum whose matrices and filters are made orthogonal before each step.

        d <- alpha d + g;  W <- W - lr orthogonal(alpha d + g)

    for leaves of two or more axes, of which the last counts the outputs; a matrix with more
    outputs than inputs gets sqrt(outputs / inputs) times that. `rest` is the optimizer of the other
    leaves, by default nesterov(lr). A step has the same length whatever the gradient's: so the rate
    should fall towards the end. With a `decay`, the leaves named W decay as with `adamw`.

    Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    """
    momentum = chain(trace(alpha, nesterov=True), orthogonalize(steps), scale(negative(lr)))
    optimizer = by_leaf(is_matrix, momentum, nesterov(lr) if rest is None else rest)
    return decaying("muon", optimizer, lr, decay) if decay else optimizer


def is_matrix(leaf: Any) -> bool:
    """Whether it has two axes or more, as the weights of dense and convolutional layers have."""
    return np.ndim(leaf) >= 2


def orthogonalize(steps: int = 5) -> Optimizer:
    """Replaces gradients of two or more axes by `orthogonal` ones, and keeps the others."""
    steps = whole("orthogonalize: steps", steps)

    def change(g: Any) -> Any:
        if not is_matrix(g):
            return g
        inputs, outputs = math.prod(g.shape[:-1]), g.shape[-1]
        return orthogonal(g, steps) * math.sqrt(max(1.0, outputs / inputs))

    return stateless(lambda grads: tree.map(change, grads))


def orthogonal(g: Array, steps: int = 5) -> Array:
    """About the nearest matrix to g, up to a factor, whose rows or columns are orthonormal.

    g is (n, m), or filters (..., m), which are taken as a matrix of m columns; the result is alike.
    If U S V^T is its singular value decomposition, the result is U S' V^T. After 5 steps S' is
    between 0.68 and 1.21 wherever S is at least 0.002 of the norm of g. Zeros stay zeros.

    Source: Jordan et al., as above: Newton-Schulz iteration, which is products of matrices alone,
    x <- (A + B x x^T + C (x x^T)^2) x. Here the factors before x are multiplied first, which are
    polynomials in the smaller square x x^T: a third of the work for filters of 3x3.
    """
    steps = whole("orthogonal: steps", steps)
    x = g.reshape(-1, g.shape[-1])
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    largest = np.abs(x).max(initial=0)
    if largest == 0:
        return np.zeros_like(g)
    x = x / largest  # whose squares neither overflow nor vanish
    x = x / math.sqrt(float(np.vdot(x, x)))
    square, one = x @ x.T, np.eye(len(x), dtype=x.dtype)
    factor = now = _polynomial(one, square)
    for _ in range(steps - 1):
        square = now @ square @ now
        now = _polynomial(one, square)
        factor = now @ factor
    x = factor @ x
    return np.ascontiguousarray(x.T if tall else x).reshape(g.shape)


def _polynomial(one: Array, square: Array) -> Array:
    """What x is multiplied by in one iteration, given the identity and x x^T."""
    return A * one + B * square + C * (square @ square)


def by_leaf(chosen: Callable[[Any], bool], one: Optimizer, other: Optimizer) -> Optimizer:
    """`one` for the leaves of which `chosen(leaf)` is true, and `other` for the rest.

    `chosen` must say the same of a parameter and of its gradient, for instance by their shape.

    >>> opt = by_leaf(lambda p: p.ndim > 1, scale(2.0), scale(0.0))
    >>> opt.update({"W": np.ones((1, 2)), "b": np.ones(2)}, {"chosen": {}, "rest": {}})[0]
    {'W': array([[2., 2.]]), 'b': array([0., 0.])}
    """
    check_optimizers("by_leaf", one, other)

    def parts(of_all: Tree) -> tuple[Tree, Tree]:
        return _only(of_all, chosen), _only(of_all, lambda leaf: not chosen(leaf))

    def init(params: Tree) -> Tree:
        first, second = parts(params)
        return {"chosen": one.init(first), "rest": other.init(second)}

    def update(grads: Tree, state: Tree) -> tuple[Tree, Tree]:
        first, second = parts(grads)
        first, mine = one.update(first, state["chosen"])
        second, others = other.update(second, state["rest"])
        return _joined(first, second), {"chosen": mine, "rest": others}

    return Optimizer(init, update)


def _only(of_all: Tree, chosen: Callable[[Any], bool]) -> Tree:
    """The tree with an empty dict, which has no leaves, in place of each leaf not chosen."""
    return tree.map(lambda leaf: leaf if chosen(leaf) else {}, of_all)


def _joined(one: Tree, other: Tree) -> Tree:
    """The leaves of two trees of which each has an empty dict where the other has a leaf."""
    if not isinstance(one, dict):
        return one
    if not isinstance(other, dict):
        return other
    return {k: _joined(one[k], other[k]) for k in one}
