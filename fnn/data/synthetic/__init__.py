"""Image sets generated from a key alone, for when no other data are available.

Images are drawn in blocks, each from its own key, so memory is bounded, and the first images of a
set are the same however many follow. The same key gives the same bytes on one machine; another
processor or NumPy version may round a pixel differently. Both functions raise TypeError if n is not
an int, ValueError if it is negative.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn.data.dataset import Split
from fnn.data.synthetic.shapes import SHAPES, draw_shapes
from fnn.data.synthetic.strokes import draw_digits
from fnn.keys import ORDER, SAMPLE, Key, child, generator, path

Draw: TypeAlias = Callable[[Key, NDArray[np.integer]], NDArray[np.uint8]]

BLOCK = 100  # images; a block's arrays fit in a processor's cache
COLOR_CLASSES = tuple(SHAPES)


def digits(rng: Key, n: int) -> Split:
    """Handwriting-like digits in MNIST's format: images (n, 28, 28), labels (n,) in 0..9.

    Each is a light digit on black, 0..255, in a box of about 20 pixels with its center of mass
    near the middle. Every ten images, from the first on, are the ten digits in random order.
    Use different keys for a training set and a test set.

    >>> train, test = digits((7, 0), 60), digits((7, 1), 20)
    >>> train.images.shape, train.labels.shape
    ((60, 28, 28), (60,))
    >>> sorted(test.labels[:10].tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    return _draw(rng, n, (28, 28), draw_digits)


def colors(rng: Key, n: int) -> Split:
    """Colored shapes in CIFAR-10's format: images (n, 32, 32, 3), labels (n,) in 0..9.

    The classes are COLOR_CLASSES: disc, ring, square, triangle, cross and star, one per image, and
    stripes, waves, checks and dots, which fill it. The two colors, the position, size and angle,
    the lighting and the noise are random, so only the shape tells the class. Every ten images,
    from the first on, are the ten classes in random order.

    >>> images, labels = colors(7, 20)
    >>> images.shape, images.dtype, labels.shape
    ((20, 32, 32, 3), dtype('uint8'), (20,))
    """
    return _draw(rng, n, (32, 32, 3), draw_shapes)


def _draw(rng: Key, n: int, shape: tuple[int, ...], draw: Draw) -> Split:
    rng, n = path(rng), operator.index(n)
    if n < 0:
        raise ValueError(f"n is {n}: expected a number of images, 0 or more")
    images = np.empty((n, *shape), np.uint8)
    labels = np.empty(n, np.uint8)
    for i, start in enumerate(range(0, n, BLOCK)):
        # Always a whole block, so that its random numbers are always the same.
        tens = np.tile(np.arange(10, dtype=np.uint8), (BLOCK // 10, 1))
        block = generator(child(rng, i, ORDER)).permuted(tens, axis=1).ravel()
        labels[start : start + BLOCK] = block[: n - start]
        images[start : start + BLOCK] = draw(child(rng, i, SAMPLE), block)[: n - start]
    return Split(images, labels)
