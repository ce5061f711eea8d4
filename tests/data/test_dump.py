"""The contest's dump: every way to write the images, and one line for everything else."""

import io
import os
import pickle
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnn.data.dump import read_dump, to_images
from fnn.errors import InputError
from fnn.files.npy import parse_npy

IMAGES = np.random.default_rng(3).integers(0, 256, (5, 28, 28), np.uint8)
IMAGES[0, 0, :2] = 0, 255


def as_npy(array: np.ndarray, version: tuple[int, int] = (1, 0)) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version)
    return file.getvalue()


def python2(array: np.ndarray) -> bytes:
    """The array as Python 2.7 with NumPy 1.x writes it, protocol 0."""
    shape = "".join(f"I{n}\n" for n in array.shape)
    return (
        "cnumpy.core.multiarray\n_reconstruct\np1\n(cnumpy\nndarray\np2\n(I0\ntp3\nS'b'\np4\n"
        f"tp5\nRp6\n(I1\n({shape}tp7\ncnumpy\ndtype\np8\n(S'{array.dtype.str[1:]}'\np9\nI0\nI1\n"
        "tp10\nRp11\n(I3\nS'|'\np12\nNNNI-1\nI-1\nI0\ntp13\nbI00\n"
        f"S{repr(array.tobytes())[1:]}\np14\ntp15\nb."
    ).encode("ascii")


DTYPES = ("u1", "i2", ">u2", "<u4", ">i8", "u8", "f4", ">f8", "g")
FORMS = {
    **{
        dtype: IMAGES.astype(dtype)
        for dtype in ["u1", "i2", ">u2", "<u4", ">i8", "u8", "f4", ">f8", "g"]
    },
    "float16": IMAGES.astype("f2"),
    "rows": IMAGES.reshape(5, 784),
    "channel": IMAGES[..., None],
    "fortran": np.asfortranarray(IMAGES),
    "fortran rows": np.asfortranarray(IMAGES.reshape(5, 784).astype(">f4")),
    "transposed": IMAGES.transpose(0, 2, 1).copy().transpose(0, 2, 1),
    "not quite whole": np.clip(IMAGES + 0.25, 0, 255),
}
LISTS = {
    "rows": IMAGES.reshape(5, 784).tolist(),
    "images": IMAGES.tolist(),
    "tuples": tuple(tuple(map(tuple, image)) for image in IMAGES.tolist()),
    "floats": IMAGES.astype(float).tolist(),
    "arrays": list(IMAGES),
    "array rows": list(IMAGES.reshape(5, 784).astype(float)),
    "rows of scalars": [list(row) for row in IMAGES.reshape(5, 784)],
    "images of scalars": [[list(row) for row in image] for image in IMAGES.astype(np.float32)],
}


def read(data: bytes, tmp_path: Path, **sizes: int) -> np.ndarray:
    path = tmp_path / "dump"
    path.write_bytes(data)
    return read_dump(path, **sizes)


def check(found: np.ndarray) -> None:
    np.testing.assert_array_equal(found, IMAGES, strict=True)
    assert found.flags.c_contiguous
    assert found.flags.owndata or found.base.flags.owndata


@pytest.mark.parametrize("name", FORMS)
def test_pickled_arrays(name, tmp_path):
    for protocol in range(6):
        check(read(pickle.dumps(FORMS[name], protocol), tmp_path))


@pytest.mark.parametrize("name", FORMS)
def test_npy(name, tmp_path):
    for version in ((1, 0), (2, 0), (3, 0)):
        check(read(as_npy(FORMS[name], version), tmp_path))


@pytest.mark.parametrize("name", LISTS)
def test_lists(name, tmp_path):
    for protocol in range(6):
        check(read(pickle.dumps(LISTS[name], protocol), tmp_path))


