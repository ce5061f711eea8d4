"""What a data set is: images and labels, split into training and test."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np

from fnn import keys
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


def held_out(split: Split, part: float, seed: int) -> tuple[Split, Split]:
    """A split without a fraction `part` of its examples, drawn by the seed, and that fraction.

    Raises ValueError if one of the two would be empty.
    """
    n = len(split[1])
    count = round(part * n)
    if not 0 < count < n:
        raise ValueError(f"of {n} training images a share of {part} would be {count}")
    order = keys.generator(keys.child(seed, keys.SPLIT)).permutation(n)
    others, chosen = np.sort(order[count:]), np.sort(order[:count])
    return Split(*(a[others] for a in split)), Split(*(a[chosen] for a in split))
