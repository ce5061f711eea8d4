"""IDX files of 1 to 4 axes, and sets of images with channels."""

import gzip
import struct

import numpy as np
import pytest

from fnn import read_idx
from fnn.data.catalogue import open_data
from fnn.errors import InputError


def to_idx(array: np.ndarray) -> bytes:
    return struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


X = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), np.uint8)
Y = np.arange(6, dtype=np.uint8) % 2


@pytest.mark.parametrize("axes", [1, 2, 3, 4])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_any_number_of_axes(tmp_path, axes, pack):
    array = X[(..., *[0] * (4 - axes))]
    (tmp_path / "x").write_bytes(pack(to_idx(array)))
    found = read_idx(tmp_path / "x")
    np.testing.assert_array_equal(found, array, strict=True)
    assert found.flags.writeable


WHOLE = to_idx(X)
REFUSED = {
    "nothing": (b"", "begins with nothing, expected 00000801 or"),
    "floats": (WHOLE[:2] + b"\x0d" + WHOLE[3:], "begins with 00000d04, .* of unsigned bytes"),
    "five axes": (WHOLE[:3] + b"\x05" + WHOLE[4:], "begins with 00000805"),
    "little-endian": (WHOLE[3::-1] + WHOLE[4:], "begins with 04080000"),
    "header": (WHOLE[:10], "expected a header of 20 bytes, found 10"),
    "short": (WHOLE[:-1], "expected 20 bytes of header and 6 x 5 x 4 x 3 of data, found 379"),
    "long": (WHOLE + b"x", "found 381 bytes"),
    "empty": (to_idx(X[:0]), "the set is empty"),
    "a cut gzip": (gzip.compress(WHOLE)[:-9], "damaged gzip"),
    "a bomb": (gzip.compress(to_idx(Y)[:4] + b"\x7f" * 4), "found a gzip of only"),
}


@pytest.mark.parametrize(("data", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_files(tmp_path, data, words):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(InputError, match=words) as error:
        read_idx(tmp_path / "x")
    assert str(error.value).startswith(str(tmp_path / "x"))


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_idx(tmp_path / "absent")
    with pytest.raises(InputError, match="is a directory"):
        read_idx(tmp_path)


@pytest.mark.parametrize("stem", ["train-images-idx4-ubyte", "train-images.idx4-ubyte.gz"])
def test_a_set_with_channels(root, tmp_path, stem):
    packed = gzip.compress if stem.endswith("gz") else bytes
    (tmp_path / stem).write_bytes(packed(to_idx(X)))
    (tmp_path / stem.replace("train", "t10k")).write_bytes(packed(to_idx(X[:2])))
    for name, labels in (("train", Y), ("t10k", Y[:2])):
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(to_idx(labels))
    for _ in range(2):
        source = open_data(str(tmp_path))
        np.testing.assert_array_equal(source.data.train.images, X)
        np.testing.assert_array_equal(source.data.test.labels, Y[:2])
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(to_idx(Y[:-1]))
    with pytest.raises(InputError, match="5 labels, expected 6"):
        open_data(str(tmp_path))
