"""Weight decay that is decoupled from the gradients."""

from __future__ import annotations

from typing import Any

from fnn import tree
from fnn.errors import real
from fnn.optim.schedules import Rate, rate_at
from fnn.optim.transforms import Optimizer
from fnn.tree import Tree

NODE = {"step", "decayed"}  # the keys that mark the state of a `decoupled_decay`


def decoupled_decay(rate: Rate, *, names: tuple[str, ...] = ("W",)) -> Optimizer:
    """Takes `rate` times the parameters from the updates of an optimizer before it in a `chain`.

        update <- update - rate W,  for the leaves of these names

    `rate` is a number or a schedule; AdamW's is decay times the learning rate (`fnn.adamw`). An
    optimizer is given no parameters: this one keeps a copy of them in its state, from `init` on,
    and adds every update to it. So it must be the last in its chain, and its updates must be added
    to the parameters as they are, as `train_step` does; `ema` and `lookahead` may be around it.
    Raises ValueError for a negative rate.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", arXiv:1711.05101.

    >>> from fnn.optim.transforms import chain, scale
    >>> opt = chain(scale(-1.0), decoupled_decay(0.5))
    >>> opt.update({"W": 1.0, "b": 1.0}, opt.init({"W": 4.0, "b": 4.0}))[0]
    {'W': -3.0, 'b': -1.0}
    """
    if not callable(rate) and real("decoupled_decay: rate", rate) < 0:
        raise ValueError(f"decoupled_decay: expected a rate of 0 or more, found {rate}")
    if isinstance(names, str):
        raise TypeError(f"decoupled_decay: expected a tuple of names, found {names!r}")

    def update(grads: Tree, state: Tree) -> tuple[Tree, Tree]:
        now = rate_at(rate, state["step"])

        def decayed(name: Any, u: Any, p: Any) -> Any:
            return u - now * p if name in names else u

        updates = tree.map_named(decayed, grads, state["decayed"])
        # Added as in the training step, so that both agree to the last bit.
        params = tree.map(lambda p, u: p + u, state["decayed"], updates)
        return updates, {"step": state["step"] + 1, "decayed": params}

    return Optimizer(lambda params: {"step": 0, "decayed": params}, update)
