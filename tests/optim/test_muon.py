"""Muon: what its matrix products give, compared with the singular value decomposition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fnn

SHAPES = [(5, 5), (27, 64), (64, 27), (3, 3, 4, 16), (3, 3, 16, 4), (1, 9), (9, 1), (1, 1, 300, 20)]


def drawn(seed, shape, dtype=np.float64):
    return fnn.keys.generator(seed).standard_normal(shape).astype(dtype)


def matrix(g):
    return g.reshape(-1, g.shape[-1])


def with_values(seed, n, m, values):
    """A matrix (n, m) of known singular values, and its singular vectors."""
    u, v = (np.linalg.qr(drawn(seed + i, (k, len(values))))[0] for i, k in enumerate((n, m)))
    return (u * values) @ v.T, u, v


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_or_columns_become_orthonormal(shape, dtype):
    values = [1, 0.1] if min(matrix(np.empty(shape)).shape) > 1 else [1]
    g, u, v = with_values(3, *matrix(np.empty(shape)).shape, values)
    y = fnn.orthogonal(g.reshape(shape).astype(dtype))
    assert (y.shape, y.dtype) == (shape, dtype)
    now = u.T @ matrix(y) @ v
    assert ((np.diag(now) > 0.68) & (np.diag(now) < 1.21)).all()
    # The singular vectors stay: nothing appears outside them.
    np.testing.assert_allclose(matrix(y), (u * np.diag(now)) @ v.T, atol=2e-4)


@pytest.mark.parametrize("shape", [(4, 4), (9, 30), (30, 9)])
def test_products_with_themselves_are_near_the_identity(shape):
    g, _, _ = with_values(5, *shape, np.geomspace(1, 0.01, min(shape)))
    y = fnn.orthogonal(g)
    square = y @ y.T if shape[0] < shape[1] else y.T @ y
    assert np.abs(square - np.eye(min(shape))).max() < 1 - 0.68**2


@given(st.integers(0, 99), st.integers(1, 12), st.integers(1, 12), st.integers(-30, 30))
def test_only_the_direction_counts(seed, n, m, power):
    g = drawn(seed, (n, m), np.float32)
    same = fnn.orthogonal(g * np.float32(10.0) ** power)
    np.testing.assert_allclose(same, fnn.orthogonal(g), rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(fnn.orthogonal(-g), -fnn.orthogonal(g))
    # The transposed matrix takes the same way; only its sums may round differently.
    np.testing.assert_allclose(fnn.orthogonal(g.T).T, fnn.orthogonal(g), atol=1e-3)


@given(st.floats(0.002, 1), st.integers(0, 99))
def test_small_singular_values_are_brought_up(least, seed):
    g, u, v = with_values(seed, 8, 6, [1, least])
    now = np.diag(u.T @ fnn.orthogonal(g) @ v)
    bound = least / np.hypot(1, least)
    assert (now > (0.68 if bound >= 0.002 else 0.6)).all()
    assert (now < 1.21).all()


def test_zeros_stay_zeros_and_what_is_not_finite_is_seen():
    assert not fnn.orthogonal(np.zeros((3, 2), np.float32)).any()
    with np.errstate(all="ignore"):
        for bad in (np.nan, np.inf):
            assert not np.isfinite(fnn.orthogonal(np.array([[bad, 1.0], [2.0, 1.0]]))).all()


def by_hand(g, steps):
    """The iteration as in the source, on the smaller side."""
    x = g if g.shape[0] <= g.shape[1] else g.T
    x = x / np.linalg.norm(x)
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x if g.shape[0] <= g.shape[1] else x.T


@pytest.mark.parametrize("steps", [1, 3, 5])
@pytest.mark.parametrize("shape", [(7, 3), (3, 7)])
def test_a_matrix_by_hand(shape, steps):
    optimizer, d, more = fnn.muon(0.5, alpha=0.9, steps=steps), 0.0, (shape[1] / shape[0]) ** 0.5
    state = optimizer.init({"W": np.zeros(shape)})
    for seed in range(4):
        g = drawn(seed, shape)
        updates, state = optimizer.update({"W": g}, state)
        d = 0.9 * d + g
        expected = -0.5 * max(1, more) * by_hand(0.9 * d + g, steps)
        np.testing.assert_allclose(updates["W"], expected, rtol=1e-9, atol=1e-12)


def test_other_leaves_have_their_own_optimizer():
    params = {0: {"W": drawn(0, (3, 2)), "b": np.ones(2)}, 1: {}, 2: {"beta": np.ones(2)}}
    optimizer, alone = fnn.muon(0.1, rest=fnn.adam(0.3)), fnn.adam(0.3)
    state, own = optimizer.init(params), alone.init(params)
    for seed in range(3):
        grads = fnn.tree.map(lambda p, seed=seed: drawn(seed, p.shape), params)
        updates, state = optimizer.update(grads, state)
        by_adam, own = alone.update(grads, own)
        assert [path for path, _ in fnn.tree.items(updates)] == [(0, "W"), (0, "b"), (2, "beta")]
        np.testing.assert_array_equal(updates[0]["b"], by_adam[0]["b"])
        np.testing.assert_array_equal(updates[2]["beta"], by_adam[2]["beta"])
        assert not np.allclose(updates[0]["W"], by_adam[0]["W"])


def test_weights_decay_apart_from_the_gradients():
    params = {"W": drawn(0, (3, 2)), "b": np.ones(2)}
    plain, decaying = fnn.muon(0.5), fnn.muon(0.5, decay=0.1)
    grads = fnn.tree.map(lambda p: drawn(1, p.shape), params)
    without, with_decay = (o.update(grads, o.init(params))[0] for o in (plain, decaying))
    np.testing.assert_allclose(with_decay["W"], without["W"] - 0.5 * 0.1 * params["W"])
    np.testing.assert_array_equal(with_decay["b"], without["b"])


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: fnn.muon(-0.1), ValueError, "learning rate of 0 or more, found -0.1"),
        (lambda: fnn.muon(decay=-1), ValueError, "muon: expected a decay of 0 or more, found -1"),
        (lambda: fnn.muon(alpha=1.0), ValueError, "below 1, found 1"),
        (lambda: fnn.muon(steps=0), ValueError, "orthogonalize: steps"),
        (lambda: fnn.orthogonal(np.eye(2), 0), ValueError, "orthogonal: steps"),
        (lambda: fnn.muon(rest=fnn.sgd), TypeError, "by_leaf: expected an optimizer"),
    ],
)
def test_what_does_not_fit_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
