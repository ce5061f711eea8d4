import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toolz import reduce

import fnn

SHAPE = (4, 4, 1)


def problem(n=60):
    draw = fnn.keys.generator(3)
    images = draw.integers(0, 256, (n, 4, 4), np.uint8)
    return images, images[:, 0, :3].argmax(axis=1).astype(np.uint8)


def setting(optimizer):
    net = fnn.models.mlp(3, hidden=5)
    step = fnn.train_step(net, fnn.softmax_cross_entropy, optimizer)
    return net, step, fnn.init_train_state(net, optimizer, 0, SHAPE)


def same(a, b):
    return all(
        p.tobytes() == q.tobytes()
        for p, q in zip(fnn.tree.leaves(a.params), fnn.tree.leaves(b.params), strict=True)
    )


def test_a_step_of_the_three_layer_network_follows_the_courses_equations():
    _, step, ts = setting(fnn.sgd(0.1))
    images, labels = problem(6)
    x = fnn.to_float(images)
    new = step(ts, (x, labels))
    # The course keeps examples in columns.
    w1, b1 = ts.params[1]["W"].T, ts.params[1]["b"][:, None]
    w2, b2 = ts.params[3]["W"].T, ts.params[3]["b"][:, None]
    x0 = x.reshape(6, -1).T
    y1 = 1 / (1 + np.exp(-(w1 @ x0 + b1)))  # (1)-(3)
    a = w2 @ y1 + b2  # (4)
    y2 = np.exp(a - a.max(axis=0)) / np.exp(a - a.max(axis=0)).sum(axis=0)  # (5)-(6)
    onehot = np.eye(3)[labels].T
    loss = (-onehot * np.log(y2)).sum(axis=0).mean()  # (7)-(8)
    da = (y2 - onehot) / 6  # (12)
    dy1 = w2.T @ da  # (16)
    dt = dy1 * (1 - y1) * y1  # (19)
    assert new.loss == pytest.approx(loss, rel=1e-6)
    expected = {  # (17), (18), then (20)-(23)
        1: (w1 - 0.1 * dt @ x0.T, b1 - 0.1 * dt.sum(axis=1, keepdims=True)),
        3: (w2 - 0.1 * da @ y1.T, b2 - 0.1 * da.sum(axis=1, keepdims=True)),
    }
    for i, (w, b) in expected.items():
        np.testing.assert_allclose(new.params[i]["W"], w.T, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(new.params[i]["b"], b[:, 0], rtol=1e-5, atol=1e-6)


def test_training_reduces_the_loss_and_stays_float32():
    net, step, ts = setting(fnn.momentum(0.1))
    images, labels = problem()
    before = fnn.evaluate(net, ts.params, ts.state, images, labels, prepare=fnn.to_float)
    for epoch in range(200):
        ts = fnn.epoch(step, fnn.batches((0, epoch), images, labels, 25, fnn.to_float), ts)
    after = fnn.evaluate(net, ts.params, ts.state, images, labels, prepare=fnn.to_float)
    assert after.loss < 0.5 * before.loss
    assert after.accuracy > 0.9
    leaves = fnn.tree.leaves({"params": ts.params, "opt_state": ts.opt_state})
    assert {a.dtype for a in leaves} == {np.dtype(np.float32)}


def test_one_seed_gives_the_same_bits_and_training_can_restart_from_an_old_state():
    images, labels = problem()
    ends = []
    for _ in range(2):
        _, step, start = setting(fnn.momentum(0.1))
        ends.append(reduce(step, fnn.batches(1, images, labels, 7, fnn.to_float), start))
    assert same(*ends)
    again = reduce(step, fnn.batches(1, images, labels, 7, fnn.to_float), start)
    assert same(again, ends[0])
    assert not same(start, ends[0])


def test_states_are_those_of_the_fold():
    images, labels = problem()
    _, step, start = setting(fnn.sgd(0.1))
    feed = list(fnn.batches(1, images, labels, 7, fnn.to_float))
    along = list(fnn.states(step, feed, start))
    assert len(along) == len(feed) == 9
    assert same(along[-1], fnn.epoch(step, feed, start))
    assert np.isnan(start.loss)
    assert all(np.isfinite(ts.loss) for ts in along)


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 5))
def test_an_epoch_visits_every_example_once_in_an_order_no_batch_size_changes(n, size, seed):
    x = np.arange(n) * 10
    parts = list(fnn.batches(seed, x, np.arange(n), size))
    seen = np.concatenate([labels for _, labels in parts])
    assert sorted(seen.tolist()) == list(range(n))
    assert [len(labels) for _, labels in parts][:-1] == [size] * (len(parts) - 1)
    np.testing.assert_array_equal(np.concatenate([v for v, _ in parts]), seen * 10)
    whole = next(iter(fnn.batches(seed, x, np.arange(n), n)))[1]
    np.testing.assert_array_equal(seen, whole)


def test_epochs_differ():
    x = np.arange(50)
    orders = [next(fnn.batches((0, epoch), x, x, 50))[1].tolist() for epoch in range(3)]
    assert orders[0] != orders[1] != orders[2] != list(range(50))


@given(st.integers(1, 30), st.integers(1, 40))
def test_evaluation_in_slices_drops_nothing(n, size):
    images, labels = problem(n)
    net, _, ts = setting(fnn.sgd())
    arguments = (net, ts.params, ts.state, images, labels)
    whole = fnn.evaluate(*arguments, batch_size=n, prepare=fnn.to_float)
    sliced = fnn.evaluate(*arguments, batch_size=size, prepare=fnn.to_float)
    assert sliced.accuracy == whole.accuracy
    assert sliced.loss == pytest.approx(whole.loss, rel=1e-5)


def test_to_float_scales_to_one_and_lays_out_rows_of_pixels():
    images = fnn.keys.generator(0).integers(0, 256, (5, 4, 3, 2), np.uint8)
    x = fnn.to_float(images)
    np.testing.assert_array_equal(x, images.astype(np.float32) / np.float32(255))
    assert x.dtype == np.float32
    assert x.transpose(1, 2, 0, 3).flags.c_contiguous
    np.testing.assert_array_equal(fnn.to_float(images[..., 0]), x[..., :1])


X, T = np.ones((4, 4, 4), np.uint8), np.zeros(4, np.uint8)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: fnn.batches(0, X, T[:3]), ValueError, "found 4 examples and 3 labels"),
        (lambda: fnn.batches(0, X[:0], T[:0]), ValueError, "found 0 examples"),
        (lambda: fnn.batches(0, X, T, 0), ValueError, "batch_size: expected at least 1, found 0"),
        (lambda: fnn.to_float(X / 255), TypeError, "expected uint8 images, found float64"),
        (lambda: fnn.to_float(X[0]), ValueError, r"found \(4, 4\)"),
        (lambda: fnn.predict(fnn.relu(), {}, {}, X[:0]), ValueError, "found none"),
        (
            lambda: fnn.predict(fnn.relu(), {}, {}, X, 0),
            ValueError,
            "batch_size: expected at least 1",
        ),
        (lambda: fnn.predict(fnn.relu(), {}, {}, X), TypeError, "to_float"),
    ],
)
def test_bad_arguments_are_refused_at_once(call, error, words):
    with pytest.raises(error, match=words):
        call()
