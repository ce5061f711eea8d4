"""Layers that are wrong on purpose, one for each kind of mistake.

No check can promise to find

- a gradient that is wrong by 5e-7 of its size: central differences are not more exact;
- a mistake of less than 1e-4 in float32 alone (1e-2 in a network): rounding may be as large;
- a counter that acts after 10,000 calls: a check makes a few hundred, fewer of a large layer;
- a mistake for one batch in a million, or for |x| > 12: a check draws a few batches;
- in a large network, a mistake for half of the batches: maxima that are tied in a dead region look
  like it, so a gradient must be wrong for each of five draws;
- a mistake in one mode for one neighboring shape: the modes share out the shapes;
- numbers that differ between processes (the hash of a string) or days: a check is one process;
- what a layer should compute: that batch norm subtracts the mean, or dropout ignores nodes;
- an init that ignores its key and gives numbers in order: a range or zeros may be meant;
- two threads in compiled code or in fnn's own: only Python code of the layer is interrupted;
- a file, a socket, or a setting that `fnn.check.process` does not list: a process has too many.
"""

import gc
import os
import random
import time
import warnings

import numpy as np
from threadpoolctl import threadpool_limits

import fnn
from fnn import Cache, Layer


def nothing(rng, shape):
    return {}


def squares(forward=lambda x, train: x * x, backward=lambda x, dy, train: 2 * x * dy, **other):
    """The layer y = x**2, or one with a mistake in it."""

    def apply(params, state, x, train):
        return forward(x, train), Cache((x, train), state)

    def vjp(params, cache, dy):
        x, train = cache.saved
        return backward(x, dy, train), {}

    return Layer(nothing, apply, vjp)._replace(**other)


def doubled(forward=lambda x: 2 * x, backward=lambda dy: 2 * dy, **other):
    return squares(lambda x, train: forward(x), lambda x, dy, train: backward(dy), **other)


def gained(grads=lambda x, dy: (x * dy).sum(axis=0), **other):
    """The layer y = gamma * x."""
    return Layer(
        lambda rng, shape: {"gamma": np.zeros(shape, np.float32)},
        lambda params, state, x, train: (params["gamma"] * x, Cache(x, state)),
        lambda params, cache, dy: (params["gamma"] * dy, {"gamma": grads(cache.saved, dy)}),
    )._replace(**other)


def counting(after, state=lambda: {"count": 0, "mean": np.zeros(3, np.float32)}, **other):
    """y = 2 x, and the state that `after(state, x, y)` gives."""

    def apply(params, state, x, train):
        y = 2 * x
        return y, Cache((), after(state, x, y))

    return doubled(apply=apply, vjp=lambda params, cache, dy: (2 * dy, {}), **other)._replace(
        state=lambda rng, shape: state()
    )


def when(condition):
    """y = x**2 with a gradient that is wrong where condition(x, dy, train)."""
    return squares(backward=lambda x, dy, train: (3 if condition(x, dy, train) else 2) * x * dy)


def where(condition):
    """y = x**2 with a gradient that is wrong for the numbers with condition(x)."""
    return squares(
        backward=lambda x, dy, train: np.where(condition(x), 3, 2).astype(x.dtype) * x * dy
    )


def acting(act):
    """y = x**2, after something that has nothing to do with it."""
    return squares(lambda x, train: (act(), x * x)[1])


# What vjp or apply keeps in the layer


def last_x():
    kept = {}

    def forward(x, train):
        kept["x"] = x
        return x * x

    return squares(forward, lambda x, dy, train: 2 * kept["x"] * dy)


def buffered(name):
    """One of the results lies in a buffer that the next call overwrites."""
    buffers = {}

    def into(which, value):
        if which != name:
            return value
        buffer = buffers.setdefault((value.shape, value.dtype), np.empty_like(value))
        buffer[...] = value
        return buffer[:]

    def apply(params, state, x, train):
        return into("y", params["gamma"] * x), Cache(into("cache", x.copy()), state)

    def vjp(params, cache, dy):
        dx = into("dx", params["gamma"] * dy)
        return dx, {"gamma": into("grads", (cache.saved * dy).sum(axis=0))}

    return gained(apply=apply, vjp=vjp)


