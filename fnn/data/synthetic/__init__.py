"""Sets of images made from a key alone: they serve where there are no data to read.

Images are drawn in blocks, each from a key of its own, so memory is bounded, and the first images
of a set are the same however many follow. The same key gives the same bytes on one machine;
another processor or NumPy may round a pixel otherwise.
"""

import operator
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fnn.data.dataset import Split
from fnn.data.synthetic.shapes import SHAPES, draw_shapes
from fnn.data.synthetic.strokes import draw_digits
from fnn.keys import ORDER, SAMPLE, Key, child, generator, path

BLOCK = 100  # images; a block's arrays fit into a processor's cache

COLOUR_CLASSES = tuple(SHAPES)


def digits(rng: Key, n: int) -> Split:
    """Handwriting-like digits in the form of MNIST: images (n, 28, 28), labels (n,) in 0..9.

    Each is a light digit on black, 0..255, in a box of about 20 pixels with its centre of mass
    near the middle. Every ten images from the first one on are the ten digits in a random order.
    For a training set and a test set take different keys.

    >>> train, test = digits((7, 0), 60), digits((7, 1), 20)
    >>> train.images.shape, train.labels.shape
    ((60, 28, 28), (60,))
    >>> sorted(test.labels[:10].tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

    Raises TypeError where n is no int, ValueError where it is negative.
    """
    return _draw(rng, n, (28, 28), draw_digits)


def colours(rng: Key, n: int) -> Split:
    """Coloured shapes in the form of CIFAR-10: images (n, 32, 32, 3), labels (n,) in 0..9.

    The classes are named by COLOUR_CLASSES: disc, ring, square, triangle, cross and star, one an
    image, and stripes, waves, checks and dots, which fill it. Two random colours, the place, size
    and angle, a slope of light and grain tell nothing about the class; only the form does. Every
    ten images from the first one on are of the ten classes in a random order.

    >>> images, labels = colours(7, 20)
    >>> images.shape, images.dtype, labels.shape
    ((20, 32, 32, 3), dtype('uint8'), (20,))

    Raises TypeError where n is no int, ValueError where it is negative.
    """
    return _draw(rng, n, (32, 32, 3), draw_shapes)


def _draw(
    rng: Key,
    n: int,
    shape: tuple[int, ...],
    draw: Callable[[Key, NDArray[np.integer]], NDArray[np.uint8]],
) -> Split:
    rng, n = path(rng), operator.index(n)
    if n < 0:
        raise ValueError(f"n is {n}: expected a number of images, 0 or more")
    images = np.empty((n, *shape), np.uint8)
    labels = np.empty(n, np.uint8)
    for i, start in enumerate(range(0, n, BLOCK)):
        # A whole block even where a part will do, so that its numbers are always the same.
        tens = np.tile(np.arange(10, dtype=np.uint8), (BLOCK // 10, 1))
        block = generator(child(rng, i, ORDER)).permuted(tens, axis=1).ravel()
        rest = min(BLOCK, n - start)
        labels[start : start + rest] = block[:rest]
        images[start : start + rest] = draw(child(rng, i, SAMPLE), block)[:rest]
    return Split(images, labels)
