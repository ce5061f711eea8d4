"""Data sets as .npz files of NumPy, with the names that Keras or MedMNIST give the arrays."""

from __future__ import annotations

import hashlib
import os
import zipfile
from functools import partial
from pathlib import Path

import numpy as np

from fnn.arrays import Array
from fnn.data.cache import Say, cached
from fnn.data.dataset import Split
from fnn.data.dump import pixels
from fnn.data.mnist import SplitName
from fnn.data.reading import ARRAYS, Reading, check_applies, held_out
from fnn.errors import InputError, one_line
from fnn.files.npy import parse_npy
from fnn.files.read import open_regular

USUAL = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
)
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others are inflated without bounds
CHANNELS = 16  # the most that images may have
# Arrays that are said to exceed both of these are refused before a byte of them is inflated.
GROWTH, SMALL = 100, 1 << 26


def find_npz(path: Path, reading: Reading) -> tuple[str, ...]:
    """The names of a file's arrays: images and labels for training, and the same for testing.

    They are two if a share is held out for testing. Raises InputError for a file that is no .npz
    file, or has no arrays of these names.
    """
    check_applies(reading, ARRAYS, f"{path}")
    with open_regular(path, np.inf) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                there = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
        except Exception as error:  # damaged archives raise many kinds
            why = one_line(f"it is damaged or not an .npz file ({error})")
            raise InputError(f"{path}: {why}") from None
    chosen = reading.arrays or next((u for u in USUAL if set(u) <= set(there)), None)
    found = one_line(f"it has {', '.join(there) or 'no arrays'}", 300)
    if chosen is None:
        expected = f"expected {', '.join(USUAL[0])}"
        advice = "name the four, or images and labels alone, with --arrays"
        raise InputError(f"{path}: {found}; {expected}: {advice}")
    if len(chosen) not in (2, 4):
        raise InputError(f"--arrays: expected two or four names, found {', '.join(chosen)}")
    if missing := [name for name in chosen if name not in there]:
        raise InputError(f"{path}: {found}, and no {', '.join(missing)}; choose with --arrays")
    if len(chosen) == 4 and reading.test_share is not None:
        raise InputError(f"--test-share: {path} has test images of its own; leave it out")
    return chosen


def load_npz(
    path: Path, arrays: tuple[str, ...], share: float | None, split: SplitName, say: Say
) -> Split:
    """What `parse_npz` returns, or the cached copy of it."""
    parse = partial(parse_npz, path, arrays, share, split, say)
    told = hashlib.sha256(repr((arrays, share)).encode()).hexdigest()[:8]
    return cached(None, [path], parse, f"npz-{split}-{told}", say)


def parse_npz(
    path: Path, arrays: tuple[str, ...], share: float | None, split: SplitName, say: Say
) -> Split:
    """The images and labels of a split from an .npz file; see `find_npz` for `arrays`.

    Raises InputError, which names the file and the array, for arrays that are no images or labels.
    """
    names = arrays[2:] if split == "test" and len(arrays) == 4 else arrays[:2]
    x, y = read_npz(path, names)
    what = names[0]
    try:
        images, scaled = to_images(x)
        what = names[1]
        labels = to_labels(y)
    except InputError as error:
        raise InputError(f"{path}: {what}: {error}") from None
    if len(images) != len(labels):
        counts = f"{len(images)} images in {names[0]}, {len(labels)} labels in {names[1]}"
        raise InputError(f"{path}: {counts}: expected as many of each")
    if scaled:
        say(f"fnn: {path}: {names[0]} has floats in 0..1: they are multiplied by 255")
    if len(arrays) == 4:
        return Split(images, labels)
    held = held_out(labels, share)
    if not held.any():
        raise InputError(f"{path}: no class has two images, one of which could be held out")
    rows = held == (split == "test")
    return Split(images[rows], labels[rows])


def read_npz(path: str | os.PathLike[str], names: tuple[str, ...]) -> list[Array]:
    """Some arrays of an .npz file, compressed or not; read-only.

    Nothing is unpickled, and nothing is inflated further than the archive declares, at most 64 MiB
    or 100 times its size. Raises InputError for a file or an array that is missing or damaged, and
    for arrays of anything but numbers.
    """
    with open_regular(path, np.inf) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = [archive.getinfo(f"{name}.npy") for name in names]
                size, most = os.fstat(file.fileno()).st_size, sum(m.file_size for m in members)
                if any(m.compress_type not in PACKED for m in members):
                    raise InputError("it is compressed in another way than NumPy does")
                if most > max(SMALL, GROWTH * size):
                    raise InputError(f"its arrays claim {most} bytes, and it has only {size}")
                found = []
                for name, member in zip(names, members, strict=True):
                    with archive.open(member) as stream:
                        # With a size: without, a lying archive would be inflated whole.
                        data = stream.read(member.file_size)
                    try:
                        found.append(parse_npy(data))
                    except InputError as error:
                        raise InputError(f"{name}: {error}") from None
                return found
        except MemoryError:
            raise
        except InputError as error:
            why = str(error)
        except Exception as error:  # damaged archives raise many kinds
            why = one_line(f"it is damaged ({str(error) or type(error).__name__})")
    raise InputError(f"{path}: {why}")


def to_images(x: Array) -> tuple[Array, bool]:
    """Images as uint8, and whether they were floats in 0..1, which are multiplied by 255.

    They are (N, H, W) or (N, H, W, C) of integers or floats in 0..255; floats are rounded.
    """
    shape = f"has the shape {x.shape}"
    if x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[3] > 4:
        advice = "transpose it with x.transpose(0, 2, 3, 1)"
        raise InputError(f"{shape}, channels first; expected (N, H, W, C): {advice}")
    if x.ndim not in (3, 4) or 0 in x.shape or (x.ndim == 4 and x.shape[3] > CHANNELS):
        expected = f"expected images (N, H, W) or (N, H, W, C), C at most {CHANNELS}"
        raise InputError(f"{shape}; {expected}")
    if x.dtype == np.uint8 and x.max() > 1:
        return np.ascontiguousarray(x), False
    scaled = x.dtype.kind == "f" and 0 <= x.min() <= x.max() <= 1
    if scaled and x.max() > 0:
        return pixels(np.multiply(x, 255, dtype=np.float32)), True
    return pixels(x), False


def to_labels(y: Array) -> Array:
    """Labels as (N,) uint8, from integers (N,) or (N, 1), or from one-hot rows (N, K)."""
    if y.ndim == 2 and y.shape[1] > 1:
        if not (((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all()):
            expected = "expected labels (N,), (N, 1), or rows (N, K) of one 1 and else 0"
            raise InputError(f"has the shape {y.shape}; {expected}")
        y = y.argmax(axis=1)
    if y.shape[1:] not in ((), (1,)) or y.ndim == 0:
        raise InputError(f"has the shape {y.shape}; expected labels (N,), (N, 1) or (N, K)")
    if y.dtype.kind not in "ui":
        raise InputError(f"has elements of dtype {y.dtype}; expected integers, one label each")
    if y.size and not 0 <= y.min() <= y.max() <= 255:
        raise InputError(f"has labels from {y.min()} to {y.max()}; expected 0..255")
    return y.reshape(-1).astype(np.uint8)
