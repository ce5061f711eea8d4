"""The images of the course's contest: a dump of one array, by pickle or as .npy (section 5.1)."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fnn.arrays import Array
from fnn.errors import InputError
from fnn.files.npy import MAGIC, parse_npy
from fnn.files.read import read_bytes

_FOREIGN = {b"PK\x03\x04": "a zip or .npz archive", b"\x1f\x8b": "compressed by gzip"}


def read_dump(
    path: str | os.PathLike[str], height: int = 28, width: int = 28, channels: int = 1
) -> Array:
    """The images in a dump, uint8: (N, height, width), or (N, height, width, channels) if several.

    The file is a pickle, protocols 0 to 5, from Python 2 or 3, or a .npy file, whatever its name.
    It holds one array of integers or floats in 0..255, or lists of them, of shape
    `(N, height*width)`, (N, height, width) or (N, height, width, 1), N at least 1, in any byte
    order and any memory order; with several channels, `(N, height*width*channels)`, channels last,
    or (N, height, width, channels). Floats are rounded. Raises InputError for everything else, and
    for bool or values of at most 1 that are not all 0: scaled, images would be almost black.
    """
    from fnn.files.unpickle import parse_pickle  # here, to keep the start of fnn fast

    data = read_bytes(path)
    for magic, what in _FOREIGN.items():
        if data.startswith(magic):
            raise InputError(f"{path}: is {what}; expected a pickle or a .npy file")
    try:
        value = parse_npy(data) if data.startswith(MAGIC) else parse_pickle(data)
        return to_images(value, height, width, channels)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def to_images(value: Any, height: int = 28, width: int = 28, channels: int = 1) -> Array:
    """The images in `value` as a new uint8 array; see `read_dump`."""
    if type(value) in (list, tuple) and _has_labels(value):
        shapes = " and ".join(str(part.shape) for part in value)
        raise InputError(f"holds images and labels, {shapes}: expected the images alone")
    array = _stacked(value) if type(value) in (list, tuple) else value
    if type(array) is not np.ndarray:
        raise InputError(f"holds a {type(value).__name__}, expected an array of images")
    image = (height, width) if channels == 1 else (height, width, channels)
    flat = (math.prod(image),)
    if array.ndim == 0 or array.shape[1:] not in (flat, image, (height, width, channels)):
        expected = " or ".join(f"(N, {', '.join(map(str, shape))})" for shape in (flat, image))
        raise InputError(f"holds an array of shape {array.shape}, expected {expected}")
    if len(array) == 0:
        raise InputError("holds no images")
    return pixels(array).reshape(-1, *image)


def pixels(array: NDArray[Any]) -> Array:
    """`array` as a new uint8 array in C order; InputError if its values are not pixels."""
    if array.dtype.kind == "b":
        raise InputError("holds true and false, expected pixels in 0..255: multiply by 255")
    if array.dtype.kind not in "uif":
        raise InputError(f"holds elements of dtype {array.dtype}, expected numbers in 0..255")
    with np.errstate(all="ignore"):  # a signaling NaN must not cause a warning
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 255):  # written this way, NaN fails too
            where = tuple(np.argwhere(~((array >= 0) & (array <= 255)))[0])
            raise InputError(f"image {where[0]} has a pixel of {array[where]}, expected 0..255")
        if 0 < high <= 1:
            looks = "its images look scaled to 0..1, expected 0..255: multiply by 255"
            raise InputError(f"its largest pixel is {high}: {looks}")
        whole = array if array.dtype.kind in "ui" else np.rint(array)
        return whole.astype(np.uint8, order="C")


def _stacked(images: Sequence[Any]) -> Array:
    """One array from images that are arrays, lists of numbers, or lists of lists of them."""
    if not images:
        raise InputError("holds no images")
    arrays = [_array(image, i) for i, image in enumerate(images)]
    if len({image.shape for image in arrays}) > 1:
        raise InputError("holds images of different shapes")
    return np.stack(arrays)


def _has_labels(value: Sequence[Any]) -> bool:
    """Whether these are two arrays, and the second looks like labels of the first."""
    if len(value) != 2 or not all(type(part) is np.ndarray for part in value):
        return False
    images, labels = value
    return images.ndim >= 2 and labels.ndim in (1, 2) and images.shape[0] == labels.size


def _is_number(kind: type) -> bool:
    return issubclass(kind, int | float | np.integer | np.floating) and kind is not bool


def _array(image: Any, i: int) -> Array:
    if type(image) is np.ndarray and image.dtype.kind in "uif":
        return image
    if type(image) not in (list, tuple):
        raise InputError(f"image {i} is a {type(image).__name__}, expected an array of numbers")
    nested = bool(image) and all(type(part) in (list, tuple) for part in image)
    if nested and len(set(map(len, image))) > 1:
        raise InputError(f"image {i} has rows of different lengths")
    # checked first: in an array of strings each takes as much memory as the longest one
    numbers = list(chain.from_iterable(image)) if nested else image
    if not all(map(_is_number, set(map(type, numbers)))):
        raise InputError(f"image {i} holds something other than numbers")
    try:
        flat = np.array(numbers, np.float64)
    except OverflowError:
        raise InputError(f"image {i} has a pixel too large for a float, expected 0..255") from None
    return flat.reshape(len(image), -1) if nested and len(flat) else flat
