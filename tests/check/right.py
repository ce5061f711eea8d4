"""Layers as a user may write them: right, whatever a check that is too strict might think."""

import threading

import numpy as np

import fnn
from fnn import Cache, Layer


def nothing(rng, shape):
    return {}


def function(forward, backward, **other):
    """y = forward(x), dx = backward(x, dy)."""
    return Layer(
        nothing,
        lambda params, state, x, train: (forward(x), Cache(x, state)),
        lambda params, cache, dy: (backward(cache.saved, dy), {}),
        **other,
    )


def gain(init):
    """y = g * x, with one g for each number."""
    return Layer(
        lambda rng, shape: {"g": init(shape).astype(np.float32)},
        lambda params, state, x, train: (params["g"] * x, Cache(x, state)),
        lambda params, cache, dy: (params["g"] * dy, {"g": (cache.saved * dy).sum(axis=0)}),
    )


def layer_norm(eps):
    def apply(params, state, x, train):
        inv = 1 / np.sqrt(x.var(-1, keepdims=True) + eps)
        h = (x - x.mean(-1, keepdims=True)) * inv
        return h, Cache((h, inv), state)

    def vjp(params, cache, dy):
        h, inv = cache.saved
        gone = dy.mean(-1, keepdims=True) + h * (dy * h).mean(-1, keepdims=True)
        return inv * (dy - gone), {}

    return Layer(nothing, apply, vjp)


def batch_norm():
    """Without a word about batches of one example or none."""

    def apply(params, state, x, train):
        mean, var = (x.mean(0), x.var(0)) if train else (state["mean"], state["var"])
        inv = 1 / np.sqrt(var + 1e-5)
        h = (x - mean) * inv
        if train:
            new = {"mean": mean, "var": var}
            state = {k: (0.9 * state[k] + 0.1 * new[k]).astype(x.dtype) for k in new}
        return h, Cache((h, inv, train), state)

    def vjp(params, cache, dy):
        h, inv, train = cache.saved
        return (inv * (dy - dy.mean(0) - h * (dy * h).mean(0)) if train else dy * inv), {}

    def state(rng, shape):
        return {"mean": np.zeros(shape, np.float32), "var": np.ones(shape, np.float32)}

    return Layer(nothing, apply, vjp, state=state)


def for_one_shape():
    """x @ W with a constant W: other shapes raise a ValueError that `shape` does not."""
    W = np.linspace(-1, 1, 15).reshape(5, 3)
    return function(
        lambda x: x @ W.astype(x.dtype),
        lambda x, dy: dy @ W.T.astype(dy.dtype),
        shape=lambda s: (3,),
    )


def gain_for_one_shape():
    def gained(x):
        return x * np.arange(5, dtype=x.dtype)

    return function(gained, lambda x, dy: gained(dy))


def softmax():
    def y(x):
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    return function(y, lambda x, dy: y(x) * (dy - (dy * y(x)).sum(-1, keepdims=True)))


def prelu():
    """One slope for all."""

    def vjp(params, cache, dy):
        below = np.minimum(cache.saved, 0)
        slope = {"a": (dy * below).sum(keepdims=True).reshape(1)}
        return np.where(cache.saved > 0, 1, params["a"]) * dy, slope

    return Layer(
        lambda rng, shape: {"a": np.full(1, 0.25, np.float32)},
        lambda params, state, x, train: (np.where(x > 0, x, params["a"] * x), Cache(x, state)),
        vjp,
    )


def noise():
    def apply(params, state, x, train):
        draw = fnn.keys.generator(fnn.keys.child(state["key"], state["count"]))
        y = x + (draw.standard_normal(x.shape, np.float32) if train else np.float32(0))
        return y, Cache((), {**state, "count": state["count"] + train})

    def state(rng, shape):
        return {"key": fnn.keys.path(rng), "count": 0}

    return Layer(nothing, apply, lambda params, cache, dy: (dy.copy(), {}), state=state)


def function_in_cache():
    return Layer(
        nothing,
        lambda params, state, x, train: (x**2, Cache(lambda dy: 2 * x * dy, state)),
        lambda params, cache, dy: (cache.saved(dy), {}),
    )


def scratch(buffers, lock):
    """A scratch array that threads do not share at the same time."""

    def forward(x):
        with lock:
            buffer = buffers().setdefault((x.shape, x.dtype), np.empty(x.shape, x.dtype))
            np.multiply(x, x, out=buffer)
            return buffer.copy()

    return function(forward, lambda x, dy: 2 * x * dy)


def scratch_with_lock():
    buffers = {}
    return scratch(lambda: buffers, threading.Lock())


def scratch_of_each_thread():
    local = threading.local()
    return scratch(lambda: local.__dict__, threading.RLock())


def direction():
    """x / |x|, steep near 0."""

    def length(x):
        return np.sqrt((x * x).sum(1, keepdims=True) + 1e-12)

    def backward(x, dy):
        return dy / length(x) - x * (x * dy).sum(1, keepdims=True) / length(x) ** 3

    return function(lambda x: x / length(x), backward)


def tanh():
    """README's."""
    return Layer(
        init=lambda rng, shape: {},
        apply=lambda params, state, x, train: (np.tanh(x), Cache(x, state)),
        vjp=lambda params, cache, dy: (dy * (1 - np.tanh(cache.saved) ** 2), {}),
    )


V, IMAGE = (5,), (4, 5, 2)
RIGHT = {
    "tanh": (tanh(), V),
    "a number": (function(lambda x: 2 * x, lambda x, dy: 2 * dy), ()),
    "exp": (function(np.exp, lambda x, dy: np.exp(x) * dy), V),
    "softplus": (function(lambda x: np.logaddexp(0, x), lambda x, dy: dy / (1 + np.exp(-x))), V),
    "abs": (function(np.abs, lambda x, dy: np.sign(x) * dy), V),
    "clip": (function(lambda x: np.clip(x, -1, 1), lambda x, dy: dy * (np.abs(x) < 1)), V),
    "cube": (function(lambda x: x**3, lambda x, dy: 3 * x * x * dy), IMAGE),
    "softmax": (softmax(), V),
    "prelu": (prelu(), IMAGE),
    "direction": (direction(), V),
    "sums": (function(lambda x: x.cumsum(-1), lambda x, dy: dy[:, ::-1].cumsum(-1)[:, ::-1]), V),
    "transposed": (
        function(
            lambda x: x.swapaxes(1, 2).copy(),
            lambda x, dy: dy.swapaxes(1, 2).copy(),
            shape=lambda s: (s[1], s[0], s[2]),
        ),
        IMAGE,
    ),
    "in Fortran order": (
        function(lambda x: np.asfortranarray(x * x), lambda x, dy: np.asfortranarray(2 * x * dy)),
        IMAGE,
    ),
    "layer norm": (layer_norm(1e-8), V),
    "layer norm of images": (layer_norm(1e-5), IMAGE),
    "batch norm": (batch_norm(), V),
    "batch norm of pixels": (batch_norm(), IMAGE),
    "noise": (noise(), V),
    "for one shape": (for_one_shape(), V),
    "gain for one shape": (gain_for_one_shape(), V),
    "ones": (gain(np.ones), IMAGE),
    "a range": (gain(lambda s: np.linspace(0, 1, s[0])), V),
    "an identity matrix": (gain(lambda s: np.eye(s[0], s[1])[..., None] + np.zeros(s)), IMAGE),
    "a function in the cache": (function_in_cache(), V),
    "a scratch array with a lock": (scratch_with_lock(), V),
    "a scratch array of each thread": (scratch_of_each_thread(), V),
}
