"""Averages of the parameters during a training, as wrappers around an optimizer.

An optimizer is given no parameters: so these keep a copy of them in their state, from `init` on,
and add every update to it.
"""

from __future__ import annotations

from fnn import tree
from fnn.errors import real, whole
from fnn.optim.decay import NODE as DECAY
from fnn.optim.schedules import Rate, rate_at
from fnn.optim.transforms import Optimizer, check_optimizers
from fnn.tree import Tree


def ema(optimizer: Optimizer, decay: float) -> Optimizer:
    """Trains like `optimizer` and keeps an exponential moving average of the parameters.

        mean <- d mean + (1 - d) params,   d = min(decay, (1 + t) / (10 + t))

    after step t = 1, 2, ..., so that the first averages are over few steps. `ema_params(opt_state)`
    is the average. Raises ValueError unless 0 <= decay < 1.

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992.
    """
    check_optimizers("ema", optimizer)
    decay = real("ema: decay", decay)
    if not 0 <= decay < 1:
        raise ValueError(f"ema: expected 0 <= decay < 1, found {decay}")

    def init(params: Tree) -> Tree:
        return {"inner": optimizer.init(params), "step": 0, "params": params, "mean": params}

    def update(grads: Tree, state: Tree) -> tuple[Tree, Tree]:
        updates, inner = optimizer.update(grads, state["inner"])
        step = state["step"] + 1
        params = tree.map(lambda p, u: p + u, state["params"], updates)
        share = 1 - min(decay, (1 + step) / (10 + step))
        mean = tree.map(lambda m, p: m + share * (p - m), state["mean"], params)
        return updates, {"inner": inner, "step": step, "params": params, "mean": mean}

    return Optimizer(init, update)


def ema_params(opt_state: Tree) -> Tree:
    """The average of the parameters in the state of an `ema` optimizer."""
    return opt_state["mean"]


def lookahead(optimizer: Optimizer, *, every: int = 5, alpha: Rate = 0.5) -> Optimizer:
    """Lets `optimizer` run ahead; every `every` steps, moves only a share `alpha` of the way.

        slow <- slow + alpha (params - slow);  params <- slow

    `alpha` is a number, or a schedule over all steps. Raises ValueError for every < 1.

    Source: Zhang et al., "Lookahead optimizer: k steps forward, 1 step back", NeurIPS 2019.
    """
    check_optimizers("lookahead", optimizer)
    every = whole("lookahead: every", every)
    alpha = alpha if callable(alpha) else real("lookahead: alpha", alpha)

    def init(params: Tree) -> Tree:
        return {"inner": optimizer.init(params), "step": 0, "params": params, "slow": params}

    def update(grads: Tree, state: Tree) -> tuple[Tree, Tree]:
        updates, inner = optimizer.update(grads, state["inner"])
        before, slow, step = state["params"], state["slow"], state["step"] + 1
        if step % every == 0:
            way = rate_at(alpha, step - 1)
            slow = tree.map(lambda p, u, s: s + way * (p + u - s), before, updates, slow)
            updates = tree.map(lambda s, p: s - p, slow, before)
        # Added as in the training step, so that both agree to the last bit.
        params = tree.map(lambda p, u: p + u, before, updates)
        inner = tree.map_nodes(lambda node: {**node, "decayed": params}, DECAY, inner)
        return updates, {"inner": inner, "step": step, "params": params, "slow": slow}

    return Optimizer(init, update)
