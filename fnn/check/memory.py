"""Whose memory is written and returned?"""

from __future__ import annotations

from typing import Any

import numpy as np

from fnn.check.calls import Problem, apply, grads, vjp
from fnn.check.cases import Case, drawn, in_order, start
from fnn.check.snapshots import arrays, frozen
from fnn.keys import Key, child
from fnn.layers.layer import Layer


def check_memory(layer: Layer, case: Case, rng: Key) -> None:
    """No function writes into an argument or returns its memory, in any order and type."""
    given = start(layer, case, rng, used=False)
    params, state, x = frozen(tuple(in_order(a, case.order) for a in given))
    y, cache = apply(layer, params, state, x, case.train, may_refuse=True)
    given_to_apply = {"x": x, "params": params, "state": state}
    _expect_apart("y", y, given_to_apply)
    _expect_apart("the state after the call", cache.state, {"x": x, "y": y, "params": params})
    frozen((y, cache))
    dy = frozen(in_order(drawn(child(rng, 5), y.shape).astype(case.dtype), case.order))
    dx, gradients = vjp(layer, params, cache, x, dy)
    given_to_vjp = {"dy": dy, "params": params, "cache": cache.saved, "x": x}
    _expect_apart("dx", dx, given_to_vjp)
    _expect_apart("a gradient", gradients, given_to_vjp)
    if layer.grads is not None:
        _expect_apart("a gradient", grads(layer, params, cache, x, dy), given_to_vjp)


def _expect_apart(name: str, result: Any, arguments: dict[str, Any]) -> None:
    mine = arrays(result)
    for other, argument in arguments.items():
        if any(np.may_share_memory(a, b) for b in arrays(argument) for a in mine):
            raise Problem(f"{name} shares memory with {other}", "return a copy")
