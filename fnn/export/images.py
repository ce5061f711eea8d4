"""The ends of a graph: images become a network's input, and views a second look at some."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fnn.arrays import Array, Shape
from fnn.export.node import FLOAT, Weight, node
from fnn.export.piece import Piece, Value, again, joined, named
from fnn.recognizer.tta import Weighted

IMAGES, NUMBERS = "images", "x"  # the input's name, of images and of other examples
VIEWS = "views"  # the place of what belongs to the second look


def is_image(shape: Shape) -> bool:
    return len(shape) == 3


def input_shape(shape: Shape) -> Shape:
    """The shape of an example at the input: grey images have no axis for their channel."""
    return shape[:2] if is_image(shape) and shape[2] == 1 else shape


def network_input(shape: Shape) -> Piece:
    """As `to_float`: uint8 images to float32 (N, H, W, C) in 0..1; other examples as they are."""
    if not is_image(shape):
        return Piece((), {}, Value(NUMBERS, shape))
    image = node("Cast", IMAGES, to=FLOAT)
    scaled = node("Div", image, Weight("largest", np.array(255, np.float32)))
    if shape[2] == 1:
        scaled = node("Unsqueeze", scaled, Weight("axes", np.array([3])))
    return named(IMAGES, scaled, shape)


def looked_again(x: Value, network: Piece, views: Sequence[Weighted], sure: float) -> Piece:
    """The mean over the views of the images whose likeliest class is less probable than `sure`.

    As in `fnn.recognizer.tta.unless_sure`: the other images keep the logits that `network` has
    computed from x, (N, H, W, C). Only the images in doubt go through the network again, in a
    branch of the graph that is taken if there are any.
    """
    one = network.y
    largest = node("ReduceMax", node("Softmax", one.name, axis=-1), _ints("last", -1), keepdims=0)
    limit = Weight("sure", np.array(sure, np.float32))
    doubt = named(f"{VIEWS}/doubt", node("Less", largest, limit), ())
    second = second_look(x, network, views, doubt.y.name)
    keep = named(f"{VIEWS}/sure", node("Identity", one.name), one.shape)
    some = node("Greater", node("Size", node("NonZero", doubt.y.name)), _ints("none", 0))
    chosen = node("If", some, then_branch=second, else_branch=keep)
    weights = Piece((), second.weights, second.y)  # those of branches belong to the whole graph
    return joined(network, doubt, weights, named(VIEWS, chosen, one.shape))


def second_look(x: Value, network: Piece, views: Sequence[Weighted], doubt: str) -> Piece:
    """The logits of all images: for those in doubt, at least one, the mean over the views."""
    one, (h, w, c) = network.y, x.shape
    chosen = node("Compress", x.name, doubt, axis=0)
    # pixel 0 is the black one that views take from outside the image
    pixels = node("Reshape", chosen, _ints("pixels", 0, h * w, c))
    pixels = node("Pad", pixels, _ints("outside", 0, 1, 0, 0, 0, 0))
    seen = node("Gather", pixels, Weight("sources", sources(views, h, w)), axis=1)
    seen = node("Reshape", seen, _ints("shape", -1, h, w, c))
    images = named(f"{VIEWS}/{IMAGES}", seen, x.shape)
    second = again(network, VIEWS, x.name, images.y.name)
    each = node("Reshape", second.y.name, _ints("shape", -1, len(views), one.shape[-1]))
    weights = np.array([[view.weight] for view in views], np.float32)
    mean = node("Mul", each, Weight("weights", weights))
    mean = node("ReduceSum", mean, _ints("axes", 1), keepdims=0)
    places = node("Transpose", node("NonZero", doubt))
    logits = named(f"{VIEWS}/mean", node("ScatterND", one.name, places, mean), one.shape)
    return joined(images, second, logits)


def sources(views: Sequence[Weighted], h: int, w: int) -> Array:
    """Where the pixels of each view come from, (views, H, W): 1 + i * W + j, or 0 from outside.

    A view moves pixels, so it tells this itself when pixels are their numbers.

    >>> from fnn.recognizer.tta import Weighted, moved
    >>> sources([Weighted(1.0, moved(0, 1))], 2, 2)
    array([[[0, 1],
            [0, 3]]], dtype=int32)
    """
    numbers = np.arange(1, h * w + 1, dtype=np.int32).reshape(1, h, w)
    return np.concatenate([view.view(numbers) for view in views])


def _ints(name: str, *values: int) -> Weight:
    return Weight(name, np.array(values, np.int64))
