"""What the tests of the readers share: small IDX sets, and a data root that is not the user's."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fnn.data.dataset import Dataset, Split

STEMS = (
    ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)


def to_idx(array: np.ndarray) -> bytes:
    """The array as an IDX file of bytes."""
    head = struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


def make_set(
    directory: Path,
    train: int = 12,
    test: int = 5,
    shape: tuple[int, int] = (6, 4),
    suffix: str = "",
    dotted: bool = False,
    classes: int = 10,
) -> Dataset:
    """Write a small random set in MNIST's format and return what is in it."""
    rng = np.random.default_rng(train)
    directory.mkdir(parents=True, exist_ok=True)
    splits = []
    for n, stems in zip((train, test), STEMS, strict=True):
        labels = np.arange(n, dtype=np.uint8)[::-1] % classes
        split = Split(rng.integers(0, 256, (n, *shape), np.uint8), labels)
        for stem, array in zip(stems, split, strict=True):
            name = (stem.replace("-idx", ".idx") if dotted else stem) + suffix
            contents = to_idx(array)
            packed = gzip.compress(contents) if suffix == ".gz" else contents
            (directory / name).write_bytes(packed)
        splits.append(split)
    return Dataset(*splits)


@pytest.fixture
def write_set() -> Callable[..., Dataset]:
    return make_set


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data root, which FNN_DATA names."""
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.setenv("FNN_DATA", str(root))
    return root
