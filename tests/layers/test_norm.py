import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fnn
from fnn.kernels import norm


def started(shape, n=8, **options):
    draw = fnn.keys.generator(0)
    params = {"gamma": draw.standard_normal(shape[-1]), "beta": draw.standard_normal(shape[-1])}
    layer = fnn.batch_norm(**options)
    return layer, params, layer.state(0, shape), 2 * draw.standard_normal((n, *shape)) + 3


@pytest.mark.parametrize("shape", [(4,), (3, 5, 4)])
def test_training_normalizes_each_node_over_the_batch(shape):
    layer, params, state, x = started(shape)
    y, cache = layer.apply(params, state, x, True)
    axes = tuple(range(x.ndim - 1))
    xhat = (x - x.mean(axes)) / np.sqrt(x.var(axes) + 1e-5)  # (28)-(30)
    np.testing.assert_allclose(y, params["gamma"] * xhat + params["beta"], rtol=1e-9)  # (31)
    # both running statistics move a tenth of the way, from 0 and 1, to the (biased) batch's
    np.testing.assert_allclose(cache.state["mean"], 0.1 * x.mean(axes), rtol=1e-6)
    np.testing.assert_allclose(cache.state["var"], 0.9 + 0.1 * x.var(axes), rtol=1e-6)


@pytest.mark.parametrize("shape", [(4,), (3, 5, 4)])
def test_testing_uses_the_state_and_keeps_it(shape):
    layer, params, _, x = started(shape)
    state = {"mean": np.arange(4.0), "var": np.arange(1.0, 5)}
    y, cache = layer.apply(params, state, x, False)
    root = np.sqrt(state["var"] + 1e-5)
    by_38 = params["gamma"] / root * x + (params["beta"] - params["gamma"] * state["mean"] / root)
    np.testing.assert_allclose(y, by_38, rtol=1e-9)
    assert cache.state is state


@given(st.integers(2, 9), st.integers(1, 4), st.integers(0, 99))
def test_the_closed_form_is_that_of_the_equations(m, c, seed):
    draw = fnn.keys.generator(seed)
    x, dy = draw.standard_normal((m, c)), draw.standard_normal((m, c))
    gamma, eps = draw.standard_normal(c), 1e-3
    mean, var = norm.moments(x)
    closed = norm.backward(x, mean, 1 / np.sqrt(var + eps), gamma, dy)
    for a, b in zip(closed, norm.vjp_by_the_course(x, gamma, eps, dy), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("shape", [(2, 1), (7, 3), (1000, 64), (9, 11, 50, 64), (50021, 17)])
@pytest.mark.parametrize("offset", [0, 1000])
def test_moments_are_exact_to_rounding_even_far_from_zero(shape, offset):
    x = (fnn.keys.generator(0).standard_normal(shape) + offset).astype(np.float32)
    mean, var = norm.moments(x)
    axes = tuple(range(x.ndim - 1))
    exact = x.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(axes), rtol=1e-6, atol=1e-6)
    # a value near 1000 is known only to 6e-5, and so are the deviations
    np.testing.assert_allclose(var, exact.var(axes), rtol=1e-3 if offset else 1e-5)


@pytest.mark.parametrize("shape", [(4,), (3, 5, 4)])
def test_the_layers_gradients_are_those_of_the_equations(shape):
    layer, params, state, x = started(shape)
    y, cache = layer.apply(params, state, x, True)
    dy = fnn.keys.generator(1).standard_normal(y.shape)
    dx, grads = layer.vjp(params, cache, dy)
    rows = [a.reshape(-1, 4) for a in (x, dy, dx)]
    expected = norm.vjp_by_the_course(rows[0], params["gamma"], 1e-5, rows[1])
    for a, b in zip((rows[2], grads["gamma"], grads["beta"]), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_equal_batches_move_the_state_along_a_geometric_series():
    layer, params, state, x = started((3,), rate=0.25)
    for _ in range(5):
        state = layer.apply(params, state, x, True)[1].state
    left = 0.75**5
    np.testing.assert_allclose(state["mean"], (1 - left) * x.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(state["var"], left + (1 - left) * x.var(axis=0), rtol=1e-5)


def test_recalibration_gives_the_expectations_over_the_batches():
    first = fnn.serial(fnn.dense(3), fnn.batch_norm(), fnn.dropout(0.5))
    net = fnn.serial(first, fnn.residual(fnn.batch_norm()), fnn.dense(2))
    draw = fnn.keys.generator(0)
    params, state = net.init(0, (4,)), net.state(1, (4,))
    batches = [draw.standard_normal((6, 4), np.float32) for _ in range(5)]
    new = fnn.recalibrate(net, params, state, batches)
    hidden = [x @ params[0][0]["W"] + params[0][0]["b"] for x in batches]
    np.testing.assert_allclose(
        new[0][1]["mean"], np.mean([h.mean(axis=0) for h in hidden], axis=0), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        new[0][1]["var"], np.mean([h.var(axis=0) for h in hidden], axis=0), rtol=1e-4
    )
    assert new[0][2] == state[0][2]  # dropout's key and count
    fnn.tree.map(lambda a, b: None, new, state)
    assert {a.dtype for a in (new[0][1]["mean"], new[1][0][0]["var"])} == {np.dtype(np.float32)}
    # the result does not depend on the running statistics before
    moved = net.apply(params, state, batches[0], True)[1].state
    again = fnn.recalibrate(net, params, moved, batches)
    np.testing.assert_allclose(again[0][1]["var"], new[0][1]["var"], rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fnn.batch_norm(eps=0), "eps > 0"),
        (lambda: fnn.batch_norm(rate=1.5), r"rate in 0\.\.1"),
        (lambda: _apply(np.ones((1, 4))), "two examples or more"),
        (lambda: _apply(np.ones((5, 3))), r"gamma of shape \(3,\) .* \(5, 3\), found \(4,\)"),
        (lambda: fnn.recalibrate(*started((4,))[:3], []), "at least one batch"),
    ],
)
def test_bad_arguments_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def _apply(x):
    layer, params, state, _ = started((4,))
    return layer.apply(params, state, x, True)
