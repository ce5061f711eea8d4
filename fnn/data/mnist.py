"""MNIST and other sets in its format (Fashion-MNIST, other sizes), parsed by python-mnist.

A set is four IDX files: images and labels for training and for testing. IDX is a big-endian
header, a magic number and the dimensions, then the bytes. python-mnist trusts the header, so
each file is checked against it first; http://yann.lecun.com/exdb/mnist describes the format.
"""

import gzip
import math
import os
import struct
import warnings
import zlib
from pathlib import Path
from typing import IO, Literal, TypeAlias, cast

import numpy as np

from fnn.data import download, mirrors
from fnn.data.cache import Say, cached, check_root, data_root
from fnn.data.dataset import Dataset, Split
from fnn.errors import InputError, say

SplitName: TypeAlias = Literal["train", "test"]

FILES: dict[SplitName, tuple[str, str]] = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
IMAGES, LABELS = 0x00000803, 0x00000801  # magic numbers: bytes in 3 dimensions, and in 1
BATCH, PARTS = 10_000, 8  # images per call: python-mnist makes a list of each, 8 bytes per pixel
CHUNK = 1 << 20
# A gzip may inflate a thousandfold; images shrink about fivefold, blank ones more. A file that
# claims to exceed both of these is refused before a byte of it is inflated.
GROWTH, SMALL = 100, 1 << 26


def load_mnist(directory: str | os.PathLike[str] | None = None, say: Say = say) -> Dataset:
    """Training and test images of MNIST or of another set in its format.

    `directory` holds the four files, plain or .gz; None means `mnist` in the data root
    (`FNN_DATA`), downloaded if missing. Images are (N, H, W) uint8, 28 x 28 for MNIST, with
    background 0; labels are (N,) uint8. The first load parses, later ones take milliseconds.

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
    """The file `a-idx3-ubyte`, also spelled `a.idx3-ubyte`, plain or else .gz; None if absent."""
    names = stem, stem.replace("-idx", ".idx")
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
    n, rows, columns = check_idx(images, IMAGES)
    (count,) = check_idx(labels, LABELS)
    if n != count:
        expected = f"expected {n}, one for each image of {images.name}"
        raise InputError(f"{labels}: {count} labels, {expected}: take both from the same set")
    with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
        from mnist import MNIST  # it compares strings with `is`

    reader = MNIST(return_type="lists")  # its "numpy" converts the same lists to int64
    # It has one switch, plain or gz, for both files; `_open` detects it.
    reader.opener = lambda path, mode: _open(Path(path))
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


def check_idx(path: Path, magic: int) -> tuple[int, ...]:
    """The dimensions in an IDX file's header, if the file has the length they imply.

    A gzip is inflated as a stream, never further than its header declares.
    Raises InputError for a wrong magic number, a header or a body too short or too long, a
    damaged gzip, a dimension of 0, or a file that cannot be read.
    """
    try:
        with _open(path) as f:
            return _checked(f, magic, path.stat().st_size)
    except InputError as error:
        raise InputError(f"{path}: {error}: get it again") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: a damaged gzip file ({error}): get it again") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def _checked(f: IO[bytes], magic: int, size: int) -> tuple[int, ...]:
    axes, zipped = magic & 0xFF, isinstance(f, gzip.GzipFile)
    head = f.read(4 + 4 * axes)
    if head[:4] != magic.to_bytes(4, "big"):
        kind = "images" if magic == IMAGES else "labels"
        found = head[:4].hex() or "nothing"
        raise InputError(f"begins with {found}, expected {magic:08x}, an IDX file of {kind}")
    if len(head) < 4 + 4 * axes:
        raise InputError(f"expected a header of {4 + 4 * axes} bytes, found {len(head)} bytes")
    shape = struct.unpack(f">{axes}I", head[4:])
    sizes, declared = " x ".join(map(str, shape)), len(head) + math.prod(shape)
    if declared == len(head):
        raise InputError(f"its header says {sizes}: the set is empty, expected an example or more")
    expected = f"expected {len(head)} bytes of header and {sizes} of data"
    if zipped and declared > max(SMALL, GROWTH * size):
        raise InputError(f"{expected}, found a gzip of only {size} bytes")
    if zipped:
        size = len(head)
        while size <= declared and (chunk := f.read(CHUNK)):
            size += len(chunk)
    if size != declared:
        more = " or more" if zipped and size > declared else ""
        raise InputError(f"{expected}, found {size} bytes{more}")
    return shape


def _open(path: Path) -> IO[bytes]:
    """Open a plain or gzip file by its first bytes: browsers may unpack it but keep the name."""
    with open(path, "rb") as f:
        packed = f.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path)) if packed else open(path, "rb")
