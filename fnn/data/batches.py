"""Images as a network's input, and epochs of mini-batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from fnn.arrays import Array, Shape, check_array, nhwc
from fnn.errors import kind, whole
from fnn.keys import AUGMENT, ORDER, Key, child, generator

Augment: TypeAlias = Callable[[Key, Array], Array]


def to_float(images: Array) -> Array:
    """Images as a network's input: uint8 (N, H, W) or (N, H, W, C) to float32 (N, H, W, C) in 0..1.

    In memory the axes are in the order H, W, N, C, which is fastest for the layers. (x / 255 gives
    float64, with which a network takes 1.8 times the time.)
    Raises TypeError for another dtype, ValueError for another number of axes.

    >>> to_float(np.full((2, 28, 28), 255, np.uint8)).shape
    (2, 28, 28, 1)
    """
    check_array("to_float: images", images)
    if images.dtype != np.uint8:
        hint = "leave it out for images in 0..1, and use x.astype(np.float32)"
        raise TypeError(f"to_float: expected uint8 images, found {images.dtype}: {hint}")
    if images.ndim not in (3, 4):
        expected = "expected images (N, H, W) or (N, H, W, C)"
        raise ValueError(f"to_float: {expected}, found {images.shape}")
    image = images if images.ndim == 4 else images[..., None]
    return nhwc(np.divide(image.transpose(1, 2, 0, 3), np.float32(255), order="C"))


def image_shape(images: Array) -> Shape:
    """The shape (H, W, C) that each image has after `to_float`.

    >>> image_shape(np.zeros((5, 28, 28), np.uint8))
    (28, 28, 1)
    """
    return (*images.shape[1:], 1)[:3]


def batches(
    rng: Key,
    x: Array,
    labels: Array,
    batch_size: int = 100,
    prepare: Callable[[Array], Array] | None = None,
    augment: Augment | None = None,
    first: int = 0,
) -> Iterator[tuple[Array, Array]]:
    """One epoch of batches (x, labels): every example once, in an order drawn from the key.

    The last batch may be shorter. The order does not depend on `batch_size`. `augment` (see
    `fnn.augment`) changes each batch of x with its own key; `prepare`, for instance `to_float`, is
    applied last. `first` skips that many batches; the rest are the same as in a whole epoch.
    Raises ValueError if the counts differ, there are no examples, or batch_size < 1.

    >>> x = np.arange(5)
    >>> sorted(i for part, _ in batches(0, x, x, 2) for i in part.tolist())
    [0, 1, 2, 3, 4]
    """
    for name, given in (("prepare", prepare), ("augment", augment)):
        if given is not None and not callable(given):
            raise TypeError(f"batches: expected a function for {name}, found {kind(given)}")
    every = batch_rows(rng, x, labels, batch_size, first)
    return (
        make_batch(child(rng, AUGMENT, number), x, labels, rows, prepare, augment)
        for number, rows in every
    )


def batch_rows(
    rng: Key, x: Array, labels: Array, batch_size: int, first: int = 0
) -> Iterator[tuple[int, Array]]:
    """The number of each batch of an epoch, and its examples; raises what `batches` does."""
    for name, array in (("x", x), ("labels", labels)):
        hint = "use np.asarray, and the order batches(key, x, labels, batch_size)"
        check_array(f"batches: {name}", array, hint)
        if not array.ndim:
            raise ValueError(f"batches: expected {name} with an axis of examples, found none")
    batch_size, first = whole("batches: batch_size", batch_size), whole("batches: first", first, 0)
    if len(x) != len(labels) or len(x) == 0:
        found = f"found {len(x)} examples and {len(labels)} labels"
        raise ValueError(f"batches: expected as many labels as examples, at least one; {found}")
    order = generator(child(rng, ORDER)).permutation(len(x))
    count = -(-len(x) // batch_size)
    return ((i, order[i * batch_size : (i + 1) * batch_size]) for i in range(first, count))


def make_batch(
    key: Key,
    x: Array,
    labels: Array,
    rows: Array,
    prepare: Callable[[Array], Array] | None,
    augment: Augment | None,
) -> tuple[Array, Array]:
    """The examples `rows` as a batch, augmented with the key."""
    part = x[rows]
    if augment is not None:
        part = augment(key, part)
        check_array("batches: the result of augment", part, "such as augment.shift(2), called")
    return (part if prepare is None else prepare(part)), labels[rows]
