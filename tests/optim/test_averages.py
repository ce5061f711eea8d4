import numpy as np
import pytest

import fnn
from fnn import tree
from fnn.optim.averages import ema, ema_params, lookahead


def walk(optimizer, steps=23):
    """Parameters after every step on the same gradients, and the optimizer's last state."""
    params = {"W": np.float32([1.0, -2.0]), "b": {"c": np.float32([0.5])}}
    state, path = optimizer.init(params), []
    for step in range(steps):
        grads = tree.map(lambda p, step=step: p * np.float32(1 + step % 3), params)
        updates, state = optimizer.update(grads, state)
        params = tree.map(np.add, params, updates)
        path.append(params)
    return path, state


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(tree.leaves(a), tree.leaves(b), strict=True))


def test_ema_trains_like_its_optimizer_and_averages():
    plain, _ = walk(fnn.momentum(0.05))
    path, state = walk(ema(fnn.momentum(0.05), 0.5))
    assert same(dict(enumerate(plain)), dict(enumerate(path)))
    mean = {"W": np.float32([1.0, -2.0]), "b": {"c": np.float32([0.5])}}
    for step, params in enumerate(path, 1):
        d = min(0.5, (1 + step) / (10 + step))
        mean = tree.map(lambda m, p, d=d: d * m + (1 - d) * p, mean, params)
    for a, b in zip(tree.leaves(mean), tree.leaves(ema_params(state)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_lookahead_goes_part_of_the_way():
    fast, _ = walk(fnn.sgd(0.05), steps=4)
    path, state = walk(lookahead(fnn.sgd(0.05), every=4, alpha=0.25), steps=4)
    assert same(dict(enumerate(fast[:3])), dict(enumerate(path[:3])))
    start = np.float32([1.0, -2.0])
    np.testing.assert_allclose(path[3]["W"], start + 0.25 * (fast[3]["W"] - start), rtol=1e-6)
    assert same(state["params"], path[3])


@pytest.mark.parametrize("alpha", [0.5, lambda step: 1 / (1 + step)])
def test_the_copy_equals_the_parameters_to_the_last_bit(alpha):
    path, state = walk(lookahead(fnn.nesterov(0.01), every=5, alpha=alpha), steps=203)
    assert same(state["params"], path[-1])


@pytest.mark.parametrize("around", [lambda o: o, lambda o: ema(o, 0.9), lookahead])
def test_decay_knows_the_parameters_that_lookahead_moves(around):
    path, state = walk(around(fnn.adamw(0.05, decay=0.3)), steps=23)
    (copy,) = [v for k, v in nodes(state) if k == "decayed"]
    assert same(copy, path[-1])


def nodes(point):
    """The keys and values of all dicts in a tree."""
    for k, v in point.items() if isinstance(point, dict) else ():
        yield k, v
        yield from nodes(v)


def test_all_of_the_way_is_the_optimizer_alone():
    plain, _ = walk(fnn.sgd(0.05))
    path, _ = walk(lookahead(fnn.sgd(0.05), every=3, alpha=1.0))
    for a, b in zip(plain, path, strict=True):
        np.testing.assert_allclose(a["W"], b["W"], rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ema(fnn.sgd(), 1.0), "ema: expected 0 <= decay < 1, found 1.0"),
        (lambda: lookahead(fnn.sgd(), every=0), "lookahead: every: expected at least 1, found 0"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
