"""A first layer that is not trained: it whitens the patches of an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from toolz import identity

from fnn import tree
from fnn.arrays import Array, Shape, check_float, hwnc, nhwc
from fnn.errors import real, whole
from fnn.kernels.conv import choose
from fnn.kernels.rows import add_to_channels
from fnn.kernels.window import square
from fnn.keys import Key
from fnn.layers.checks import check_dy, check_images, check_input, check_leaves
from fnn.layers.layer import Cache, Layer, constructor, empty
from fnn.tree import Tree

LARGEST = 1024  # numbers in a patch


@constructor
def whiten(size: int = 2) -> Layer:
    """A convolution whose outputs are a patch's principal components, each with variance 1.

    x, (N, H, W, C), becomes (N, H, W, 2 size size C): the components of the patch around each pixel
    and their negatives, so that a ReLU after it loses no information. A patch of even size extends
    one pixel further down and to the right. Outside the image, the pixels at its edge are repeated.
    The filters, and the shift that centers the patches, are in the state, which training does not
    change. They start as copies of each pixel; `with_whitening` computes those of a set of images.
    Raises ValueError for size < 1, images smaller than a patch, and patches of over 1024 numbers.

    Source: Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv:2404.00498; after
    Coates and Ng, "Learning feature representations with k-means", 2012.
    """
    size = whole("whiten: size", size)
    name = f"whiten({size})"
    before, after, at = (size - 1) // 2, size // 2, square(size)

    def shape(s: Shape) -> Shape:
        check_images(name, s, size, "patch")
        if size * size * s[2] > LARGEST:  # a file may claim any number of channels
            raise ValueError(f"{name}: a patch of {s} has more than {LARGEST} numbers")
        return (*s[:2], 2 * size * size * s[2])

    def state(rng: Key, s: Shape) -> Tree:
        shape(s)
        n = size * size * s[2]
        return _as_state(np.eye(n), np.zeros(n), (size, size, s[2]))

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        filters = check_input(name, x, shape)[-1]
        shapes = {"filters": (size, size, x.shape[3], filters), "shift": (filters,)}
        check_leaves(name, "params", params, {}, x)
        check_leaves(name, "state", state, shapes, x)
        w = state["filters"].astype(x.dtype)
        around = ((before, after), (before, after), (0, 0), (0, 0))
        images = np.pad(hwnc(x), around, mode="edge")
        y = choose(at, x.shape[3]).forward(images, w, at)
        add_to_channels(y, state["shift"].astype(x.dtype))
        return nhwc(y), Cache((w, images.shape), state)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        w, padded = cache.saved
        h, wide, n, _ = padded
        check_dy(name, dy, (n, h - size + 1, wide - size + 1, w.shape[3]))
        dx = choose(at, w.shape[3]).grad_x(hwnc(dy), w, padded, at)
        for _ in range(2):  # rows, then columns: repeated pixels belong to the edge
            dx = _folded(dx, before, after).swapaxes(0, 1)
        return nhwc(dx), {}

    return Layer(empty, apply, vjp, shape, state, name=name)


def _folded(d: Array, before: int, after: int) -> Array:
    """d without the first `before` and last `after` rows, which are added to their neighbors."""
    inner = d[before : len(d) - after].copy()
    inner[0] += d[:before].sum(axis=0)
    inner[-1] += d[len(d) - after :].sum(axis=0)
    return inner


def with_whitening(
    state: Tree, x: Array, *, eps: float = 3e-5, prepare: Callable[[Array], Array] = identity
) -> Tree:
    """A network's state in which the filters of `whiten` layers fit the images x, (N, H, W, C).

    The filters are the eigenvectors of the covariance of the patches inside x, each divided by the
    square root of its eigenvalue plus `eps`; the default suits pixels in 0..1. `prepare`, such as
    `to_float`, turns x into the layer's input. A state without such filters is returned as it is.
    """
    eps = real("with_whitening: eps", eps)
    if eps < 0:
        raise ValueError(f"with_whitening: expected eps of 0 or more, found {eps}")

    def found(node: Tree) -> Tree:
        size, _, c, _ = node["filters"].shape
        images = prepare(x)
        check_float("with_whitening", images)
        if images.shape[3:] != (c,):
            raise ValueError(
                f"with_whitening: expected images (N, H, W, {c}), found {images.shape}"
            )
        patches = sliding_window_view(images, (size, size), axis=(1, 2))
        rows = patches.transpose(0, 1, 2, 4, 5, 3).reshape(-1, size * size * c).astype(np.float64)
        mean = rows.mean(axis=0)
        values, vectors = np.linalg.eigh(rows.T @ rows / len(rows) - np.outer(mean, mean))
        return _as_state(vectors / np.sqrt(np.maximum(values, 0) + eps), mean, (size, size, c))

    return tree.map_nodes(found, {"filters", "shift"}, state)


def _as_state(components: Any, mean: Any, patch: Shape) -> Tree:
    """The layer's state, from components in columns, (patch, n), and the mean patch."""
    both = np.concatenate([components, -components], axis=1)
    return {
        "filters": both.reshape(*patch, -1).astype(np.float32),
        "shift": (-mean @ both).astype(np.float32),
    }
