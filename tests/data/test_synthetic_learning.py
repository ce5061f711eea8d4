"""How hard the built-in sets are: what a linear classifier learns of them, and small nets.

The nets are plain NumPy, so that these tests judge the images and not fnn.
"""

import math
from itertools import pairwise

import numpy as np

from fnn.data.synthetic import colours, digits


def as_input(split):
    images, labels = split
    return images.astype(np.float32) / np.float32(255), labels.astype(np.intp)


def softmax_gradient(logits, labels):
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    p[np.arange(len(labels)), labels] -= 1
    return p / np.float32(len(labels))


def train_dense(x, labels, sizes, epochs, lr):
    """Weights of a net of sigmoid layers by SGD with momentum; one layer is softmax regression."""
    random = np.random.default_rng(0)
    net = [
        np.concatenate([random.standard_normal((i, o)) / math.sqrt(i), np.zeros((1, o))])
        for i, o in pairwise(sizes)
    ]
    net = [w.astype(np.float32) for w in net]
    velocity = [np.zeros_like(w) for w in net]
    for epoch in range(epochs):
        rate = lr * (1 - epoch / epochs)
        for batch in np.array_split(random.permutation(len(x)), len(x) // 250):
            layers = forward_dense(net, x[batch])
            d = softmax_gradient(layers[-1], labels[batch])
            for k in reversed(range(len(net))):
                grad = np.concatenate([layers[k].T @ d, d.sum(0, keepdims=True)])
                if k:
                    d = (d @ net[k][:-1].T) * layers[k] * (1 - layers[k])
                velocity[k] = np.float32(0.9) * velocity[k] - np.float32(rate) * grad
                net[k] = net[k] + velocity[k]
    return net


def forward_dense(net, x):
    layers = [x]
    for w in net[:-1]:
        layers.append(1 / (1 + np.exp(-(layers[-1] @ w[:-1] + w[-1]))))
    return [*layers, layers[-1] @ net[-1][:-1] + net[-1][-1]]


def dense_accuracy(train, test, hidden, epochs, lr):
    (x, labels), (x_test, labels_test) = as_input(train), as_input(test)
    x, x_test = x.reshape(len(x), -1), x_test.reshape(len(x_test), -1)
    net = train_dense(x, labels, [x.shape[1], *hidden, 10], epochs, lr)
    return (forward_dense(net, x_test)[-1].argmax(1) == labels_test).mean()


def patches(x, size=3, stride=2):
    """The windows of x, (N, H, W, C), as (N, H', W', size * size * C)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
    windows = windows[:, ::stride, ::stride].transpose(0, 1, 2, 4, 5, 3)
    return windows.reshape(*windows.shape[:3], -1)


def patches_vjp(d, shape, size=3, stride=2):
    out = np.zeros(shape, np.float32)
    high, wide = stride * d.shape[1], stride * d.shape[2]
    d = d.reshape(*d.shape[:3], size, size, shape[3])
    for i in range(size):
        for j in range(size):
            out[:, i : i + high : stride, j : j + wide : stride] += d[..., i, j, :]
    return out


def forward_conv(net, x):
    """Three 3x3 convolutions of stride 2 with ReLU, the mean over the image, a dense layer."""
    saved = []
    for w, b in net[:-1]:
        columns = patches(x)
        saved.append((x.shape, columns))
        x = np.maximum(columns @ w + b, 0)
        saved[-1] += (x,)
    pooled = x.mean((1, 2))
    w, b = net[-1]
    return pooled @ w + b, (saved, pooled)


def gradients_conv(net, x, labels):
    logits, (saved, pooled) = forward_conv(net, x)
    d = softmax_gradient(logits, labels)
    grads = [(pooled.T @ d, d.sum(0))]
    last = saved[-1][2]
    d = (d @ net[-1][0].T)[:, None, None] / np.float32(last.shape[1] * last.shape[2])
    for (w, _), (shape, columns, y) in zip(reversed(net[:-1]), reversed(saved), strict=True):
        d = d * (y > 0)
        flat = d.reshape(-1, d.shape[-1])
        grads.append((columns.reshape(len(flat), -1).T @ flat, flat.sum(0)))
        if len(grads) < len(net):
            d = patches_vjp(d @ w.T, shape)
    return grads[::-1]


def train_conv(x, labels, widths, epochs, lr):
    """The weights of the net above by Adam."""
    random = np.random.default_rng(0)
    fans = [9 * x.shape[3], *(9 * w for w in widths[:-1]), widths[-1]]
    net = [
        (
            (random.standard_normal((i, o)) * math.sqrt(2 / i)).astype(np.float32),
            np.zeros(o, np.float32),
        )
        for i, o in zip(fans, [*widths, 10], strict=True)
    ]
    flat = [p for layer in net for p in layer]
    m, v = [np.zeros_like(p) for p in flat], [np.zeros_like(p) for p in flat]
    t = 0
    steps = epochs * (len(x) // 50)
    for _ in range(epochs):
        for batch in np.array_split(random.permutation(len(x)), len(x) // 50):
            grads = [g for layer in gradients_conv(net, x[batch], labels[batch]) for g in layer]
            t += 1
            rate = lr * (1 - (t - 1) / steps) * math.sqrt(1 - 0.99**t) / (1 - 0.9**t)
            for k, g in enumerate(grads):
                m[k] = np.float32(0.9) * m[k] + np.float32(0.1) * g
                v[k] = np.float32(0.99) * v[k] + np.float32(0.01) * g * g
                flat[k] = flat[k] - np.float32(rate) * m[k] / (np.sqrt(v[k]) + np.float32(1e-8))
            net = list(zip(flat[::2], flat[1::2], strict=True))
    return net


def conv_accuracy(train, test, widths, epochs, lr):
    (x, labels), (x_test, labels_test) = as_input(train), as_input(test)
    net = train_conv(x, labels, widths, epochs, lr)
    return (forward_conv(net, x_test)[0].argmax(1) == labels_test).mean()


def test_digits_are_too_hard_for_a_linear_classifier_and_not_for_a_small_net():
    train, test = digits((1, 0), 10000), digits((1, 1), 2000)
    assert 0.85 < dense_accuracy(train, test, [], epochs=10, lr=0.1) < 0.96
    assert dense_accuracy(train, test, [100], epochs=10, lr=0.8) > 0.96


def test_colours_are_for_convolutions():
    train, test = colours((1, 0), 4000), colours((1, 1), 1000)
    assert dense_accuracy(train, test, [], epochs=4, lr=0.01) < 0.3
    assert conv_accuracy(train, test, [16, 32, 64], epochs=4, lr=0.01) > 0.5