def ring():
    """y lies in one of four buffers in turn."""
    buffers, calls = {}, []

    def forward(x, train):
        calls.append(1)
        key = len(calls) % 4, x.shape, x.dtype
        buffer = buffers.setdefault(key, np.empty_like(x, order="C"))
        np.multiply(x, x, out=buffer)
        return buffer[:]

    return squares(forward)


def running_mean():
    """Test mode subtracts a mean that training keeps in a closure."""
    kept = {"mean": 0.0}

    def forward(x, train):
        if train and x.size:
            kept["mean"] = 0.9 * kept["mean"] + 0.1 * float(x.mean())
        return x * x if train else x * x - x.dtype.type(kept["mean"])

    return squares(forward)


def counter(n):
    calls = []

    def forward(x, train):
        calls.append(1)
        return x * x if len(calls) < n else x * x + 1

    return squares(forward)


def memoized(key):
    """Results are kept under a key of x that is not its numbers."""
    kept = {}

    def forward(x, train):
        return kept.setdefault((key(x), x.shape, x.dtype), (x * x, x))[0].copy()

    return squares(forward)


def scratch():
    """One scratch array for all threads."""
    kept = {}

    def forward(x, train):
        buffer = kept.setdefault((x.shape, x.dtype), np.empty(x.shape, x.dtype))
        np.copyto(buffer, x)
        np.multiply(buffer, buffer, out=buffer)
        return buffer.copy()

    return squares(forward)


def scratch_in_vjp():
    kept = {}

    def backward(x, dy, train):
        buffer = kept.setdefault((x.shape, x.dtype), np.empty(x.shape, x.dtype))
        buffer[...] = x
        buffer *= dy
        return 2 * buffer

    return squares(backward=backward)


def first_params():
    """The first parameters of a shape are used ever after."""
    kept = {}

    def apply(params, state, x, train):
        gamma = kept.setdefault((x.shape[1:], x.dtype), params["gamma"].copy())
        return gamma * x, Cache(x, state)

    return gained(apply=apply)


# Writing


def into_x(x, train):
    x *= x
    return x.copy()


def into_x_if_it_may(x, train):
    y = x * x
    if x.flags.writeable:
        x += 1
    return y


def unlocked(x, train):
    x.flags.writeable = True
    return into_x(x, train)


def into_params(params, state, x, train):
    y = params["gamma"] * x
    if params["gamma"].flags.writeable:
        params["gamma"] *= 0.5
    return y, Cache(x, state)


def into_dict(which):
    calls = []

    def apply(params, state, x, train):
        calls.append(1)
        {"state": state, "params": params}[which]["count"] = len(calls)
        return x * x, Cache((x, train), state)

    return squares(apply=apply)


def popped():
    def apply(params, state, x, train):
        return x * x, Cache([x], state)

    return squares(apply=apply, vjp=lambda params, cache, dy: (2 * cache.saved.pop() * dy, {}))


def into_dy(x, dy, train):
    dy[x < 0] *= -1
    return 2 * np.abs(x) * dy


def into_dy_if_it_may(x, dy, train):
    dx = 2 * x * dy
    if dy.flags.writeable:
        dy[...] = 0
    return dx


def into_cache(x, dy, train):
    if not x.flags.writeable:
        return 2 * x * dy
    x *= 2
    return x * dy


# Memory taken for C order


def flat(a):
    """The numbers in the order of memory, in a shape for which they may not be."""
    return a.ravel(order="K").reshape(a.shape)


def view_of_memory(x, train):
    return np.frombuffer(x.tobytes("A"), x.dtype).reshape(x.shape) ** 2


def strides_ignored(x, dy, train):
    base = dy if dy.base is None else dy.base
    taken = np.asarray(base).reshape(-1)[: dy.size]
    return (
        2 * x * (dy if len(taken) < dy.size or dy.flags.c_contiguous else taken.reshape(dy.shape))
    )


# Another shape, batch


def square_images():
    """dx is transposed where that can be."""

    def backward(x, dy, train):
        dx = 2 * x * dy
        return dx.swapaxes(1, 2) if dx.ndim == 4 and dx.shape[1] == dx.shape[2] else dx

    return squares(backward=backward)


def flattening(shape):
    def apply(params, state, x, train):
        return x.reshape(len(x), int(np.prod(x.shape[1:]))).copy(), Cache(x.shape, state)

    return Layer(nothing, apply, lambda p, c, dy: (dy.reshape(c.saved).copy(), {}), shape)


