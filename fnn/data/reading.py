"""How to read one's own data: what is not in the files, and what applies to which kind of data."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from fnn.arrays import Array, Shape
from fnn.errors import InputError
from fnn.keys import SPLIT, child, generator

Colors: TypeAlias = Literal["grey", "rgb"]
TEST_SHARE = 0.2


class Reading(NamedTuple):
    """How to read a directory of pictures or an .npz file. None means what is usual.

    `size` (H, W) and `colors` are those that pictures get; `test_share` is the share of each class
    that is held out as test images (0.2) where there are none; `broken` says whether a picture that
    cannot be read is an error, "stop" (usual), or left out, "skip"; `arrays` names the arrays
    x_train, y_train, x_test, y_test, or x, y, of an .npz file. `shape` (H, W, C), that of a
    network's images, takes the place of a size and of colors that are None.
    """

    size: tuple[int, int] | None = None
    colors: Colors | None = None
    test_share: float | None = None
    broken: Literal["stop", "skip"] | None = None
    arrays: tuple[str, ...] | None = None
    shape: Shape | None = None


OPTIONS = ("size", "colors", "test_share", "broken", "arrays")
PICTURES = ("size", "colors", "test_share", "broken")
ARRAYS = ("test_share", "arrays")
_FOR = {
    "test_share": "a directory of pictures or an .npz file without test images",
    "arrays": "an .npz file",
}


def check_applies(reading: Reading, takes: Collection[str], data: str) -> None:
    """Raise InputError if something is said that `data`, which takes only `takes`, has no use for.

    >>> check_applies(Reading(test_share=0.1), ("test_share",), "x")
    """
    for name in OPTIONS:
        if getattr(reading, name) is not None and name not in takes:
            use = _FOR.get(name, "a directory of pictures")
            raise InputError(
                f"--{name.replace('_', '-')}: {data} is read as it is; this is for {use}: "
                "leave it out"
            )


def held_out(labels: Array, share: float | None) -> Array:
    """Which examples are test images, bool (N,): a share of each class, from a fixed key.

    At least one of a class, and never all: a class with a single example has no test image.

    >>> held_out(np.array([0, 0, 0, 1, 1, 2]), 0.5).sum()
    np.int64(3)
    """
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = round((TEST_SHARE if share is None else share) * len(rows))
        order = generator(child(0, SPLIT, int(label))).permutation(len(rows))
        chosen[rows[order[: min(max(count, 1), len(rows) - 1)]]] = True
    return chosen
