import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fnn

TINY = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}

batches = st.tuples(st.integers(1, 6), st.integers(1, 5)).flatmap(
    lambda shape: st.tuples(
        hnp.arrays(
            st.sampled_from([np.float32, np.float64]),
            shape,
            elements=st.floats(-(2.0**14), 2.0**14, width=32),
        ),
        hnp.arrays(np.uint8, shape[0], elements=st.integers(0, shape[1] - 1)),
    )
)


@given(batches)
def test_cross_entropy_is_the_formula(batch):
    logits, labels = batch
    loss, dlogits = fnn.softmax_cross_entropy(logits, labels)
    wide = logits.astype(np.longdouble)
    wide -= wide.max(axis=1, keepdims=True)
    p = np.exp(wide) / np.exp(wide).sum(axis=1, keepdims=True)
    log_p = wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))
    onehot = np.eye(logits.shape[1])[labels]
    tiny = TINY[logits.dtype]
    assert type(loss) is float
    assert loss == pytest.approx(float(-(onehot * log_p).sum(axis=1).mean()), rel=tiny, abs=tiny)
    np.testing.assert_allclose(dlogits, (p - onehot) / len(labels), atol=tiny, rtol=tiny)
    assert dlogits.dtype == logits.dtype
    np.testing.assert_allclose(fnn.softmax(logits), p, atol=tiny)


@given(batches, st.floats(0, 1))
def test_label_smoothing_is_cross_entropy_with_softened_labels(batch, smoothing):
    logits, labels = batch
    loss, dlogits = fnn.softmax_cross_entropy(logits, labels, smoothing=smoothing)
    log_p = fnn.log_softmax(logits.astype(np.float64))
    classes = logits.shape[1]
    q = (1 - smoothing) * np.eye(classes)[labels] + smoothing / classes
    tiny = TINY[logits.dtype]
    assert loss == pytest.approx(-(q * log_p).sum(axis=1).mean(), rel=10 * tiny, abs=tiny)
    np.testing.assert_allclose(dlogits, (np.exp(log_p) - q) / len(labels), atol=tiny, rtol=tiny)
    assert dlogits.dtype == logits.dtype


