"""The shipped networks for photos and drawings: they have last layers of their own."""

from __future__ import annotations

from pathlib import Path

from fnn.files import checkpoint
from fnn.recognizer.quantize import dequantize
from fnn.recognizer.recognizer import Recognizer
from fnn.tree import Tree

LEAST = 0.6  # the probability of its digit below which a picture shows none
PHOTOS = Path(__file__).parent / "photos.npz"  # made by tests/bench/photo_layers.py


def for_photos(shipped: Recognizer) -> Recognizer:
    """`pretrained()` with the last layer of each network replaced.

    MNIST's digits are those of Americans of the 1990s. These layers know European digits, too, and
    their logits are scaled so that the probabilities of distorted digits come true: of answers with
    a probability of 0.9, nine in ten are right. Source of the scaling: Guo, Pleiss, Sun and
    Weinberger, "On calibration of modern neural networks", 2017.
    """
    return with_last_layers(shipped, dequantize(checkpoint.load(PHOTOS)))


def with_last_layers(found: Recognizer, layers: Tree) -> Recognizer:
    """An ensemble whose networks i end with the parameters layers[i]."""
    nets = {i: {**net, max(net): layers[i]} for i, net in found.params[0].items()}
    return found._replace(params={**found.params, 0: nets})
