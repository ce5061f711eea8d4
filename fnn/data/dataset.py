"""What a data set is: images and labels, split into training and test."""

from typing import NamedTuple

from fnn.arrays import Array


class Split(NamedTuple):
    """Images, (N, H, W) or (N, H, W, C) uint8, and their labels, (N,) uint8."""

    images: Array
    labels: Array


class Dataset(NamedTuple):
    """The training and the test split: `(x, labels), (x_test, labels_test) = load_mnist()`."""

    train: Split
    test: Split
