"""CIFAR-10, Python version: color images of ten classes (section 5.6).

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009;
https://www.cs.toronto.edu/~kriz/cifar.html
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from fnn.data import download, mirrors
from fnn.data.cache import check_root, data_root
from fnn.data.dataset import Dataset, Split
from fnn.data.mnist import SplitName
from fnn.errors import InputError
from fnn.files.tar import tar_files

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-py"
FILES: dict[SplitName, tuple[str, ...]] = {
    "train": tuple(f"data_batch_{i}" for i in range(1, 6)),
    "test": ("test_batch",),
}
_ALL = FILES["train"] + FILES["test"]
_SIDE = 32
_COLUMNS = 3 * _SIDE * _SIDE
# the official archive unpacks to 186 MB, six files of 31 MB
_MAX_FILE, _MAX_TOTAL = 1 << 26, 1 << 29


def load_cifar10(source: str | os.PathLike[str] | None = None) -> Dataset:
    """Both splits of CIFAR-10: images (N, 32, 32, 3) uint8, RGB; labels (N,) uint8 in 0..9.

    `source` is the directory that holds data_batch_1 to data_batch_5 and test_batch, or one that
    holds it as cifar-10-batches-py, or the official .tar.gz (or .tar), which is read in place.
    None means the set in the data root (`FNN_DATA`), downloaded if missing.
    Raises InputError, which names the file, if one is missing or damaged.
    """
    *train, test = _batches(Path(install_cifar10() if source is None else source), _ALL)
    return Dataset(_joined(train), _joined([test]))


def install_cifar10() -> Path:
    """The set in the data root: its directory, or its archive, downloaded if neither is there.

    Raises DownloadError, and InputError if FNN_DATA cannot hold it.
    """
    root, remote = data_root(), mirrors.SETS["cifar10"]
    archive = root / remote.files[0].name
    if any(os.path.isfile(root / FOLDER / name) for name in _ALL):
        return root / FOLDER
    if not os.path.isfile(archive):
        check_root()
        download.fetch(remote, root)
    return archive


def load_split(source: str | os.PathLike[str], split: SplitName) -> Split:
    """One split of CIFAR-10, like `load_cifar10`; the files of the other need not exist."""
    if split not in FILES:
        raise InputError(f'the split is {split!r}, expected "train" or "test"')
    return _joined(_batches(Path(source), FILES[split]))


def _batches(source: Path, names: tuple[str, ...]) -> list[Split]:
    """The batches of these names, their images still (N, 3072)."""
    from fnn.files.unpickle import safe_load  # here, to keep the start of fnn fast

    found = {}
    # the functions of os.path never raise, whatever the path
    if os.path.isfile(source):
        for name, data in tar_files(source, names, _MAX_FILE, _MAX_TOTAL):
            where = f"{source}: {name}"
            found[name] = _batch(safe_load(data, where), where)
    elif os.path.exists(source):
        folder = source if os.path.exists(source / names[0]) else source / FOLDER
        for name in names:
            if os.path.exists(path := folder / name):
                found[name] = _batch(safe_load(path), str(path))
    else:
        raise InputError(f"{source}: does not exist; expected {FOLDER} or its .tar.gz")
    if missing := [name for name in names if name not in found]:
        advice = f"expected all files of {FOLDER}: add them or name another directory"
        raise InputError(f"{source}: has no {', '.join(missing)}; {advice}")
    return [found[name] for name in names]


def _batch(value: Any, where: str) -> Split:
    """The (N, 3072) uint8 images and (N,) uint8 labels of one batch's dict."""
    if type(value) is not dict:
        found = type(value).__name__
        raise InputError(f"{where}: holds a {found}, expected a dict with data and labels")
    # Python 2 wrote the keys as bytes
    fields: Any = (value.get(key.encode(), value.get(key)) for key in ("data", "labels"))
    data, labels = fields
    if type(data) is not np.ndarray or data.dtype != np.uint8 or data.shape[1:] != (_COLUMNS,):
        found = f"{data.dtype} {data.shape}" if type(data) is np.ndarray else type(data).__name__
        raise InputError(f"{where}: its data is {found}, expected uint8 (N, {_COLUMNS})")
    if type(labels) is np.ndarray and labels.ndim == 1 and labels.dtype.kind in "ui":
        labels = labels.tolist()
    if type(labels) not in (list, tuple) or not {int}.issuperset(map(type, labels)):
        raise InputError(f"{where}: its labels are not a list of integers")
    if len(labels) != len(data):
        raise InputError(f"{where}: has {len(data)} images but {len(labels)} labels")
    if len(labels) == 0:
        raise InputError(f"{where}: holds no images")
    if not 0 <= min(labels) <= max(labels) < len(CLASSES):
        raise InputError(f"{where}: has labels from {min(labels)} to {max(labels)}, expected 0..9")
    return Split(data, np.array(labels, np.uint8))


def _joined(batches: list[Split]) -> Split:
    """All batches as one split, channels last: (N, 32, 32, 3), C-contiguous."""
    labels = np.concatenate([batch.labels for batch in batches])
    images = np.empty((len(labels), _SIDE, _SIDE, 3), np.uint8)
    for color in range(3):  # plane by plane is four times as fast as one transpose
        planes = [b.images.reshape(-1, 3, _SIDE, _SIDE)[:, color] for b in batches]
        np.concatenate(planes, out=images[..., color])
    return Split(images, labels)
