"""What a data set is, and how its images become a network's input."""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.generic]


class Split(NamedTuple):
    """Images, (N, H, W) or (N, H, W, C) uint8, and their labels, (N,) uint8."""

    images: Array
    labels: Array


class Dataset(NamedTuple):
    """`(x, labels), (x_test, labels_test) = load_mnist()` takes it apart."""

    train: Split
    test: Split
