import numpy as np
import pytest

import fnn
from fnn import initializers


def test_a_batch_by_hand():
    layer = fnn.dense(2)
    params = {"W": np.array([[1.0, 2], [3, 4], [5, 6]]), "b": np.array([10.0, 20])}
    y, cache = layer.apply(params, {}, np.array([[1.0, 0, 2], [0, 1, 0]]), True)
    np.testing.assert_array_equal(y, [[21, 34], [13, 24]])
    dx, grads = layer.vjp(params, cache, np.array([[1.0, 0], [0, 1]]))
    np.testing.assert_array_equal(dx, [[1, 3, 5], [2, 4, 6]])  # dy W^T, (16)
    np.testing.assert_array_equal(grads["W"], [[1, 0], [0, 1], [2, 0]])  # x^T dy, (17)
    np.testing.assert_array_equal(grads["b"], [1, 1])  # the rows' sum, (18)


@pytest.mark.parametrize(
    ("init", "variance"),
    [
        (initializers.course, 1 / 784),
        (initializers.he, 2 / 784),
        (initializers.glorot, 2 / (784 + 200)),
        (initializers.zeros, 0),
    ],
    ids=["course", "he", "glorot", "zeros"],
)
def test_weights_start_with_the_variance_of_the_scheme(init, variance):
    params = fnn.dense(200, init=init).init(0, (784,))
    assert params["W"].var() == pytest.approx(variance, rel=0.02)
    assert params["W"].mean() == pytest.approx(0, abs=3e-4)
    assert {p.dtype for p in params.values()} == {np.dtype(np.float32)}


def test_biases_start_as_the_course_says_and_otherwise_at_zero():
    assert fnn.dense(2000).init(0, (784,))["b"].var() == pytest.approx(1 / 784, rel=0.1)
    assert not fnn.dense(2000, init=initializers.he).init(0, (784,))["b"].any()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda layer: layer.shape((28, 28, 1)),
            r"dense\(10\): .*found \(28, 28, 1\): put flatten",
        ),
        (lambda layer: layer.init(0, (28, 28)), r"dense\(10\): .*found \(28, 28\): put flatten"),
        (
            lambda layer: layer.apply(layer.init(0, (4,)), {}, np.ones((2, 5)), True),
            r"dense\(10\): .*W of shape \(5, 10\) for input of shape \(2, 5\), found \(4, 10\)",
        ),
        (lambda layer: fnn.dense(0), "expected at least 1, found 0"),
    ],
)
def test_errors_name_the_layer_and_both_shapes(call, words):
    with pytest.raises(ValueError, match=words):
        call(fnn.dense(10))
