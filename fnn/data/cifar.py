"""CIFAR-10 and CIFAR-100, Python version: color images of 10 or 100 classes (section 5.6).

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009;
https://www.cs.toronto.edu/~kriz/cifar.html
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnn.data import download, mirrors
from fnn.data.cache import check_root, data_root
from fnn.data.dataset import Dataset, Split
from fnn.data.mnist import SplitName
from fnn.errors import InputError
from fnn.files.tar import tar_files


class Cifar(NamedTuple):
    """One of the two sets: its folder and files, its classes, and the key of their labels."""

    name: str
    folder: str
    files: dict[SplitName, tuple[str, ...]]
    classes: tuple[str, ...]
    labels: str


CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab
crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard
lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom
oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake
spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
CLASSES_100 = tuple(_NAMES.split())
FILES: dict[SplitName, tuple[str, ...]] = {
    "train": tuple(f"data_batch_{i}" for i in range(1, 6)),
    "test": ("test_batch",),
}
CIFAR10 = Cifar("cifar10", "cifar-10-batches-py", FILES, CLASSES, "labels")
CIFAR100 = Cifar(
    "cifar100",
    "cifar-100-python",
    {"train": ("train",), "test": ("test",)},
    CLASSES_100,
    "fine_labels",
)
_SIDE = 32
_COLUMNS = 3 * _SIDE * _SIDE
# The official archives unpack to 186 MB: six files of 31 MB, or files of 155 and 31 MB.
_MAX_FILE, _MAX_TOTAL = {"cifar10": 1 << 26, "cifar100": 1 << 28}, 1 << 29


def load_cifar10(source: str | os.PathLike[str] | None = None) -> Dataset:
    """Both splits of CIFAR-10: images (N, 32, 32, 3) uint8, RGB; labels (N,) uint8 in 0..9.

    `source` is the directory that holds data_batch_1 to data_batch_5 and test_batch, or one that
    holds it as cifar-10-batches-py, or the official .tar.gz (or .tar), which is read in place.
    None means the set in the data root (`FNN_DATA`), downloaded if missing.
    Raises InputError, which names the file, if one is missing or damaged.
    """
    place = Path(install_cifar(CIFAR10) if source is None else source)
    *train, test = _batches(place, _all(CIFAR10), CIFAR10)
    return Dataset(_joined(train), _joined([test]))


def install_cifar(kind: Cifar) -> Path:
    """The set in the data root: its directory, or its archive, downloaded if neither is there.

    Raises DownloadError, and InputError if FNN_DATA cannot hold it.
    """
    root, remote = data_root(), mirrors.SETS[kind.name]
    archive = root / remote.files[0].name
    if any(os.path.isfile(root / kind.folder / name) for name in _all(kind)):
        return root / kind.folder
    if not os.path.isfile(archive):
        check_root()
        download.fetch(remote, root)
    return archive


def kind_of(path: Path) -> Cifar | None:
    """Which set is in a directory or in an archive, if any.

    Of archives, those with 100 in their name are CIFAR-100. A file `train` alone proves nothing:
    beside it, there must be `test` or `meta`.
    """
    if path.name.endswith((".tar.gz", ".tgz", ".tar")):
        kind = CIFAR100 if "100" in path.name else CIFAR10
        return kind if os.path.isfile(path) else None
    if any(os.path.isfile(path / name) for name in _all(CIFAR10)):
        return CIFAR10
    there = [os.path.isfile(path / name) for name in ("train", "test", "meta")]
    return CIFAR100 if sum(there) > 1 else None


def load_split(source: str | os.PathLike[str], split: SplitName, kind: Cifar = CIFAR10) -> Split:
    """One split of CIFAR-10, like `load_cifar10`; the files of the other need not exist.

    Of CIFAR-100 too, from `train` or `test`, with labels in 0..99.
    """
    if split not in kind.files:
        raise InputError(f'the split is {split!r}, expected "train" or "test"')
    return _joined(_batches(Path(source), kind.files[split], kind))


def _all(kind: Cifar) -> tuple[str, ...]:
    return kind.files["train"] + kind.files["test"]


def _batches(source: Path, names: tuple[str, ...], kind: Cifar) -> list[Split]:
    """The batches of these names, their images still (N, 3072)."""
    from fnn.files.unpickle import safe_load  # here, to keep the start of fnn fast

    found = {}
    # the functions of os.path never raise, whatever the path
    if os.path.isfile(source):
        for name, data in tar_files(source, names, _MAX_FILE[kind.name], _MAX_TOTAL):
            where = f"{source}: {name}"
            found[name] = _batch(safe_load(data, where), where, kind)
    elif os.path.exists(source):
        folder = source if os.path.exists(source / names[0]) else source / kind.folder
        for name in names:
            if os.path.exists(path := folder / name):
                found[name] = _batch(safe_load(path), str(path), kind)
    else:
        raise InputError(f"{source}: does not exist; expected {kind.folder} or its .tar.gz")
    if missing := [name for name in names if name not in found]:
        advice = f"expected all files of {kind.folder}: add them or name another directory"
        raise InputError(f"{source}: has no {', '.join(missing)}; {advice}")
    return [found[name] for name in names]


def _batch(value: Any, where: str, kind: Cifar) -> Split:
    """The (N, 3072) uint8 images and (N,) uint8 labels of one batch's dict."""
    if type(value) is not dict:
        found = type(value).__name__
        raise InputError(f"{where}: holds a {found}, expected a dict with data and labels")
    # Python 2 wrote the keys as bytes
    fields: Any = (value.get(key.encode(), value.get(key)) for key in ("data", kind.labels))
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
    top = len(kind.classes) - 1
    if not 0 <= min(labels) <= max(labels) <= top:
        found = f"labels from {min(labels)} to {max(labels)}"
        raise InputError(f"{where}: has {found}, expected 0..{top}")
    return Split(data, np.array(labels, np.uint8))


def _joined(batches: list[Split]) -> Split:
    """All batches as one split, channels last: (N, 32, 32, 3), C-contiguous."""
    labels = np.concatenate([batch.labels for batch in batches])
    images = np.empty((len(labels), _SIDE, _SIDE, 3), np.uint8)
    for color in range(3):  # plane by plane is four times as fast as one transpose
        planes = [b.images.reshape(-1, 3, _SIDE, _SIDE)[:, color] for b in batches]
        np.concatenate(planes, out=images[..., color])
    return Split(images, labels)
