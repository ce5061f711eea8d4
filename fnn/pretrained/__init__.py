"""Parameters that come with fnn: the three networks of the recipe "contest", for digits."""

from pathlib import Path

from fnn.recognizer import Recognizer, load_recognizer

MNIST = Path(__file__).with_name("mnist.npz")


def pretrained() -> Recognizer:
    """Networks trained on MNIST: for grey images (N, 28, 28) of light digits on black."""
    return load_recognizer(MNIST)