def test_python_2(tmp_path):
    check(read(python2(IMAGES), tmp_path))
    check(read(python2(IMAGES.reshape(5, 784)), tmp_path))
    text = "".join("(l" + "".join(f"I{p}\na" for p in row) + "a" for row in LISTS["rows"])
    check(read(b"(l" + text.encode() + b".", tmp_path))


def test_npy_header_of_python_2(tmp_path):
    header = b"{'fortran_order': False, 'shape': (5L, 28L, 28L), 'descr': '|u1', }\n"
    raw = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + IMAGES.tobytes()
    check(read(raw, tmp_path))


def test_other_sizes(tmp_path):
    images = IMAGES[:, :4, :6].copy()
    for form in (images, images.reshape(5, 24), images.tolist()):
        found = read(pickle.dumps(form), tmp_path, height=4, width=6)
        np.testing.assert_array_equal(found, images, strict=True)


@pytest.mark.parametrize("value", [0, 2])
def test_images_of_one_dark_color_are_images(value, tmp_path):
    found = read(pickle.dumps(np.full((2, 28, 28), value)), tmp_path)
    np.testing.assert_array_equal(found, np.full((2, 28, 28), value, np.uint8), strict=True)


def test_the_value_is_left_alone():
    frozen = IMAGES.astype(float)
    frozen.flags.writeable = False
    found = to_images(frozen)
    found[:] = 0
    np.testing.assert_array_equal(frozen, IMAGES)
    again = to_images(IMAGES)
    assert not np.shares_memory(again, IMAGES)


def with_pixel(value, dtype=float) -> np.ndarray:
    images = IMAGES.astype(dtype)
    images[2, 3, 4] = value
    return images


BAD = {
    "NaN": (with_pixel(np.nan), "image 2 has a pixel of nan, expected 0..255"),
    "infinite": (with_pixel(np.inf), "image 2 has a pixel of inf"),
    "negative": (with_pixel(-1, np.int16), "image 2 has a pixel of -1"),
    "large": (with_pixel(256, np.uint16), "image 2 has a pixel of 256"),
    "scaled": (IMAGES / 255, "scaled to 0..1, expected 0..255: multiply by 255"),
    "scaled lists": ((IMAGES / 255).tolist(), "scaled to 0..1"),
    "black and white": (
        (IMAGES > 99).astype("i8"),
        "its largest pixel is 1: its images look scaled",
    ),
    "black and white floats": ((IMAGES > 99) * 1.0, "its largest pixel is 1.0"),
    "black and white lists": ((IMAGES > 99).astype("u1").tolist(), "its largest pixel is 1.0"),
    "nearly black": (with_pixel(1e-300) * (IMAGES < 0) + 1e-300, "its largest pixel is 1e-300"),
    "bool": (IMAGES > 99, "true and false, expected pixels in 0..255: multiply by 255"),
    "text": (IMAGES.astype("S3"), "dtype |S3"),
    "complex": (IMAGES.astype(complex), "'c16'"),
    "objects": (IMAGES.astype(object), "'O8'"),
    "dates": (IMAGES.astype("M8[s]"), "'M8"),
    "none": (IMAGES[:0], "no images"),
    "an empty list": ([], "no images"),
    "one image": (IMAGES[0], "shape (28, 28), expected (N, 784) or (N, 28, 28)"),
    "flat": (IMAGES.ravel(), "shape (3920,)"),
    "zero-dimensional": (np.array(7), "shape ()"),
    "size": (IMAGES[:, :, :27].copy(), "shape (5, 28, 27)"),
    "color": (np.stack([IMAGES] * 3, -1), "shape (5, 28, 28, 3)"),
    "channel first": (IMAGES[:, None], "shape (5, 1, 28, 28)"),
    "dict": ({"data": [1]}, "holds a dict, expected an array"),
    "number": (7, "holds a int"),
    "scalar": (np.float32(7), "holds a float32"),
    "list of text": ([["a"] * 784], "image 0 holds something other than numbers"),
    "list of bool": ([[True] * 784], "image 0 holds something other than numbers"),
    "list of None": ([None], "image 0 is a NoneType"),
    "ragged": ([[1] * 784, [1] * 783], "different shapes"),
    "ragged image": ([[[1] * 28] * 27 + [[1] * 27]], "image 0 has rows of different lengths"),
    "other rows": ([[[1] * 14] * 56], "shape (1, 56, 14)"),
    "empty rows": ([[], []], "shape (2, 0)"),
    "empty rows of rows": ([[[], []]], "shape (1, 0)"),
    "images and labels": ((IMAGES, np.arange(5)), "images and labels, (5, 28, 28) and (5,)"),
    "rows and one-hot": (
        [IMAGES.reshape(5, 784), np.arange(5)[:, None]],
        "images and labels, (5, 784) and (5, 1): expected the images alone",
    ),
    "rows of bool scalars": ([list(row) for row in IMAGES.reshape(5, 784) > 9], "other than num"),
    "too deep": ([[[[1]] * 28] * 28], "image 0 holds something other than numbers"),
    "giant integer": ([[10**400] * 784], "too large for a float"),
    "ragged arrays": ([IMAGES[0], IMAGES[0, 1:]], "different shapes"),
    "arrays of text": ([IMAGES[0].astype("S3")], "image 0 is a ndarray"),
}


