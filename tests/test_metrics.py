import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fnn

answers = st.tuples(st.integers(1, 6), st.integers(0, 30)).flatmap(
    lambda size: st.tuples(
        *[hnp.arrays(np.int64, size[1], elements=st.integers(0, size[0] - 1))] * 2, st.just(size[0])
    )
)


def test_a_case_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 2], np.uint8)
    said = np.array([0, 0, 1, 1, 2, 1], np.uint8)
    counts = fnn.confusion(labels, said, 4)
    assert counts.tolist() == [[2, 1, 0, 0], [0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(fnn.precision(counts), [1, 1 / 3, 0, np.nan])
    np.testing.assert_array_equal(fnn.recall(counts), [2 / 3, 1 / 2, 0, np.nan])
    np.testing.assert_array_equal(fnn.f1(counts), [4 / 5, 2 / 5, 0, np.nan])


@given(answers)
def test_every_example_is_counted_once_where_it_belongs(case):
    labels, said, classes = case
    counts = fnn.confusion(labels, said, classes)
    assert counts.shape == (classes, classes)
    np.testing.assert_array_equal(counts.sum(axis=1), np.bincount(labels, minlength=classes))
    np.testing.assert_array_equal(counts.sum(axis=0), np.bincount(said, minlength=classes))
    assert np.trace(counts) == (labels == said).sum()
    np.testing.assert_array_equal(fnn.confusion(labels[::-1], said[::-1], classes), counts)
    np.testing.assert_array_equal(fnn.confusion(said, labels, classes), counts.T)


@given(answers)
def test_metrics_are_shares_and_nan_only_for_0_by_0(case):
    counts = fnn.confusion(*case)
    p, r, f = fnn.precision(counts), fnn.recall(counts), fnn.f1(counts)
    np.testing.assert_array_equal(p, fnn.recall(counts.T))
    np.testing.assert_array_equal(np.isnan(r), counts.sum(axis=1) == 0)
    np.testing.assert_array_equal(np.isnan(f), np.isnan(p) & np.isnan(r))
    for figure in (p, r, f):
        assert ((figure >= 0) & (figure <= 1) | np.isnan(figure)).all()
    some = p + r > 0  # False for nan
    np.testing.assert_allclose(f[some], (2 * p * r / np.where(some, p + r, 1))[some], rtol=1e-12)
    # Recall, weighted by the examples of each class, is accuracy.
    hits = np.nansum(r * counts.sum(axis=1))
    assert hits == pytest.approx(np.trace(counts))


@pytest.fixture(scope="module")
def metrics():
    return pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")


# scikit-learn warns about a single class, and about no examples.
@given(answers.filter(lambda case: len(case[0]) and case[2] > 1))
def test_scikit_learn_says_the_same(metrics, case):
    labels, said, classes = case
    counts = fnn.confusion(labels, said, classes)
    every = range(classes)
    np.testing.assert_array_equal(counts, metrics.confusion_matrix(labels, said, labels=every))
    p, r, f, support = metrics.precision_recall_fscore_support(
        labels, said, labels=every, zero_division=np.nan
    )
    np.testing.assert_allclose(fnn.precision(counts), p)
    np.testing.assert_allclose(fnn.recall(counts), r)
    np.testing.assert_allclose(fnn.f1(counts), f)
    np.testing.assert_array_equal(counts.sum(axis=1), support)


@pytest.mark.parametrize(
    ("labels", "said", "classes", "error", "words"),
    [
        ([0, 1], [0], 2, ValueError, r"found \(2,\) and \(1,\)"),
        ([[0]], [[0]], 2, ValueError, r"found \(1, 1\)"),
        ([0, 2], [0, 1], 2, ValueError, r"labels in 0\.\.1, found 2"),
        ([0, 1], [-1, 1], 2, ValueError, r"answers in 0\.\.1, found -1"),
        ([0.0], [0], 2, TypeError, "integer labels, found float64"),
        ([0], [True], 2, TypeError, "integer answers, found bool"),
        ([0], [0], 0, ValueError, "at least one class, found 0"),
    ],
)
def test_bad_answers_are_refused(labels, said, classes, error, words):
    with pytest.raises(error, match=words):
        fnn.confusion(np.array(labels), np.array(said), classes)


def test_answers_that_are_no_numbers_have_no_accuracy():
    logits = np.array([[np.nan, 0.0], [1.0, 0.0]])
    assert np.isnan(fnn.accuracy(logits, np.array([0, 0])))
    assert fnn.accuracy(np.array([[np.inf, 0.0]]), np.array([0])) == 1.0
