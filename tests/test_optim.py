"""Optimizers against steps worked by hand, and on problems whose answer is known."""

import numpy as np
import pytest

import fnn

RATES = {
    "a number": lambda lr: lr,
    "a schedule": lambda lr: lambda step: lr,
}

# name -> (optimizer, updates worked by hand for the gradients 2 and then -1)
STEPS = {
    # (39): -eta g
    "sgd": (lambda rate: fnn.sgd(rate(0.5)), [-1.0, 0.5]),
    # (40): d = 0.9 * 0 - 0.5 * 2 = -1;  d = 0.9 * -1 - 0.5 * -1 = -0.4
    "momentum": (lambda rate: fnn.momentum(rate(0.5), alpha=0.9), [-1.0, -0.4]),
}


def follow(optimizer, params, gradient, steps):
    """Parameters after so many steps along a gradient function."""
    state = optimizer.init(params)
    for _ in range(steps):
        updates, state = optimizer.update(fnn.tree.map(gradient, params), state)
        params = fnn.tree.map(lambda p, u: p + u, params, updates)
    return params


@pytest.mark.parametrize(("make", "expected"), STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_worked_by_hand(make, expected, rate, dtype):
    optimizer = make(rate)
    params = {0: {"W": np.zeros(3, dtype)}, 1: {}}
    state = optimizer.init(params)
    for g, update in zip([2, -1], expected, strict=True):
        updates, state = optimizer.update({0: {"W": np.full(3, g, dtype)}, 1: {}}, state)
        np.testing.assert_allclose(updates[0]["W"], np.full(3, update), rtol=1e-6)
        assert updates[0]["W"].dtype == dtype


def test_defaults_are_the_courses():
    grads, params = {"W": np.array([1.0])}, {"W": np.array([0.0])}
    for optimizer in (fnn.sgd(), fnn.momentum()):
        state = optimizer.init(params)
        first, state = optimizer.update(grads, state)
        second, _ = optimizer.update(grads, state)
        assert first["W"] == -0.01
    assert second["W"] == pytest.approx(-0.9 * 0.01 - 0.01)


def rosenbrock_gradient(w):
    x, y = w
    return np.array([-2 * (1 - x) - 40 * x * (y - x * x), 20 * (y - x * x)], w.dtype)


PROBLEMS = {
    "parabola": (lambda w: 2 * (w - 1), np.array([4.0, -3.0])),
    "rosenbrock": (rosenbrock_gradient, np.array([-1.0, 2.0])),
}


@pytest.mark.parametrize(
    "optimizer",
    [fnn.sgd(0.01), fnn.momentum(0.003), fnn.sgd(lambda step: 0.01)],
    ids=["sgd", "momentum", "sgd with a schedule"],
)
@pytest.mark.parametrize(("gradient", "start"), PROBLEMS.values(), ids=PROBLEMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_minimum_is_found(optimizer, gradient, start, dtype):
    end = follow(optimizer, {"w": start.astype(dtype)}, gradient, 5000)["w"]
    np.testing.assert_allclose(end, [1, 1], atol=1e-2)
    assert end.dtype == dtype


def test_chain_is_threading_by_hand():
    params = {"w": np.array([1.0, 2.0])}
    a, b = fnn.scale(-0.5), fnn.trace(0.9)
    both = fnn.chain(a, b)
    state, (sa, sb) = both.init(params), (a.init(params), b.init(params))
    for g in (1.0, -2.0, 0.5):
        grads = {"w": np.array([g, 2 * g])}
        updates, state = both.update(grads, state)
        by_hand, sa = a.update(grads, sa)
        by_hand, sb = b.update(by_hand, sb)
        np.testing.assert_array_equal(updates["w"], by_hand["w"])


def test_the_step_count_starts_at_zero_and_lives_in_the_state():
    seen = []
    optimizer = fnn.sgd(lambda step: seen.append(step) or 0.1)
    params = {"w": np.array([1.0])}
    follow(optimizer, params, lambda w: w, 3)
    follow(optimizer, params, lambda w: w, 2)
    assert seen == [0, 1, 2, 0, 1]


def test_optimizers_write_into_nothing():
    params, grads = {"w": np.ones(3, np.float32)}, {"w": np.ones(3, np.float32)}
    params["w"].flags.writeable = grads["w"].flags.writeable = False
    optimizer = fnn.momentum(lambda step: 0.1)
    state = optimizer.init(params)
    for _ in range(3):
        for leaf in fnn.tree.leaves(state):
            if isinstance(leaf, np.ndarray):
                leaf.flags.writeable = False
        first = optimizer.update(grads, state)
        updates, state = optimizer.update(grads, state)
        np.testing.assert_array_equal(first[0]["w"], updates["w"])
        assert not np.shares_memory(updates["w"], grads["w"])
