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
        (np.ones((2, 3)), np.eye(3)[:2], ValueError, r"labels \(N,\)"),
        (np.ones((0, 3)), np.array([], int), ValueError, "empty batch"),
    ],
)
def test_bad_labels_are_refused(f, logits, labels, error, words):
    with pytest.raises(error, match=words):
        f(logits, labels)


def test_integer_logits_are_refused():
    with pytest.raises(TypeError, match="float32 or float64"):
        fnn.softmax_cross_entropy(np.array([[1, 2]]), np.array([0]))