def test_smoothing_outside_the_unit_interval_is_refused():
    with pytest.raises(ValueError, match=r"smoothing in 0\.\.1, found 1\.5"):
        fnn.softmax_cross_entropy(np.ones((1, 2)), np.array([0]), smoothing=1.5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("gap", [1, 100, 1e4])
def test_a_certain_wrong_answer_costs_the_gap(dtype, gap):
    loss, _ = fnn.softmax_cross_entropy(np.array([[0, gap]], dtype), np.array([0]))
    assert loss == pytest.approx(gap + np.log1p(np.exp(-gap)), rel=1e-7)


def test_the_gradient_is_that_of_central_differences():
    draw = fnn.keys.generator(0)
    logits, labels, v = draw.standard_normal((4, 3)), np.array([0, 2, 1, 2]), draw.random((4, 3))
    h = 1e-6
    up, down = (fnn.softmax_cross_entropy(logits + s * h * v, labels)[0] for s in (1, -1))
    dlogits = fnn.softmax_cross_entropy(logits, labels)[1]
    assert np.vdot(dlogits, v) == pytest.approx((up - down) / (2 * h), rel=1e-7)


def test_accuracy_counts_every_image():
    logits = np.eye(3)[[0, 1, 2, 0, 1, 2, 0]]
    assert fnn.accuracy(logits, np.array([0, 1, 2, 0, 1, 2, 1])) == 6 / 7


@pytest.mark.parametrize("f", [fnn.softmax_cross_entropy, fnn.accuracy])
@pytest.mark.parametrize(
    ("logits", "labels", "error", "words"),
    [
        (np.ones((2, 3)), np.array([0]), ValueError, r"found \(2, 3\) and \(1,\)"),
        (np.ones(3), np.array([0, 1, 2]), ValueError, r"found \(3,\)"),
        (np.ones((2, 3)), np.array([0, 3]), ValueError, r"labels in 0\.\.2, found 3"),
        (np.ones((2, 3)), np.array([-1, 0]), ValueError, r"labels in 0\.\.2, found -1"),
        (np.ones((2, 3)), np.array([0.0, 1.0]), TypeError, "integer labels, found float64"),
        (np.ones((2, 3)), np.eye(3, dtype=int)[:2], ValueError, r"labels \(N,\).*argmax"),
        (np.ones((2, 3)), np.eye(3), ValueError, r"found \(2, 3\) and \(3, 3\)"),
        (np.ones((2, 2)), np.array([[1.5, -0.5]] * 2), ValueError, "soft labels .* of -0.5"),
        (np.ones((2, 2)), np.full((2, 2), 0.4), ValueError, "sums from 0.8 to 0.8"),
        (np.ones((2, 2)), np.full((2, 2), np.nan), ValueError, "soft labels .* of nan"),
        (np.ones((0, 3)), np.array([], int), ValueError, "empty batch"),
    ],
)
def test_bad_labels_are_refused(f, logits, labels, error, words):
    with pytest.raises(error, match=words):
        f(logits, labels)


def test_integer_logits_are_refused():
    with pytest.raises(TypeError, match="float32 or float64"):
        fnn.softmax_cross_entropy(np.array([[1, 2]]), np.array([0]))


def by_hand(logits, q, weights, total):
    """Sums over examples and classes of -w q log p, divided by `total`, in float64."""
    return -(weights * q * fnn.log_softmax(logits.astype(float))).sum() / total


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weights", [None, [1.0, 0.5, 0.0, 3.0]])
@pytest.mark.parametrize("kind", ["labels", "soft", "ignored"])
def test_soft_labels_weights_and_ignored_examples(dtype, smoothing, weights, kind):
    draw = fnn.keys.generator(0)
    logits = (3 * draw.standard_normal((6, 4))).astype(dtype)
    labels = np.array([0, 3, 1, 2, 2, 0])
    w, rows = np.array([1.0] * 4 if weights is None else weights), np.arange(6)
    options = {"smoothing": smoothing, "weights": weights}
    if kind == "soft":
        given = draw.dirichlet(np.ones(4), 6).astype(dtype)
        q, total = given.astype(float), 6
    else:
        given = labels
        if kind == "ignored":
            rows, options["ignore"] = np.array([1, 2, 3, 4]), 0
        q, total = np.eye(4)[labels], w[labels[rows]].sum()
    q = (1 - smoothing) * q + smoothing / 4
    loss, dlogits = fnn.softmax_cross_entropy(logits, given, **options)
    tiny = TINY[logits.dtype]
    assert type(loss) is float
    assert dlogits.dtype == dtype
    assert loss == pytest.approx(by_hand(logits[rows], q[rows], w, total), rel=10 * tiny)
    for i, k in np.ndindex(6, 4):
        up, down = (
            logits.astype(float) + s * 1e-5 * np.eye(24)[4 * i + k].reshape(6, 4) for s in (1, -1)
        )
        slope = by_hand(up[rows], q[rows], w, total) - by_hand(down[rows], q[rows], w, total)
        assert dlogits[i, k] == pytest.approx(slope / 2e-5, abs=1e-6)


def test_one_hot_floats_are_labels():
    logits, labels = fnn.keys.generator(0).standard_normal((5, 3)), np.array([0, 2, 1, 1, 0])
    hard = fnn.softmax_cross_entropy(logits, labels)
    soft = fnn.softmax_cross_entropy(logits, np.eye(3)[labels])
    assert soft[0] == pytest.approx(hard[0], rel=1e-14)
    np.testing.assert_allclose(soft[1], hard[1], atol=1e-15)
    assert fnn.accuracy(logits, np.eye(3)[labels]) == fnn.accuracy(logits, labels)


@pytest.mark.parametrize("labels", [np.full(3, -100), np.full(3, 255, np.uint8)])
def test_a_batch_of_ignored_examples_costs_nothing_and_nan_in_one_does_no_harm(labels):
    logits = np.array([[1.0, 2.0], [np.nan, 0.0], [0.0, 1.0]], np.float32)
    ignore = int(labels[0])
    loss, dlogits = fnn.softmax_cross_entropy(logits, labels, ignore=ignore)
    assert (loss, dlogits.tolist()) == (0.0, [[0.0, 0.0]] * 3)
    some = np.array([0, ignore, 1])
    loss, dlogits = fnn.softmax_cross_entropy(logits, some, ignore=ignore)
    assert np.isfinite(loss)
    np.testing.assert_array_equal(dlogits[1], 0)
    none = fnn.softmax_cross_entropy(logits[:1], np.array([1]), weights=[1.0, 0.0])
    assert (none[0], none[1].tolist()) == (0.0, [[0.0, 0.0]])


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"weights": [1.0]}, ValueError, r"weights of 2 classes, .* found \[1.0\]"),
        ({"weights": [1.0, -1.0]}, ValueError, "finite and 0 or more"),
        ({"weights": [1.0, np.inf]}, ValueError, "finite and 0 or more"),
        ({"ignore": 1.0}, TypeError, "ignore: expected an integer"),
        ({"ignore": 5, "smoothing": 2}, ValueError, r"smoothing in 0\.\.1"),
    ],
)
def test_bad_options_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        fnn.softmax_cross_entropy(np.ones((1, 2)), np.array([0]), **options)


def test_soft_labels_cannot_be_ignored():
    with pytest.raises(ValueError, match="ignore=None with soft labels"):
        fnn.softmax_cross_entropy(np.ones((1, 2)), np.ones((1, 2)) / 2, ignore=0)


def test_a_net_learns_from_soft_labels_and_is_evaluated_with_them():
    net, rng = fnn.dense(3), fnn.keys.generator(0)
    x, q = rng.standard_normal((20, 4), np.float32), rng.dirichlet(np.ones(3), 20)
    step = fnn.train_step(net, fnn.softmax_cross_entropy, fnn.sgd(0.5))
    ts = fnn.init_train_state(net, fnn.sgd(0.5), 0, (4,))
    before = fnn.evaluate(net, ts.params, ts.state, x, q)
    for _ in range(20):
        ts = step(ts, (x, q))
    after = fnn.evaluate(net, ts.params, ts.state, x, q)
    assert after.loss < before.loss
    assert 0 <= after.accuracy <= 1
