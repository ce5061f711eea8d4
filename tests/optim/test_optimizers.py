"""Optimizers compared with steps worked out by hand, and on problems with a known answer."""

import inspect

import numpy as np
import pytest

import fnn

RATES = {"a number": lambda lr: lr, "a schedule": lambda lr: lambda step: lr}


def by_hand_adagrad(g, h):
    h = h + g * g  # (42)
    return -0.5 / h**0.5 * g, h  # (43)


def by_hand_rmsprop(g, h):
    h = 0.99 * h + 0.01 * g * g  # (44)
    return -0.5 / (h**0.5 + 1e-8) * g, h  # (45)


def by_hand_adadelta(g, h_s):
    h = 0.95 * h_s[0] + 0.05 * g * g  # (46)
    d = -((h_s[1] ** 0.5 + 1e-6) / (h**0.5 + 1e-6)) * g  # (47)
    s = 0.95 * h_s[1] + 0.05 * d * d  # (48)
    return d, (h, s)  # (49)


def by_hand_adam(g, t_m_v):
    t = t_m_v[0] + 1  # (50)
    m = 0.9 * t_m_v[1] + 0.1 * g  # (51)
    v = 0.999 * t_m_v[2] + 0.001 * g * g  # (52)
    m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)  # (53), (54)
    return -0.5 * m_hat / (v_hat**0.5 + 1e-8), (t, m, v)  # (55)


def by_hand_adamw(g, own):
    adam, w = own
    step, adam = by_hand_adam(g, adam)
    step -= 0.5 * 0.01 * w  # the learning rate times the decay
    return step, (adam, w + step)


def by_hand_nesterov(g, d):
    d = 0.9 * d - 0.5 * g
    return 0.9 * d - 0.5 * g, d


# name -> (optimizer, the step of one number by the course's equations for rate 1/2, its state)
STEPS = {
    "sgd": (fnn.sgd, lambda g, _: (-0.5 * g, _), None),  # (39)
    "momentum": (fnn.momentum, lambda g, d: (0.9 * d - 0.5 * g,) * 2, 0.0),  # (40), (41)
    "nesterov": (fnn.nesterov, by_hand_nesterov, 0.0),
    "adagrad": (fnn.adagrad, by_hand_adagrad, 1e-8),
    "rmsprop": (fnn.rmsprop, by_hand_rmsprop, 0.0),
    "adadelta": (lambda rate: fnn.adadelta(), by_hand_adadelta, (0.0, 0.0)),
    "adam": (fnn.adam, by_hand_adam, (0, 0.0, 0.0)),
    "adamw": (fnn.adamw, by_hand_adamw, ((0, 0.0, 0.0), 0.0)),
    "muon": (fnn.muon, by_hand_nesterov, 0.0),  # of a vector; matrices are in test_muon.py
}


def follow(optimizer, params, gradient, steps):
    """Parameters after a number of steps along a gradient function."""
    state = optimizer.init(params)
    for _ in range(steps):
        updates, state = optimizer.update(fnn.tree.map(gradient, params), state)
        params = fnn.tree.map(lambda p, u: p + u, params, updates)
    return params