def mean_over_examples():
    return gained(lambda x, dy: (x * dy).sum(axis=0) / (len(x) or 1) * 3)


def mean_of_nothing():
    return gained(lambda x, dy: (x * dy).mean(axis=0) * len(x))


def fails_on_nothing(x, train):
    return x * x + 0 * x[0] if train else x * x / len(x) * len(x)


# Initial numbers and states


def fixed_init():
    return gained(
        init=lambda rng, shape: {
            "gamma": np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        }
    )


def global_init():
    return gained(
        init=lambda rng, shape: {"gamma": np.random.standard_normal(shape).astype(np.float32)}  # noqa: NPY002
    )


def dropped(state):
    """Half of the numbers, chosen by a key in the state."""

    def apply(params, state, x, train):
        key = fnn.keys.child(state["key"], state["count"])
        kept = fnn.keys.generator(key).random(x.shape) < 0.5
        return x * kept, Cache(kept, {**state, "count": state["count"] + 1})

    return Layer(nothing, apply, lambda params, cache, dy: (dy * cache.saved, {}), state=state)


def drawing():
    """Noise from a generator that a layer keeps."""
    draw = np.random.default_rng(0)
    return squares(lambda x, train: x * x + draw.random(x.shape, np.float32).astype(x.dtype))


def test_variance_forgotten():
    """Batch norm whose gradient in test mode takes the running variance for 1."""
    norm = fnn.batch_norm()

    def vjp(params, cache, dy):
        dx, grads = norm.vjp(params, cache, dy)
        return (dx if cache.saved[-1] else params["gamma"] * dy), grads

    return norm._replace(vjp=vjp)


def norm_wrong_for_one():
    norm = fnn.batch_norm()

    def vjp(params, cache, dy):
        dx, grads = norm.vjp(params, cache, dy)
        return (2 * dx if len(dy) == 1 else dx), grads

    return norm._replace(vjp=vjp)


def form(**other):
    return lambda: gained(**other)


def gain_vjp(result):
    def vjp(params, cache, dy):
        dx, gamma = params["gamma"] * dy, (cache.saved * dy).sum(axis=0)
        return result(dx, gamma)

    return form(vjp=vjp)


def gain_apply(result):
    def apply(params, state, x, train):
        return result(params["gamma"] * x, Cache(x, state))

    return form(apply=apply)


def numpy_seed():
    np.random.seed(0)  # noqa: NPY002


def environment():
    os.environ["OMP_NUM_THREADS"] = "1"


def filters():
    warnings.simplefilter("ignore")


def blas():
    threadpool_limits(limits=1, user_api="blas")


V, I = (5,), (4, 6, 2)  # noqa: E741 - a vector and an image

