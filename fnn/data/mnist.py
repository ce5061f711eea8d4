"""MNIST and other sets in its format (Fashion-MNIST, other sizes), parsed by python-mnist.

A set is four IDX files: images and labels for training and for testing. python-mnist trusts the
header, so each file is checked against it first. Images with channels, in IDX files of four axes,
are none of python-mnist's.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from fnn.data import download, mirrors
from fnn.data.cache import Say, cached, check_root, data_root
from fnn.data.dataset import Dataset, Split
from fnn.data.idx import IMAGES, IMAGES_4, LABELS, check_idx, open_idx, read_idx
from fnn.errors import InputError, say

SplitName: TypeAlias = Literal["train", "test"]

FILES: dict[SplitName, tuple[str, str]] = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
BATCH, PARTS = 10_000, 8  # images per call: python-mnist makes a list of each, 8 bytes per pixel


def load_mnist(directory: str | os.PathLike[str] | None = None, say: Say = say) -> Dataset:
    """Training and test images of MNIST or of another set in its format.

    `directory` holds the four files, plain or .gz; None means `mnist` in the data root
    (`FNN_DATA`), downloaded if missing. Images are (N, H, W) uint8, 28 x 28 for MNIST, with
    background 0, or (N, H, W, C) from files of four axes; labels are (N,) uint8. The first load
    parses, later ones take milliseconds.

    >>> (x, labels), (x_test, labels_test) = load_mnist()  # doctest: +SKIP

    Raises InputError if a file is missing, damaged or empty, or does not fit the others.
    """
    folder = install_mnist("mnist") if directory is None else Path(directory)
    data = Dataset(load_split(folder, "train", say), load_split(folder, "test", say))
    return same_size(data, folder)


def load_split(
    directory: str | os.PathLike[str], split: SplitName, say: Say = say, root: Path | None = None
) -> Split:
    """Only the `train` or only the `test` split; `root` is where parsed arrays are cached."""
    images, labels = (require(Path(directory), stem) for stem in FILES[split])
    return cached(root, (images, labels), lambda: parse(images, labels), f"mnist-{split}", say)


def same_size(data: Dataset, where: str | Path) -> Dataset:
    """`data`, if its training and test images have the same shape; InputError if not."""
    train, test = (" x ".join(map(str, split.images.shape[1:])) for split in data)
    if train != test:
        found = f"training images are {train}, test images {test}"
        raise InputError(f"{where}: {found}, expected one size: take both from the same set")
    return data


def install_mnist(name: str, splits: tuple[SplitName, ...] = ("train", "test")) -> Path:
    """The directory of the set `name` (`mnist`, `fashion-mnist`) in the data root.

    If a file that `splits` need is missing, all missing files of the set are downloaded.
    Raises DownloadError, and InputError if FNN_DATA cannot hold it.
    """
    directory = data_root() / name
    if any(find(directory, stem) is None for split in splits for stem in FILES[split]):
        check_root()
        remote = mirrors.SETS[name]
        absent = [f for f in remote.files if find(directory, f.name.removesuffix(".gz")) is None]
        download.fetch(remote._replace(files=tuple(absent)), directory)
    return directory


def find(directory: Path, stem: str) -> Path | None:
    """The file `a-idx3-ubyte`, also spelled `a.idx3-ubyte`, plain or else .gz; None if absent.

    With channels, it is `a-idx4-ubyte`.
    """
    stems = dict.fromkeys((stem, stem.replace("-idx3", "-idx4")))
    names = [name for s in stems for name in (s, s.replace("-idx", ".idx"))]
    paths = (directory / (name + suffix) for suffix in ("", ".gz") for name in names)
    return next((p for p in paths if os.path.isfile(p)), None)  # Path.is_file may raise


def has_mnist(directory: Path) -> bool:
    """Whether any of the four files is in the directory; the set may be incomplete."""
    return any(find(directory, stem) for stems in FILES.values() for stem in stems)


def require(directory: Path, stem: str) -> Path:
    """Like `find`, but raises InputError if there is no such file."""
    if (path := find(directory, stem)) is None:
        found = f"no {stem} in it" if os.path.isdir(directory) else "no such directory"
        names = ", ".join(FILES["train"] + FILES["test"])
        advice = "add the missing files or name another directory"
        raise InputError(f"{directory}: {found}; expected {names} (plain or .gz): {advice}")
    return path


def parse(images: Path, labels: Path) -> Split:
    """Check two IDX files and parse them; InputError if they are damaged or do not fit.

    Memory peaks at about 6 times the images' bytes for MNIST (300 MB), at most 15 for any set.
    """
    n, *shape = check_idx(images, IMAGES, IMAGES_4)
    (count,) = check_idx(labels, LABELS)
    if n != count:
        expected = f"expected {n}, one for each image of {images.name}"
        raise InputError(f"{labels}: {count} labels, {expected}: take both from the same set")
    if len(shape) == 3:
        return Split(read_idx(images), read_idx(labels))
    rows, columns = shape
    with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
        from mnist import MNIST  # it compares strings with `is`

    reader = MNIST(return_type="lists")  # its "numpy" converts the same lists to int64
    # It has one switch, plain or gz, for both files; `open_idx` detects it.
    reader.opener = lambda path, mode: open_idx(Path(path))
    pixels, numbers = np.empty((n, rows, columns), np.uint8), np.empty(n, np.uint8)
    # Each call reads the whole file to make lists of one part, so there are few calls.
    step = max(BATCH, -(-n // PARTS))
    for start in range(0, n, step):
        stop = min(start + step, n)
        lists, batch = reader.load(str(images), str(labels), [start, stop - start])
        flat = np.frombuffer(b"".join(map(bytes, lists)), np.uint8)
        pixels[start:stop] = flat.reshape(-1, rows, columns)
        numbers[start:stop] = batch
    return Split(pixels, numbers)
