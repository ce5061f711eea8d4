"""From the user's choice (`--data NAME|DIR`, or none) to images, labels and class names."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Literal, NamedTuple, TypeVar, overload

from fnn.data import cifar, download
from fnn.data.cache import Say, cached, data_root
from fnn.data.dataset import Dataset, Split
from fnn.data.mnist import SplitName, has_mnist, install_mnist, load_split, same_size
from fnn.errors import InputError, say
from fnn.keys import SAMPLE, child

Data = TypeVar("Data", Dataset, Split)
Load = Callable[[SplitName, Say], Split]

DIGIT_NAMES = tuple("0123456789")
FASHION_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
SYNTHETIC_SIZES: dict[SplitName, int] = {"train": 20_000, "test": 5_000}


class Source(NamedTuple, Generic[Data]):
    """A data set's name, its data (both splits or one), and its class names by label."""

    name: str
    data: Data
    classes: tuple[str, ...]


class Known(NamedTuple):
    """A data set that `--data` knows by name: a line of help, and how to find it.

    `find` takes the splits that are needed, downloads them if it must, and returns a function that
    loads one split, and the class names.
    """

    about: str
    find: Callable[[tuple[SplitName, ...]], tuple[Load, tuple[str, ...]]]


@overload
def open_data(
    choice: str | None, split: Literal["both"] = "both", say: Say = say
) -> Source[Dataset]: ...
@overload
def open_data(choice: str | None, split: SplitName, say: Say = say) -> Source[Split]: ...
def open_data(
    choice: str | None, split: Literal["both", "train", "test"] = "both", say: Say = say
) -> Source[Dataset] | Source[Split]:
    """The data set `choice`: a name in KNOWN or else a directory; `./name` is always a directory.

    A directory holds a set in the format of MNIST or of CIFAR-10 (or is CIFAR-10's .tar.gz). A
    named set is read from the data root or downloaded to it, and never replaced by another.
    None means MNIST or, if it is missing and cannot be downloaded, synthetic digits, after one
    line to `say`. `split` says what to load: other files are not read and need not exist.

    >>> from fnn.data.catalogue import open_data
    >>> images, labels = open_data("digits", "test").data
    >>> images.shape, images.dtype, labels.shape
    ((5000, 28, 28), dtype('uint8'), (5000,))

    Raises InputError if the choice is not a data set, or its files are missing or damaged.
    """
    splits: tuple[SplitName, ...] = ("train", "test") if split == "both" else (split,)
    name, (load, names) = _resolve(choice, splits, say)
    loaded = [load(s, say) for s in splits]
    top = max(int(part.labels.max()) for part in loaded)
    if names and top >= len(names):
        raise InputError(
            f"{name}: a label is {top}, expected 0 to {len(names) - 1}: get its files again"
        )
    classes = names or tuple(map(str, range(top + 1)))
    if split != "both":
        return Source(name, loaded[0], classes)
    return Source(name, same_size(Dataset(*loaded), name), classes)


def _resolve(
    choice: str | None, splits: tuple[SplitName, ...], say: Say
) -> tuple[str, tuple[Load, tuple[str, ...]]]:
    if choice is None:
        return _default(splits, say)
    choice = OLD_NAMES.get(choice, choice)
    if choice in KNOWN:
        return choice, KNOWN[choice].find(splits)
    path = Path(choice)
    if choice and has_mnist(path):
        return choice, (_mnist_like(path), ())
    if choice and is_cifar10(path):
        return choice, _cifar10(path)
    found = "not the name of a data set" + (
        ", and the directory holds neither MNIST's nor CIFAR-10's files"
        if choice and os.path.isdir(path)
        else ", and there is no such directory"
    )
    raise InputError(
        f"--data {choice!r}: {found}; expected one of {', '.join(KNOWN)} or a directory with a "
        "set in the format of MNIST or CIFAR-10"
    )


def _default(splits: tuple[SplitName, ...], say: Say) -> tuple[str, tuple[Load, tuple[str, ...]]]:
    directory = data_root() / "mnist"
    try:
        return "mnist", KNOWN["mnist"].find(splits)
    except download.DownloadError:
        if has_mnist(directory):  # incomplete: files that are there are not ignored
            raise
    say(
        "fnn: MNIST was not found and could not be downloaded, so the built-in synthetic digits "
        "are used instead; for MNIST, run again with a network connection or put its four files "
        f"into {directory} (--data mnist says what failed)"
    )
    return "digits", KNOWN["digits"].find(splits)


def _mnist_like(directory: Path) -> Load:
    return lambda split, say: load_split(directory, split, say)


def _known_mnist(name: str, names: tuple[str, ...], about: str) -> Known:
    return Known(about, lambda splits: (_mnist_like(install_mnist(name, splits)), names))


def is_cifar10(path: Path) -> bool:
    """Whether the path is a directory with CIFAR-10's batches, or its archive."""
    if path.name.endswith((".tar.gz", ".tgz", ".tar")):
        return os.path.isfile(path)
    return any(os.path.isfile(path / name) for names in cifar.FILES.values() for name in names)


def _cifar10(path: Path) -> tuple[Load, tuple[str, ...]]:
    def load(split: SplitName, say: Say) -> Split:
        def parse() -> Split:
            return cifar.load_split(path, split)

        files = [path] if os.path.isfile(path) else [path / name for name in cifar.FILES[split]]
        if not all(map(os.path.isfile, files)):
            return parse()  # raises InputError, which names what is missing
        return cached(data_root(), files, parse, f"cifar10-{split}", say)

    return load, cifar.CLASSES


def _known_cifar10(splits: tuple[SplitName, ...]) -> tuple[Load, tuple[str, ...]]:
    return _cifar10(cifar.install_cifar10())


def _synthetic(name: Literal["digits", "colors"]) -> tuple[Load, tuple[str, ...]]:
    from fnn.data import synthetic

    draw = synthetic.digits if name == "digits" else synthetic.colors

    def load(split: SplitName, say: Say) -> Split:
        return draw(child(0, SAMPLE, int(split == "test")), SYNTHETIC_SIZES[split])

    return load, DIGIT_NAMES if name == "digits" else synthetic.COLOR_CLASSES


KNOWN: dict[str, Known] = {
    "mnist": _known_mnist("mnist", DIGIT_NAMES, "handwritten digits, 28 x 28, 60000 + 10000"),
    "fashion-mnist": _known_mnist(
        "fashion-mnist", FASHION_NAMES, "pictures of clothing, 28 x 28, 60000 + 10000"
    ),
    "cifar10": Known("color photographs, 32 x 32, 50000 + 10000", _known_cifar10),
    "digits": Known(
        "synthetic digits, built in, 28 x 28, 20000 + 5000", lambda splits: _synthetic("digits")
    ),
    "colors": Known(
        "synthetic colored shapes, built in, 32 x 32, 20000 + 5000",
        lambda splits: _synthetic("colors"),
    ),
}
OLD_NAMES = {"colours": "colors"}
