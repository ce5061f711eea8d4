"""From the user's choice (`--data NAME|DIR|FILE`, or none) to images, labels and class names."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Generic, Literal, NamedTuple, TypeAlias, TypeVar, overload

from fnn.data import cifar, download, folders, npz
from fnn.data.cache import Say, cached, data_root
from fnn.data.dataset import Dataset, Split
from fnn.data.mnist import SplitName, has_mnist, install_mnist, load_split, same_size
from fnn.data.reading import Reading, check_applies
from fnn.errors import InputError, did_you_mean, say
from fnn.keys import SAMPLE, child

Data = TypeVar("Data", Dataset, Split)
Both: TypeAlias = Literal["both"]
Splits: TypeAlias = tuple[SplitName, ...]
Load: TypeAlias = Callable[[SplitName, Say], Split]
Found: TypeAlias = tuple[Load, tuple[str, ...]]  # how to load a split, and the class names, if any

DIGIT_NAMES = tuple("0123456789")
FASHION_NAMES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                 "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")  # fmt: skip
SYNTHETIC_SIZES: dict[SplitName, int] = {"train": 20_000, "test": 5_000}
AS_USUAL = Reading()


class Source(NamedTuple, Generic[Data]):
    """A data set's name, its data (both splits or one), and its class names by label."""

    name: str
    data: Data
    classes: tuple[str, ...]


class Known(NamedTuple):
    """A data set that `--data` knows by name: a line of help, and how to find it.

    `find` takes the splits that are needed, and downloads them if it must.
    """

    about: str
    find: Callable[[Splits], Found]


@overload
def open_data(
    choice: str | None, split: Both = "both", say: Say = say, reading: Reading = AS_USUAL
) -> Source[Dataset]: ...
@overload
def open_data(
    choice: str | None, split: SplitName, say: Say = say, reading: Reading = AS_USUAL
) -> Source[Split]: ...
def open_data(
    choice: str | None,
    split: Both | SplitName = "both",
    say: Say = say,
    reading: Reading = AS_USUAL,
) -> Source[Dataset] | Source[Split]:
    """The data set `choice`: a name in KNOWN or else a path; `./name` is always a path.

    It leads to a directory of pictures, with a sub-directory for each class, to a set in the format
    of MNIST or of CIFAR (or CIFAR's .tar.gz), or to an .npz file; `reading` says how the first and
    the last are read. A named set is read from the data root or downloaded to it, and never
    replaced by another.
    None means MNIST or, if it is missing and cannot be downloaded, synthetic digits, after one
    line to `say`. Files of a split that is not asked for need not exist.

    >>> images, labels = open_data("digits", "test").data
    >>> images.shape, images.dtype, labels.shape
    ((5000, 28, 28), dtype('uint8'), (5000,))

    Raises InputError if the choice is not a data set, its files are missing or damaged, or
    something in `reading` does not apply to it.
    """
    splits: Splits = ("train", "test") if split == "both" else (split,)
    name, (load, names) = _resolve(choice, splits, say, reading)
    loaded = [load(s, say) for s in splits]
    top = max(int(part.labels.max()) for part in loaded)
    if names and top >= len(names):
        expected = f"expected 0 to {len(names) - 1}: get its files again"
        raise InputError(f"{name}: a label is {top}, {expected}")
    classes = names or tuple(map(str, range(top + 1)))
    if split != "both":
        return Source(name, loaded[0], classes)
    return Source(name, same_size(Dataset(*loaded), name), classes)


