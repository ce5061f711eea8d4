"""Networks for other programs: models of ONNX, which many of them run.

`fnn.to_onnx(net, params, state, shape)` is a network as such a model, and
`recognizer_to_onnx(found)` what `fnn.recognize(found, images)` does. The package onnx makes them
(pip install onnx), and onnxruntime, for one, runs them:

>>> import fnn, numpy as np, onnxruntime
>>> found, images = fnn.pretrained(), fnn.open_data("digits", "test").data.images[:9]
>>> model = recognizer_to_onnx(found)
>>> session = onnxruntime.InferenceSession(model.SerializeToString())
>>> logits, probabilities = session.run(None, {"images": images})
>>> np.array_equal(logits.argmax(axis=1), fnn.recognize(found, images).argmax(axis=1))
True

A layer of your own needs an entry: a function from what is given (`Given`) to the node of ONNX that
computes the layer's output (`node`). Its name in `entries` is that of the layer's constructor or,
for a layer put together by hand, `Layer.name`:

>>> bent = fnn.Layer(
...     init=lambda rng, shape: {"size": np.ones(shape, np.float32)},
...     apply=lambda params, state, x, train: (np.tanh(x) * params["size"], fnn.Cache(x, state)),
...     vjp=None,  # it is not trained here
...     name="bent",
... )
>>> def bent_entry(given):
...     return node("Mul", node("Tanh", given.x), Weight("size", given.params["size"]))
>>> net = fnn.serial(fnn.flatten(), bent, fnn.dense(2))
>>> params, state = net.init(0, (2, 2, 1)), net.state(0, (2, 2, 1))
>>> model = fnn.to_onnx(net, params, state, (2, 2, 1), entries={"bent": bent_entry})
>>> [one.name for one in model.graph.node if one.name.startswith("1/")]
['1/Tanh', '1/Mul']

An entry sees images as fnn has them, (N, H, W, C), and returns them so; `Entry(make, "any")` says
that the function is of single numbers, which saves transposing around it. For a layer made of other
layers, an entry may return one of fnn's that computes the same from the same parameters. All of it
is inference, as with train=False.
"""

from fnn.export.model import recognizer_to_onnx, to_onnx
from fnn.export.node import Entry, Given, Node, Weight, node
from fnn.export.proto import check_onnx

__all__ = [
    "Entry", "Given", "Node", "Weight", "check_onnx", "node", "recognizer_to_onnx", "to_onnx",
]  # fmt: skip
