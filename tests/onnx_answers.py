"""What the tests of fnn.export share: a model's outputs from two programs that are not fnn."""

import numpy as np
import pytest

import fnn

onnx = pytest.importorskip("onnx", reason="ONNX is not installed: pip install onnx")
reference = pytest.importorskip("onnx.reference")
runtime = pytest.importorskip("onnxruntime", reason="it is not installed: pip install onnxruntime")


def by_onnxruntime(model, x, threads=1):
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = runtime.InferenceSession(model.SerializeToString(), options)
    return session.run(None, {session.get_inputs()[0].name: x})


def by_reference(model, x):
    evaluator = reference.ReferenceEvaluator(model)
    return evaluator.run(None, {evaluator.input_names[0]: x})


BOTH = {"onnxruntime": by_onnxruntime, "reference": by_reference}


def drawn(net, shape, seed=0):
    """Parameters and a state with no special numbers in them, such as a mean of 0."""
    draw = fnn.keys.generator(seed).standard_normal

    def other(name, leaf):
        if not isinstance(leaf, np.ndarray) or leaf.dtype != np.float32:
            return leaf
        a = draw(leaf.shape, np.float32)
        if name == "var":
            return a * a + np.float32(0.1)
        return leaf + a * np.float32(0.3)

    return tuple(fnn.tree.map_named(other, t) for t in (net.init(seed, shape), net.state(0, shape)))


def inputs(shape, n, seed=1):
    """Examples at a model's input, and as `apply` takes them."""
    rng = fnn.keys.generator((seed, n))
    if len(shape) != 3:
        x = rng.standard_normal((n, *shape), np.float32)
        return x, x
    images = rng.integers(0, 256, (n, *shape), np.uint8)
    given = images[..., 0] if shape[2] == 1 else images
    return given, fnn.to_float(given)


def softmax(y):
    return fnn.softmax(y.reshape(-1, y.shape[-1])).reshape(y.shape)


def agree(found, expected, tolerance=1e-5):
    """Fail unless the logits agree to a share of the largest, and the probabilities with them."""
    logits, probabilities = found
    assert logits.shape == probabilities.shape == expected.shape
    assert logits.dtype == np.float32
    bound = tolerance * np.abs(expected).max(initial=1e-30)
    np.testing.assert_allclose(logits, expected, rtol=0, atol=bound)
    if len(expected):
        np.testing.assert_allclose(probabilities, softmax(logits), rtol=0, atol=1e-6)


def nodes(graph):
    """The nodes of a graph and of the branches in it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from nodes(attribute.g)


def check_names(model):
    """Fail unless the checker takes the model and its nodes have names of their own."""
    onnx.checker.check_model(model, full_check=True)
    names = [node.name for node in nodes(model.graph)]
    assert all(names)
    assert len(set(names)) == len(names)