@pytest.mark.parametrize(("make", "by_hand", "own"), STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_worked_out_by_hand(make, by_hand, own, rate, dtype):
    optimizer = make(rate(0.5))
    state = optimizer.init({0: {"W": np.zeros(3, dtype)}, 1: {}})
    for g in [2, -1, 0, 3, 0.5]:
        updates, state = optimizer.update({0: {"W": np.full(3, g, dtype)}, 1: {}}, state)
        expected, own = by_hand(g, own)
        np.testing.assert_allclose(updates[0]["W"], np.full(3, expected), rtol=2e-6)
        assert updates[0]["W"].dtype == dtype


def test_two_steps_of_momentum_in_plain_numbers():
    optimizer = fnn.momentum(0.5, alpha=0.9)
    first, state = optimizer.update({"w": np.array([2.0])}, optimizer.init({"w": np.zeros(1)}))
    second, _ = optimizer.update({"w": np.array([-1.0])}, state)
    # d = 0.9 * 0 - 0.5 * 2 = -1;  d = 0.9 * -1 - 0.5 * -1 = -0.4
    assert (first["w"][0], second["w"][0]) == (-1.0, -0.4)


@pytest.mark.parametrize(
    ("optimizer", "first"),
    [
        (fnn.sgd(), -0.01),
        (fnn.momentum(), -0.01),
        (fnn.nesterov(), -0.019),
        (fnn.adagrad(), -0.001 / (1 + 1e-8) ** 0.5),
        (fnn.rmsprop(), -0.01 / (0.01**0.5 + 1e-8)),
        (fnn.adadelta(), -1e-6 / (0.05**0.5 + 1e-6)),
        (fnn.adam(), -0.001 / (1 + 1e-8)),
    ],
)
def test_defaults_are_the_courses(optimizer, first):
    updates, _ = optimizer.update({"w": np.ones(1)}, optimizer.init({"w": np.zeros(1)}))
    assert updates["w"][0] == pytest.approx(first, rel=1e-12)


def rosenbrock_gradient(w):
    x, y = w
    return np.array([-2 * (1 - x) - 40 * x * (y - x * x), 20 * (y - x * x)], w.dtype)


PROBLEMS = {
    "parabola": (lambda w: 2 * (w - 1), np.array([4.0, -3.0])),
    "rosenbrock": (rosenbrock_gradient, np.array([-1.0, 2.0])),
}


SOLVERS = {
    "sgd": fnn.sgd(0.01),
    "sgd with a schedule": fnn.sgd(fnn.schedules.cosine(0.02, 5000)),
    "momentum": fnn.momentum(0.003),
    "nesterov": fnn.nesterov(0.003),
    "adagrad": fnn.adagrad(1.0),
    "rmsprop": fnn.rmsprop(fnn.schedules.cosine(0.01, 5000)),
    "adadelta": fnn.chain(fnn.adadelta(eps=1e-3), fnn.scale(fnn.schedules.cosine(1, 5000))),
    "adam": fnn.adam(0.02),
    "muon": fnn.muon(0.003),
    "clipped": fnn.chain(fnn.clip_by_global_norm(1.0), fnn.sgd(0.01)),
}


@pytest.mark.parametrize("optimizer", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize(("gradient", "start"), PROBLEMS.values(), ids=PROBLEMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_minimum_is_found(optimizer, gradient, start, dtype):
    end = follow(optimizer, {"w": start.astype(dtype)}, gradient, 5000)["w"]
    np.testing.assert_allclose(end, [1, 1], atol=1e-2)
    assert end.dtype == dtype


@pytest.mark.parametrize(
    ("gradient", "start"),
    [
        (lambda w: 2 * (w - 1), fnn.keys.generator(1).standard_normal((3, 3, 2, 5))),
        (
            lambda w: np.diag([1, 10.0, 100]) @ (w - 1),
            fnn.keys.generator(2).standard_normal((3, 4)),
        ),
        (lambda w: rosenbrock_gradient(w.T).T, np.array([[-1.0, 2.0], [0.5, -0.5]])),
    ],
    ids=["parabola", "long parabola", "rosenbrock"],
)
def test_muon_finds_the_minimum_of_matrices(gradient, start):
    rate = fnn.schedules.cosine(0.02, 3000)
    end = follow(fnn.muon(rate), {"W": start}, gradient, 3000)["W"]
    np.testing.assert_allclose(end, np.ones_like(start), atol=1e-2)


def test_clipping_keeps_the_direction_and_leaves_small_gradients():
    clip = fnn.clip_by_global_norm(5.0)
    large, _ = clip.update({"a": np.array([6.0]), "b": {"c": np.array([8.0])}}, {})
    assert (large["a"][0], large["b"]["c"][0]) == (3, 4)
    small, _ = clip.update({"a": np.array([3.0]), "b": {"c": np.array([4.0])}}, {})
    assert (small["a"][0], small["b"]["c"][0]) == (3, 4)


def test_chain_passes_updates_on():
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


@pytest.mark.parametrize("optimizer", SOLVERS.values(), ids=SOLVERS)
def test_optimizers_write_into_nothing(optimizer):
    params, grads = {"w": np.ones(3, np.float32)}, {"w": np.full(3, 2, np.float32)}
    params["w"].flags.writeable = grads["w"].flags.writeable = False
    state = optimizer.init(params)
    for _ in range(3):
        for leaf in fnn.tree.leaves(state):
            if isinstance(leaf, np.ndarray):
                leaf.flags.writeable = False
        first = optimizer.update(grads, state)
        updates, state = optimizer.update(grads, state)
        np.testing.assert_array_equal(first[0]["w"], updates["w"])
        assert not np.shares_memory(updates["w"], grads["w"])


@pytest.mark.parametrize("number", [np.float64, np.asarray, lambda v: np.array([v])[0]])
def test_numpy_numbers_as_rates_do_not_widen_float32(number):
    optimizers = [
        fnn.sgd(number(0.1)),
        fnn.momentum(number(0.1), alpha=number(0.9)),
        fnn.nesterov(number(0.1), alpha=number(0.9)),
        fnn.adagrad(number(0.1), h0=number(1e-8)),
        fnn.rmsprop(number(0.1), rho=number(0.9), eps=number(1e-8)),
        fnn.adadelta(rho=number(0.9), eps=number(1e-6)),
        fnn.adam(number(0.1), beta1=number(0.9), beta2=number(0.99), eps=number(1e-8)),
        fnn.chain(fnn.clip_by_global_norm(number(1.0)), fnn.sgd(lambda step: number(0.1))),
    ]
    grads = {"w": np.ones(3, np.float32)}
    for optimizer in optimizers:
        updates, state = optimizer.update(grads, optimizer.init(grads))
        updates, _ = optimizer.update(grads, state)
        assert updates["w"].dtype == np.float32


NAN, INF = float("nan"), float("inf")
OUT_OF_RANGE = {
    "lr": ([-0.1, NAN, INF], "learning rate of 0 or more"),
    "decay": ([-0.1, NAN, INF], "(adamw|muon): .*decay"),
    "alpha": ([-0.1, 1, 1.5, NAN], "trace: expected a number from 0 to below 1"),
    "rho": ([-0.1, 1, NAN], "from 0 to below 1"),
    "beta1": ([-0.1, 1, NAN], "scale_by_adam: expected a number from 0 to below 1"),
    "beta2": ([-0.1, 1, NAN], "scale_by_adam: expected a number from 0 to below 1"),
    "h0": ([0, -1e-8, NAN, INF], "scale_by_adagrad: expected a finite number above 0"),
    "eps": ([0, -1e-8, NAN, INF], "finite number above 0"),
}
CONSTANTS = [
    (make, name)
    for make in [getattr(fnn, name) for name in STEPS]
    for name in inspect.signature(make).parameters
    if name not in ("steps", "rest")  # of muon: in test_muon.py
]


@pytest.mark.parametrize(("make", "name"), CONSTANTS)
def test_constants_out_of_range_are_refused(make, name):
    values, words = OUT_OF_RANGE[name]
    for value in values:
        with pytest.raises(ValueError, match=f"{words}.*found {value}"):
            make(**{name: value})
        with pytest.raises(ValueError, match=words):
            make(**{name: np.float32(value)})


@pytest.mark.parametrize(
    ("make", "constants"),
    [
        (fnn.sgd, {"lr": 0}),
        (fnn.momentum, {"alpha": 0}),
        (fnn.rmsprop, {"rho": 0}),
        (fnn.adam, {"beta1": 0, "beta2": 0}),
    ],
)
def test_the_ends_of_the_ranges_are_accepted(make, constants):
    optimizer = make(**constants)
    updates, _ = optimizer.update({"w": np.ones(1)}, optimizer.init({"w": np.zeros(1)}))
    assert np.isfinite(updates["w"]).all()


@pytest.mark.parametrize("rate", [NAN, INF, -INF])
def test_a_rate_that_is_not_finite_is_refused_at_its_step(rate):
    with pytest.raises(ValueError, match=f"expected a finite rate, found {rate}"):
        fnn.scale(rate)
    optimizer = fnn.sgd(lambda step: rate if step == 2 else 0.1)
    with pytest.raises(ValueError, match="at step 2"):
        follow(optimizer, {"w": np.ones(1)}, lambda w: w, 3)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e-30, 1e-19, 1.0, 1e19, 1e37])
def test_clipping_neither_overflows_nor_vanishes(kind, size):
    grads = {"a": np.array([3 * size], kind), "b": np.array([-4 * size, 0], kind)}
    for limit in (size, 2.5 * size, 10 * size):
        optimizer = fnn.clip_by_global_norm(limit)
        got = optimizer.update(grads, optimizer.init(grads))[0]
        factor = min(1.0, limit / (5 * size))
        np.testing.assert_allclose(got["a"], [3 * size * factor], rtol=1e-6)
        np.testing.assert_allclose(got["b"], [-4 * size * factor, 0], rtol=1e-6)
        assert got["a"].dtype == kind


def test_clipping_leaves_zeros_and_shows_what_is_not_finite():
    clip = fnn.clip_by_global_norm(1.0).update
    zeros = {"a": np.zeros(3, np.float32)}
    assert np.array_equal(clip(zeros, {})[0]["a"], zeros["a"])
    with np.errstate(all="ignore"):
        for bad in (np.inf, np.nan):
            assert not np.isfinite(clip({"a": np.array([bad, 1.0])}, {})[0]["a"]).all()


@pytest.mark.parametrize("kind", RATES)
def test_adamw_is_adam_and_a_decay_of_the_weights_alone(kind):
    params = {0: {"W": np.array([3.0, -1.0]), "b": np.array([2.0])}}
    optimizer = fnn.adamw(RATES[kind](0.5), decay=0.1)
    state, hand, draw = optimizer.init(params), {}, fnn.keys.generator(0)
    for _ in range(20):
        grads = fnn.tree.map(lambda p: draw.standard_normal(p.shape), params)
        updates, state = optimizer.update(grads, state)
        for name, p in params[0].items():
            step, hand[name] = by_hand_adam(grads[0][name], hand.get(name, (0, 0.0, 0.0)))
            expected = step - (0.5 * 0.1 * p if name == "W" else 0)
            np.testing.assert_allclose(updates[0][name], expected, rtol=1e-9, atol=1e-12)
        params = fnn.tree.map(np.add, params, updates)


def test_decay_follows_a_schedule_and_takes_the_leaves_it_is_told():
    optimizer = fnn.chain(fnn.sgd(0.0), fnn.decoupled_decay(lambda t: 0.5**t, names=("b",)))
    params = {"W": np.ones(1), "b": np.full(1, 8.0)}
    state = optimizer.init(params)
    for left in (0.0, 0.0):
        updates, state = optimizer.update({"W": np.zeros(1), "b": np.zeros(1)}, state)
        params = fnn.tree.map(np.add, params, updates)
        assert (params["W"], params["b"]) == (1, left)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: fnn.adamw(decay=-1), ValueError, "decay of 0 or more, found -1"),
        (lambda: fnn.adamw(-1.0), ValueError, "learning rate of 0 or more, found -1.0"),
        (lambda: fnn.decoupled_decay(-0.1), ValueError, "rate of 0 or more, found -0.1"),
        (lambda: fnn.decoupled_decay(0.1, names="W"), TypeError, "a tuple of names, found 'W'"),
    ],
)
def test_decays_that_are_none_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
