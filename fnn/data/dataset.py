"""What a data set is: images and labels, split into training and test."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np

from fnn.arrays import Array


class Split(NamedTuple):
    """Images, (N, H, W) or (N, H, W, C) uint8, and their labels, (N,) uint8."""

    images: Array
    labels: Array


class Dataset(NamedTuple):
    """The training and the test split: `(x, labels), (x_test, labels_test) = load_mnist()`."""

    train: Split
    test: Split


def fingerprint(*splits: tuple[Array, Array] | None) -> str:
    """A hash of all images and labels: what tells one data set from another."""
    digest = hashlib.sha256()
    for split in splits:
        for array in split or ():
            digest.update(repr((array.shape, str(array.dtype))).encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