def refused(data: bytes, tmp_path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(data, tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'dump'}: ")
    assert message.isprintable()
    return message


@pytest.mark.parametrize("name", BAD)
def test_bad_values(name, tmp_path):
    value, expected = BAD[name]
    assert expected in refused(pickle.dumps(value, 2), tmp_path)


@pytest.mark.parametrize("name", ["NaN", "scaled", "bool", "text", "complex", "none", "color"])
def test_bad_values_in_npy(name, tmp_path):
    value, expected = BAD[name]
    assert expected.strip("'") in refused(as_npy(value), tmp_path)


def npy(header: bytes, contents: bytes = IMAGES.tobytes()) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + contents


GOOD = b"{'descr': '|u1', 'fortran_order': False, 'shape': (5, 28, 28), }"
FILES = {
    "empty": (b"", "is empty"),
    "zip": (b"PK\x03\x04" + bytes(30), "is a zip or .npz archive"),
    "gzip": (b"\x1f\x8b\x08" + bytes(30), "is compressed by gzip"),
    "IDX": (struct.pack(">4I", 2051, 1, 28, 28) + bytes(784), "not a pickle"),
    "hostile": (b"cos\nsystem\n(S'touch sentinel'\ntR.", "refused: os.system"),
    "magic": (b"\x93NUMPY", "truncated"),
    "version": (b"\x93NUMPY\x09\x00" + bytes(30), "damaged .npy header"),
    "header cut": (npy(GOOD)[:40], "truncated"),
    "data cut": (npy(GOOD, bytes(3919)), "3920 bytes, but 3919 are there"),
    "more data": (npy(GOOD, bytes(3921)), "3920 bytes, but 3921 are there"),
    "claims more": (npy(GOOD.replace(b"5,", b"999999999,"), bytes(9)), "but 9 are there"),
    "claims too much": (npy(GOOD.replace(b"5,", b"9" * 30 + b",")), "impossible shape"),
    "claims digits": (npy(GOOD.replace(b"5,", b"9" * 5000 + b",")), "damaged .npy header"),
    "negative": (npy(GOOD.replace(b"5,", b"-5,")), "-3920 bytes, but"),
    "negative twice": (npy(GOOD.replace(b"5, 28", b"-5, -28")), "impossible shape"),
    "nothing of much": (npy(GOOD.replace(b"5,", b"0, " + b"9" * 30 + b","), b""), "impossible"),
    "signs": (npy(GOOD.replace(b"5,", b"-" * 9900 + b"5,")), "damaged .npy header"),
    "parentheses": (npy(GOOD.replace(b"5,", b"(" * 9900 + b"5,")), "damaged .npy header"),
    "objects": (npy(GOOD.replace(b"|u1", b"|O")), "dtype |O"),
    "structure": (npy(GOOD.replace(b"'|u1'", b"[('a', 'u1')]")), "dtype |V1"),
    "order": (npy(GOOD.replace(b"False", b"7")), "damaged .npy header"),
    "giant element": (npy(GOOD.replace(b"|u1", b"<U99999999")), "dtype <U99999999"),
    "code": (npy(b"__import__('os').system('touch sentinel')"), "damaged .npy header"),
    "long header": (npy(b" " * 20000 + GOOD), "damaged .npy header"),
}


@pytest.mark.parametrize("name", FILES)
def test_bad_files(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data, expected = FILES[name]
    assert expected in refused(data, tmp_path)
    assert not (tmp_path / "sentinel").exists()


def test_missing(tmp_path):
    with pytest.raises(InputError, match="none: there is no such file"):
        read_dump(tmp_path / "none")
    with pytest.raises(InputError, match="not a regular file"):
        read_dump(tmp_path)


@pytest.mark.parametrize("value", ["[IMAGES]", "[row] * n", "[rows]"])
def test_sharing_does_not_multiply_the_memory(value, tmp_path):
    row = [7] * 784
    shared = {
        "[IMAGES]": [IMAGES[0]] * 20_000,
        "[row] * n": [row] * 20_000,
        "[rows]": [[row[:28]] * 28] * 20_000,
    }[value]
    data = pickle.dumps(shared, 4)
    tracemalloc.start()
    assert "larger than its file" in refused(data, tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 2**26 + 40 * len(data)


SMALL = IMAGES[:2, :3, :2].copy()
SEEDS = [
    *(pickle.dumps(form, p) for p in range(6) for form in (SMALL, SMALL / 1.0, SMALL.tolist())),
    *(as_npy(form) for form in (SMALL, np.asfortranarray(SMALL.astype(">f4")))),
    python2(SMALL),
]


@settings(max_examples=250)
@given(st.data())
def test_mutated_dumps_are_read_or_refused(tmp_path_factory, data):
    raw = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes(raw)
    try:
        found = read_dump(path, 3, 2)
    except InputError as error:
        assert str(error).isprintable()  # noqa: PT017
    else:
        assert found.dtype == np.uint8
        assert found.shape[1:] == (3, 2)


@settings(max_examples=150)
@given(st.binary(max_size=100))
def test_arbitrary_npy_headers(data):
    for raw in (b"\x93NUMPY\x01\x00" + data, npy(data)):
        try:
            parse_npy(raw)
        except InputError as error:
            assert str(error).isprintable()  # noqa: PT017


REAL = Path(os.environ.get("FNN_DATA", "")) / "contest" / "le4MNIST_X.dump"


@pytest.mark.skipif(
    "FNN_DATA" not in os.environ or not REAL.exists(),
    reason="FNN_DATA names no directory with the contest's dump",
)
def test_the_real_dump():
    with REAL.open("rb") as file:
        expected = pickle.load(file, encoding="bytes").reshape(-1, 28, 28)
    found = read_dump(REAL)
    assert found.shape == (10000, 28, 28)
    np.testing.assert_array_equal(found, expected, strict=True)


def test_channels(tmp_path):
    images = np.arange(2 * 4 * 3 * 3, dtype=np.uint8).reshape(2, 4, 3, 3)
    for stored in (images, images.reshape(2, -1)):
        np.save(tmp_path / "x.npy", stored)
        found = read_dump(tmp_path / "x.npy", 4, 3, 3)
        np.testing.assert_array_equal(found, images, strict=True)
    np.save(tmp_path / "x.npy", images[..., 0])
    with pytest.raises(InputError, match=r"expected \(N, 36\) or \(N, 4, 3, 3\)"):
        read_dump(tmp_path / "x.npy", 4, 3, 3)