def _resolve(choice: str | None, splits: Splits, say: Say, reading: Reading) -> tuple[str, Found]:
    if choice is None:
        check_applies(reading, (), "mnist")
        return _default(splits, say)
    choice = OLD_NAMES.get(choice, choice)
    if choice in KNOWN:
        check_applies(reading, (), choice)
        return choice, KNOWN[choice].find(splits)
    path, found = Path(choice), "there is no such directory or file"
    if is_folder(choice):
        if folders.holds_pictures(path):
            folder = folders.find_folder(path, reading, say)
            return choice, (partial(folders.load_folder, folder, reading), folder.classes)
        found = "the directory holds neither MNIST's nor CIFAR's files nor directories of pictures"
    elif choice and has_mnist(path):
        check_applies(reading, (), choice)
        return choice, _mnist(path)
    elif choice and (kind := cifar.kind_of(path)):
        check_applies(reading, (), choice)
        return choice, _cifar(path, kind)
    elif os.path.isfile(choice):
        if choice.lower().endswith(".npz"):
            arrays = npz.find_npz(path, reading)
            return choice, (partial(npz.load_npz, path, arrays, reading.test_share), ())
        found = "it is a file"
    known = (
        f"expected one of {', '.join(KNOWN)}, a directory of pictures with a sub-directory for "
        "each class, a directory in the format of MNIST or CIFAR, or an .npz file"
    )
    near = did_you_mean(choice, KNOWN)
    raise InputError(f"--data {choice!r}: not the name of a data set, and {found}; {known}{near}")


def is_folder(choice: str | None) -> bool:
    """Whether the choice is a directory which, if it is any data set, must hold pictures."""
    if not choice or choice in KNOWN or choice in OLD_NAMES or not os.path.isdir(choice):
        return False
    return not has_mnist(Path(choice)) and cifar.kind_of(Path(choice)) is None


def _default(splits: Splits, say: Say) -> tuple[str, Found]:
    directory = data_root() / "mnist"
    try:
        return "mnist", KNOWN["mnist"].find(splits)
    except download.DownloadError:
        if has_mnist(directory):  # incomplete: files that are there are not ignored
            raise
    say(
        "fnn: MNIST cannot be downloaded (--data mnist says why): synthetic digits take its place; "
        f"for MNIST, run again with a network connection or put its four files into {directory}"
    )
    return "digits", KNOWN["digits"].find(splits)


def _mnist(directory: Path, names: tuple[str, ...] = ()) -> Found:
    return lambda split, say: load_split(directory, split, say), names


def _cifar(path: Path, kind: cifar.Cifar) -> Found:
    def load(split: SplitName, say: Say) -> Split:
        parse = partial(cifar.load_split, path, split, kind)
        files = [path] if os.path.isfile(path) else [path / name for name in kind.files[split]]
        if not all(map(os.path.isfile, files)):
            return parse()  # raises InputError, which names what is missing
        return cached(None, files, parse, f"{kind.name}-{split}", say)

    return load, kind.classes


def _synthetic(name: Literal["digits", "colors"]) -> Found:
    from fnn.data import synthetic

    draw = synthetic.digits if name == "digits" else synthetic.colors

    def load(split: SplitName, say: Say) -> Split:
        return draw(child(0, SAMPLE, int(split == "test")), SYNTHETIC_SIZES[split])

    return load, DIGIT_NAMES if name == "digits" else synthetic.COLOR_CLASSES


KNOWN: dict[str, Known] = {
    "mnist": Known(
        "handwritten digits, 28 x 28, 60000 + 10000",
        lambda splits: _mnist(install_mnist("mnist", splits), DIGIT_NAMES),
    ),
    "fashion-mnist": Known(
        "pictures of clothing, 28 x 28, 60000 + 10000",
        lambda splits: _mnist(install_mnist("fashion-mnist", splits), FASHION_NAMES),
    ),
    "cifar10": Known(
        "color photographs, 32 x 32, 50000 + 10000",
        lambda _: _cifar(cifar.install_cifar(cifar.CIFAR10), cifar.CIFAR10),
    ),
    "cifar100": Known(
        "the same of 100 classes, 32 x 32, 50000 + 10000",
        lambda _: _cifar(cifar.install_cifar(cifar.CIFAR100), cifar.CIFAR100),
    ),
    "digits": Known(
        "synthetic digits, built in, 28 x 28, 20000 + 5000", lambda _: _synthetic("digits")
    ),
    "colors": Known(
        "synthetic colored shapes, built in, 32 x 32, 20000 + 5000", lambda _: _synthetic("colors")
    ),
}
OLD_NAMES = {"colours": "colors"}
