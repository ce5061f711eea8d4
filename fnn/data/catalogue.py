"""From the user's choice (`--data NAME|DIR`, or none) to images, labels and class names."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Generic, Literal, NamedTuple, TypeAlias, TypeVar, overload

from fnn.data import cifar, download
from fnn.data.cache import Say, cached, data_root
from fnn.data.dataset import Dataset, Split
from fnn.data.mnist import SplitName, has_mnist, install_mnist, load_split, same_size
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
def open_data(choice: str | None, split: Both = "both", say: Say = say) -> Source[Dataset]: ...
@overload
def open_data(choice: str | None, split: SplitName, say: Say = say) -> Source[Split]: ...
def open_data(
    choice: str | None, split: Both | SplitName = "both", say: Say = say
) -> Source[Dataset] | Source[Split]:
    """The data set `choice`: a name in KNOWN or else a directory; `./name` is always a directory.

    A directory holds a set in the format of MNIST or of CIFAR-10 (or is CIFAR-10's .tar.gz). A
    named set is read from the data root or downloaded to it, and never replaced by another.
    None means MNIST or, if it is missing and cannot be downloaded, synthetic digits, after one
    line to `say`. Files of a split that is not asked for need not exist.

    >>> images, labels = open_data("digits", "test").data
    >>> images.shape, images.dtype, labels.shape
    ((5000, 28, 28), dtype('uint8'), (5000,))

    Raises InputError if the choice is not a data set, or its files are missing or damaged.
    """
    splits: Splits = ("train", "test") if split == "both" else (split,)
    name, (load, names) = _resolve(choice, splits, say)
    loaded = [load(s, say) for s in splits]
    top = max(int(part.labels.max()) for part in loaded)
    if names and top >= len(names):
        expected = f"expected 0 to {len(names) - 1}: get its files again"
        raise InputError(f"{name}: a label is {top}, {expected}")
    classes = names or tuple(map(str, range(top + 1)))
    if split != "both":
        return Source(name, loaded[0], classes)
    return Source(name, same_size(Dataset(*loaded), name), classes)


def _resolve(choice: str | None, splits: Splits, say: Say) -> tuple[str, Found]:
    if choice is None:
        return _default(splits, say)
    choice = OLD_NAMES.get(choice, choice)
    if choice in KNOWN:
        return choice, KNOWN[choice].find(splits)
    path, found = Path(choice), "there is no such directory"
    if choice and has_mnist(path):
        return choice, _mnist(path)
    if choice and (kind := cifar.kind_of(path)):
        return choice, _cifar(path, kind)
    if choice and os.path.isfile(path):
        found = "it is a file"
    if choice and os.path.isdir(path):
        found = "the directory holds neither MNIST's nor CIFAR-10's files"
    known = f"expected one of {', '.join(KNOWN)} or a directory in the format of MNIST or CIFAR-10"
    near = did_you_mean(choice, KNOWN)
    raise InputError(f"--data {choice!r}: not the name of a data set, and {found}; {known}{near}")


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