# name: (a function that makes the layer, the shape, words that the error must contain)
WRONG = {
    # the gradient
    "wrong by a thousandth": (
        lambda: squares(backward=lambda x, dy, t: 2.002 * x * dy),
        V,
        "vjp says",
    ),
    "wrong by 1e-5": (lambda: squares(backward=lambda x, dy, t: 2.00002 * x * dy), V, "vjp says"),
    "examples mixed up": (
        lambda: squares(backward=lambda x, dy, t: 2 * x * dy[::-1]),
        V,
        "along x",
    ),
    "one number wrong": (
        lambda: squares(
            backward=lambda x, dy, t: (
                2 * x * dy * (1 - 1e-5 * (np.arange(x.shape[1]) == 3)).astype(x.dtype)
            )
        ),
        V,
        r"along x\[0, 3\]",
    ),
    "no sum over the batch": (
        lambda: gained(lambda x, dy: x * dy),
        V,
        r"a gradient has shape \(3, 5\)",
    ),
    "mean over the batch": (
        lambda: gained(lambda x, dy: (x * dy).mean(axis=0)),
        V,
        "along params/gamma",
    ),
    "only the first example's": (
        lambda: gained(lambda x, dy: (x * dy)[:1].sum(axis=0)),
        V,
        "params/gamma",
    ),
    "right for 3 examples": (mean_over_examples, V, "for 1 example of|for [249] examples"),
    "dy left out": (lambda: squares(backward=lambda x, dy, t: 2 * x), V, "along x"),
    "dy clipped": (
        lambda: squares(backward=lambda x, dy, t: 2 * x * np.clip(dy, -9, 9)),
        V,
        "dy times 1000",
    ),
    "small dy cut": (
        lambda: squares(backward=lambda x, dy, t: 2 * x * np.where(abs(dy) < 1e-4, 0 * dy, dy)),
        V,
        "dy times 0.001",
    ),
    "grads unlike vjp's": (
        lambda: gained()._replace(grads=lambda p, c, dy: {"gamma": 0 * p["gamma"]}),
        V,
        "grads and the gradients of its vjp differ",
    ),
    "transposed where square": (square_images, (4, 4, 3), "along x"),
    "transposed where square, given another": (square_images, I, r"shape \(6, 6, 2\)"),
    "wrong state in test mode": (test_variance_forgotten, V, "in test mode"),
    "batch norm wrong for one example in test mode": (
        norm_wrong_for_one,
        V,
        "in test mode, for 1 example of",
    ),
    "NaN where x is 0": (
        lambda: squares(lambda x, t: np.abs(x), lambda x, dy, t: x / np.abs(x) * dy),
        V,
        "not finite .*exactly 0",
    ),
    # only in some cases
    "wrong in test mode": (lambda: when(lambda x, dy, train: not train), V, "in test mode"),
    "wrong in training mode": (lambda: when(lambda x, dy, train: train), V, "in training mode"),
    "wrong y in test mode": (lambda: squares(lambda x, t: x * x if t else x**3), V, "in test mode"),
    "wrong in float32": (lambda: when(lambda x, dy, t: x.dtype == np.float32), V, "float32"),
    "wrong y in float32": (
        lambda: squares(lambda x, t: x * x if x.dtype == np.float64 else x + x),
        V,
        "y is wrong .*float32",
    ),
    "float32 by float16": (
        lambda: squares(
            lambda x, t: (
                x * x
                if x.dtype == np.float64
                else (x * x).astype(np.float16).astype(x.dtype) * np.float32(1.01)
            )
        ),
        V,
        "y is wrong .*float32",
    ),
    "wrong for one example": (lambda: when(lambda x, dy, t: len(x) == 1), V, "for 1 example of"),
    "wrong for one example in test mode": (
        lambda: when(lambda x, dy, t: len(x) == 1 and not t),
        V,
        "in test mode, for 1 example of",
    ),
    "wrong for even batches": (
        lambda: when(lambda x, dy, t: len(x) % 2 == 0),
        V,
        "for [24] examples",
    ),
    "wrong for large batches": (lambda: when(lambda x, dy, t: len(x) > 8), V, "for 9 examples"),
    "one example lost": (lambda: squares(lambda x, t: np.squeeze(x * x)), V, r"y has shape \(5,\)"),
    "wrong for |x| > 4": (lambda: where(lambda x: abs(x) > 4), V, r"\|x\| in 4.5..12"),
    "wrong for |x| < 1e-3": (lambda: where(lambda x: abs(x) < 1e-3), V, r"\|x\| < 1e-3"),
    "wrong if all |x| > 4": (lambda: when(lambda x, dy, t: abs(x).min() > 4), V, r"\|x\| in"),
    "wrong for longer vectors": (
        lambda: when(lambda x, dy, t: x.shape[1] > 5),
        V,
        r"shape \((6|10),\)",
    ),
    "wrong for twice as long vectors": (
        lambda: when(lambda x, dy, t: x.shape[1] > 8),
        V,
        r"\(10,\)",
    ),
    "wrong for shorter vectors": (
        lambda: when(lambda x, dy, t: x.shape[1] < 5),
        V,
        r"shape \([14],\)",
    ),
    "wrong for one channel": (lambda: when(lambda x, dy, t: x.shape[-1] == 1), I, r", 1\)"),
    "wrong for odd channels": (
        lambda: when(lambda x, dy, t: x.shape[-1] % 2),
        I,
        r"shape \(4, 6, 3\)|, 1\)",
    ),
    "wrong for odd heights": (lambda: when(lambda x, dy, t: x.shape[1] % 2), I, r"shape \([35], "),
    "shape says H for W": (
        lambda: flattening(lambda s: (s[0] * s[0] * s[-1],)),
        (4, 4, 2),
        "layer.shape says",
    ),
    "an empty batch fails": (lambda: squares(fails_on_nothing), V, "for 0 examples"),
    "NaN for an empty batch": (mean_of_nothing, V, "not 0 .*for 0 examples"),
    # memory order
    "x taken for C order": (lambda: squares(lambda x, t: flat(x) ** 2), V, "order"),
    "x in memory order": (lambda: squares(view_of_memory), V, "order"),
    "dy taken for C order": (
        lambda: squares(backward=lambda x, dy, t: 2 * x * flat(dy)),
        V,
        "order",
    ),
    "images taken for C order": (lambda: squares(lambda x, t: flat(x) ** 2), I, "order"),
    "strides of dy ignored": (lambda: squares(backward=strides_ignored), V, "order"),
    "x must be contiguous": (
        lambda: squares(lambda x, t: (x.reshape(x.shape).view(np.uint8), x * x)[1]),
        I,
        "apply raises ValueError",
    ),
    "parameters taken for C order": (
        lambda: gained(
            apply=lambda p, s, x, t: (flat(p["gamma"]) * x, Cache(x, s)),
            vjp=lambda p, c, dy: (p["gamma"] * dy, {"gamma": (c.saved * dy).sum(axis=0)}),
        ),
        I,
        "order",
    ),
    # form
    "only y": (gain_apply(lambda y, cache: y), V, "apply returns numpy.ndarray"),
    "three results of apply": (
        gain_apply(lambda y, cache: (y, cache, 1)),
        V,
        "apply returns a tuple of length 3",
    ),
    "a tuple for a Cache": (gain_apply(lambda y, cache: (y, tuple(cache))), V, "as its cache"),
    "None for a Cache": (gain_apply(lambda y, cache: (y, None)), V, "None as its cache"),
    "a list for y": (gain_apply(lambda y, cache: (y.tolist(), cache)), V, "y is list"),
    "a mask for y": (gain_apply(lambda y, cache: (np.ma.array(y), cache)), V, "y is numpy.ma"),
    "a number for y": (gain_apply(lambda y, cache: (float(y.sum()), cache)), V, "y is float"),
    "integers for y": (gain_apply(lambda y, cache: (y.astype(int), cache)), V, "y is int64"),
    "only dx": (gain_vjp(lambda dx, g: dx), V, "vjp returns numpy.ndarray"),
    "three results of vjp": (
        gain_vjp(lambda dx, g: (dx, {"gamma": g}, 1)),
        V,
        "vjp returns a tuple of length 3",
    ),
    "None for dx": (gain_vjp(lambda dx, g: (None, {"gamma": g})), V, "dx is None"),
    "None for grads": (gain_vjp(lambda dx, g: (dx, None)), V, "grads are None"),
    "grads of another name": (gain_vjp(lambda dx, g: (dx, {"beta": g})), V, "trees differ"),
    "no grads": (gain_vjp(lambda dx, g: (dx, {})), V, "trees differ"),
    "a list for a gradient": (
        gain_vjp(lambda dx, g: (dx, {"gamma": g.tolist()})),
        V,
        "a gradient is list",
    ),
    "dx of one example": (
        gain_vjp(lambda dx, g: (dx[:1], {"gamma": g})),
        V,
        r"dx has shape \(1, 5\)",
    ),
    "dx in float32": (
        gain_vjp(lambda dx, g: (dx.astype(np.float32), {"gamma": g})),
        V,
        "type float32",
    ),
    "shape is a list": (lambda: squares(shape=list), V, "layer.shape returns list"),
    "shape of another layer": (
        lambda: squares(shape=lambda s: (7,)),
        V,
        r"layer.shape says \(3, 7\)",
    ),
    "numbers for params": (
        form(init=lambda rng, shape: {"gamma": 1.0}),
        V,
        "init returns float at gamma",
    ),
    "None for params": (lambda: squares(init=lambda rng, shape: None), V, "init returns None"),
    "vjp raises": (lambda: squares(backward=lambda x, dy, t: x @ dy), V, "vjp raises ValueError"),
    "float64 constant": (lambda: squares(lambda x, t: x * x * np.float64(1)), V, "y is float64"),
    "float64 constant in vjp": (
        lambda: squares(backward=lambda x, dy, t: np.float64(2) * x * dy),
        V,
        "dx is float64",
    ),
    "float64 gradient": (
        lambda: gained(lambda x, dy: (x * dy).sum(axis=0, dtype=np.float64)),
        V,
        "gradient is float64",
    ),
    "float32 always": (
        lambda: squares(lambda x, t: (x * x).astype(np.float32)),
        V,
        "y is float32 for float64",
    ),
    # what outlives a call
    "last x in a closure": (last_x, V, "after another call of apply"),
    "y in a buffer": (lambda: buffered("y"), V, "changes the y"),
    "cache in a buffer": (lambda: buffered("cache"), V, "changes the cache"),
    "dx in a buffer": (lambda: buffered("dx"), V, "changes the dx"),
    "grads in a buffer": (lambda: buffered("grads"), V, "changes the grads"),
    "four buffers in turn": (ring, V, "some calls later"),
    "running mean in a closure": (running_mean, V, "something else|different results"),
    "a counter to 2": (lambda: counter(2), V, "some calls later"),
    "a counter to 100": (lambda: counter(100), V, "different|another y|wrong|something else"),
    "a generator in a closure": (drawing, V, "different"),
    "memoized by shape": (lambda: memoized(lambda x: 0), V, "wrong|some calls"),
    "memoized by id": (lambda: memoized(id), V, "by their id"),
    "first parameters kept": (first_params, V, "wrong"),
    "a scratch array for all threads": (scratch, V, "another thread"),
    "a scratch array in vjp": (scratch_in_vjp, V, "another thread"),
    "the clock": (
        lambda: squares(lambda x, t: x * x + x.dtype.type(time.perf_counter_ns() % 97)),
        V,
        "different",
    ),
    "the address of x": (
        lambda: squares(
            lambda x, t: x * x + x.dtype.type(id(object()) // 16 % 7 + id(x) // 16 % 997)
        ),
        V,
        "different|hold other numbers|wrong|another y|something else|thread",
    ),
    "a cache used up": (popped, V, "changes its arguments|vjp raises"),
    # writing
    "into x": (lambda: squares(into_x), V, "apply changes its arguments"),
    "into x if it may": (lambda: squares(into_x_if_it_may), V, "apply changes its arguments"),
    "into read-only x": (lambda: squares(unlocked), V, "apply changes its arguments"),
    "into the parameters": (form(apply=into_params), V, "apply changes its arguments"),
    "into the dict of the state": (lambda: into_dict("state"), V, "changes its arguments"),
    "into the dict of parameters": (lambda: into_dict("params"), V, "changes its arguments"),
    "into dy": (lambda: squares(backward=into_dy), V, "vjp changes its arguments"),
    "into dy if it may": (
        lambda: squares(backward=into_dy_if_it_may),
        V,
        "vjp changes its arguments",
    ),
    "into the cache": (lambda: squares(backward=into_cache), V, "vjp changes its arguments"),
    # shared memory
    "y is x": (lambda: doubled(lambda x: x, lambda dy: dy.copy()), V, "y shares memory with x"),
    "y is a view of x": (
        lambda: doubled(lambda x: x[:, ::-1], lambda dy: dy[:, ::-1].copy()),
        V,
        "y shares memory with x",
    ),
    "y is x if contiguous": (
        lambda: doubled(np.ascontiguousarray, lambda dy: dy.copy()),
        V,
        "y shares memory with x",
    ),
    "y is x if in the order H, W, N, C": (
        lambda: doubled(lambda x: fnn.arrays.nhwc(fnn.arrays.hwnc(x)), lambda dy: dy.copy()),
        I,
        "y shares memory with x",
    ),
    "y is x in float64": (
        lambda: doubled(lambda x: x if x.dtype == np.float64 else x.copy(), lambda dy: dy.copy()),
        V,
        "y shares memory with x",
    ),
    "dx is dy": (lambda: doubled(lambda x: x.copy(), lambda dy: dy), V, "dx shares memory with dy"),
    "dx is the cache": (
        lambda: squares(lambda x, t: x * x / 2, lambda x, dy, t: x[:]),
        V,
        "dx shares memory with cache|along x",
    ),
    "y is the parameters": (
        lambda: gained(
            apply=lambda p, s, x, t: (np.broadcast_to(p["gamma"], x.shape), Cache(x, s)),
            vjp=lambda p, c, dy: (0 * dy, {"gamma": dy.sum(axis=0)}),
        ),
        V,
        "y shares memory with params",
    ),
    "a gradient is dy": (
        lambda: gained(lambda x, dy: dy[0] if len(dy) == 1 else (x * dy).sum(axis=0)),
        V,
        "shares memory with dy|params/gamma",
    ),
    # the state
    "state not returned": (lambda: counting(lambda s, x, y: {}), V, "no tree like"),
    "None for the state": (lambda: counting(lambda s, x, y: None), V, "no tree like"),
    "another key": (
        lambda: counting(lambda s, x, y: {"count": 1, "average": s["mean"]}),
        V,
        "no tree like",
    ),
    "one more key": (lambda: counting(lambda s, x, y: {**s, "n": 1}), V, "no tree like"),
    "another shape": (
        lambda: counting(lambda s, x, y: {**s, "mean": s["mean"][:1]}),
        V,
        "mean turns from shape",
    ),
    "another type": (
        lambda: counting(lambda s, x, y: {**s, "mean": s["mean"].astype(int)}),
        V,
        "mean turns from float",
    ),
    "state in float64": (
        lambda: counting(lambda s, x, y: {**s, "mean": s["mean"] + np.float64(1)}),
        V,
        "into float64",
    ),
    "count as a NumPy number": (
        lambda: counting(lambda s, x, y: {**s, "count": np.int64(1)}),
        V,
        "count turns from int into numpy.int64",
    ),
    "count as a float": (
        lambda: counting(lambda s, x, y: {**s, "count": s["count"] + 1.0}),
        V,
        "count turns from int into float",
    ),
    "an array turned a list": (
        lambda: counting(lambda s, x, y: {**s, "mean": list(s["mean"])}),
        V,
        "into list",
    ),
    "state shares memory with x": (
        lambda: counting(lambda s, x, y: {**s, "mean": x.reshape(-1)[:3]} if x.size >= 3 else s),
        V,
        "state after the call shares memory with x",
    ),
    "state shares memory with y": (
        lambda: counting(lambda s, x, y: {**s, "mean": y.reshape(-1)[:3]} if x.size >= 3 else s),
        V,
        "state after the call shares memory with y",
    ),
    "state without its key": (
        lambda: counting(lambda s, x, y: s if s["count"] else {**s, "count": None}),
        V,
        "count turns from int into None",
    ),
    "state wrong the second time": (
        lambda: counting(lambda s, x, y: {**s, "count": s["count"] + 1} if s["count"] < 1 else {}),
        V,
        "no tree like",
    ),
    # keys
    "init ignores its key": (fixed_init, V, "init gives the same numbers for another key"),
    "state ignores its key": (
        lambda: dropped(lambda rng, shape: {"key": (0,), "count": 0}),
        V,
        "state gives the same numbers for another key",
    ),
    "init draws from np.random": (global_init, V, "different results|global random state"),
    "init from an int alone": (
        lambda: gained(
            init=lambda rng, s: {"gamma": np.full(s, 1 if isinstance(rng, int) else 2, np.float32)}
        ),
        V,
        "init called twice with the same key",
    ),
    "init in float64": (
        lambda: gained(init=lambda rng, s: {"gamma": fnn.keys.generator(rng).standard_normal(s)}),
        V,
        "y is float64 for float32",
    ),
    # the process
    "np.random": (lambda: acting(lambda: np.random.random()), V, "NumPy's global random state"),  # noqa: NPY002
    "np.random.seed": (lambda: acting(numpy_seed), V, "NumPy's global random state"),
    "random": (lambda: acting(random.random), V, "Python's `random`"),
    "np.seterr": (lambda: acting(lambda: np.seterr(all="ignore")), V, "np.seterr"),
    "np.seterr to warn": (lambda: acting(lambda: np.seterr(all="warn")), V, "np.seterr"),
    "np.set_printoptions": (
        lambda: acting(lambda: np.set_printoptions(precision=3)),
        V,
        "print options",
    ),
    "os.environ": (lambda: acting(environment), V, "environment"),
    "os.chdir": (lambda: acting(lambda: os.chdir("/")), V, "working directory"),
    "filters of warnings": (lambda: acting(filters), V, "filters of warnings"),
    "gc.disable": (lambda: acting(gc.disable), V, "garbage collection"),
    "BLAS threads": (lambda: acting(blas), V, "BLAS threads"),
}
