"""Data sets as .npz files: names, shapes, dtypes, and what is refused."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from fnn.data.catalogue import open_data
from fnn.data.reading import Reading
from fnn.errors import InputError

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (12, 5, 4), np.uint8)
Y = np.arange(12) % 3
KERAS = {"x_train": X, "y_train": Y, "x_test": X[:5], "y_test": Y[:5]}


def write(path, save=np.savez, **arrays):
    save(path, **arrays)
    return str(path)


def same(split, x, y):
    np.testing.assert_array_equal(split.images, x)
    np.testing.assert_array_equal(split.labels, y)
    assert split.images.dtype == split.labels.dtype == np.uint8


@pytest.fixture
def path(root, tmp_path):
    return tmp_path / "set.npz"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_names_of_keras_and_medmnist_or_others(path, save):
    for names in (
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("file", "b", "c/d", "e"),
    ):
        arrays = dict(zip(names, KERAS.values(), strict=True))
        reading = Reading(arrays=names) if names[0] == "file" else Reading()
        with open(path, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for name, array in {"val_images": X, **arrays}.items():
                data = io.BytesIO()
                np.save(data, array)
                archive.writestr(f"{name}.npy", data.getvalue(), 8 if save is not np.savez else 0)
        for _ in range(2):  # the second time, from the cache
            source = open_data(str(path), reading=reading)
            same(source.data.train, X, Y)
            same(source.data.test, X[:5], Y[:5])
            assert source.classes == ("0", "1", "2")


def test_two_arrays_of_which_a_share_is_held_out(path):
    reading = Reading(arrays=("x", "y"), test_share=0.5)
    source = open_data(write(path, x=X, y=Y), reading=reading)
    assert np.bincount(source.data.test.labels).tolist() == [2, 2, 2]
    every = np.concatenate([split.images for split in source.data])
    assert sorted(i.tobytes() for i in every) == sorted(i.tobytes() for i in X)
    same(open_data(str(path), "test", reading=reading).data, *source.data.test)


IMAGES = {
    "int64": (X.astype(int), X),
    "uint16, swapped": (X.astype(">u2"), X),
    "floats": (X.astype(np.float32) + np.float32(0.4) * (X < 255), X),
    "0..1": (X / 255, X),
    "0..1, half": ((X / 255).astype(np.float32), X),
    "Fortran": (np.asfortranarray(X), X),
    "color": (np.stack([X] * 3, axis=-1), np.stack([X] * 3, axis=-1)),
    "five channels": (np.stack([X] * 5, axis=-1), np.stack([X] * 5, axis=-1)),
}


@pytest.mark.parametrize(("x", "expected"), IMAGES.values(), ids=IMAGES)
def test_images(path, x, expected):
    said = []
    found = open_data(write(path, x_train=x, y_train=Y, x_test=x, y_test=Y), "train", said.append)
    same(found.data, expected, Y)
    assert len(said) == (x.max() <= 1)
    assert all("multiplied by 255" in line for line in said)


LABELS = {
    "bytes": Y.astype(np.uint8),
    "a column": Y[:, None],
    "one-hot": np.eye(3)[Y],
    "one-hot bool": np.eye(3, dtype=bool)[Y],
}


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
def test_labels(path, y):
    found = open_data(write(path, x_train=X, y_train=y, x_test=X, y_test=y), "train")
    same(found.data, X, Y)


def test_gaps_between_labels(path):
    source = open_data(write(path, **{**KERAS, "y_train": Y * 20, "y_test": Y[:5] * 20}))
    assert len(source.classes) == 41


REFUSED = {
    "negative": ({"y_train": Y - 1}, "y_train: has labels from -1 to 1; expected 0..255"),
    "large": ({"y_train": Y + 254}, "y_train: has labels from 254 to 256"),
    "floats": ({"y_train": Y + 0.5}, "y_train: has elements of dtype float64; expected integers"),
    "two hot": ({"y_train": np.ones((12, 3))}, "y_train: .*rows .N, K. of one 1"),
    "label axes": ({"y_train": np.ones((12, 1, 1), int)}, r"y_train: has the shape \(12, 1, 1\)"),
    "a label": ({"y_train": np.array(1)}, r"y_train: has the shape \(\)"),
    "lengths": ({"y_train": Y[:-1]}, "12 images in x_train, 11 labels in y_train"),
    "no images": ({"x_train": X[:0], "y_train": Y[:0]}, r"x_train: has the shape \(0, 5, 4\)"),
    "flat": ({"x_train": X.reshape(12, 20)}, r"x_train: has the shape \(12, 20\); expected images"),
    "channels first": ({"x_train": np.ones((12, 3, 9, 9))}, r"channels first.*x\.transpose\(0, 2"),
    "channels": ({"x_train": np.ones((12, 9, 9, 17))}, "C at most 16"),
    "NaN": ({"x_train": np.where(X > 200, np.nan, X / 2)}, "x_train: image 0 has a pixel of nan"),
    "too bright": ({"x_train": X.astype(int) * 2}, "has a pixel of .* expected 0..255"),
    "below 0": ({"x_train": X - 1.0}, "has a pixel of -1"),
    "bool": ({"x_train": X > 9}, "true and false, expected pixels"),
    "text": ({"x_train": X.astype(str)}, "x_train: holds elements of dtype <U3"),
    "objects": ({"x_train": X.astype(object)}, "x_train: holds elements of dtype |O"),
    "complex": ({"x_train": X * 1j}, "x_train: holds elements of dtype <c16"),
}


@pytest.mark.parametrize(("arrays", "words"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_refused_arrays(path, arrays, words, save):
    with pytest.raises(InputError, match=words) as error:
        open_data(write(path, save, **{**KERAS, **arrays}))
    assert str(error.value).startswith(f"{path}: ")
    assert str(error.value).isprintable()


def test_missing_names(path):
    write(path, x_train=X, y_train=Y)
    with pytest.raises(InputError, match=r"has x_train, y_train; expected x_train, .*--arrays"):
        open_data(str(path))
    with pytest.raises(InputError, match="no images; choose with --arrays"):
        open_data(str(path), reading=Reading(arrays=("images", "y_train")))
    with pytest.raises(InputError, match="two or four names"):
        open_data(str(path), reading=Reading(arrays=("x_train",)))
    with pytest.raises(InputError, match=r"--test-share: .* of its own"):
        open_data(write(path, **KERAS), reading=Reading(test_share=0.5))
    with pytest.raises(InputError, match=r"--colors: .* a directory of pictures"):
        open_data(str(path), reading=Reading(colors="rgb"))


def test_damaged_files(path):
    write(path, np.savez_compressed, **KERAS)
    whole = path.read_bytes()
    for data in (b"", b"PK\x03\x04", b"text", whole[:-1], whole[: len(whole) // 2]):
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"set\.npz: it is damaged"):
            open_data(str(path))
    damaged = bytearray(whole)
    damaged[200] ^= 255
    path.write_bytes(damaged)
    with pytest.raises(InputError, match=r"set\.npz: "):
        open_data(str(path))


def test_bombs(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in KERAS:
            archive.writestr(f"{name}.npy", bytes(1 << 26))
    tracemalloc.start()
    with pytest.raises(InputError, match="its arrays claim 134217728 bytes"):
        open_data(str(path))
    # a header that understates it: no more than that is inflated
    data = path.read_bytes().replace((1 << 26).to_bytes(4, "little"), (64).to_bytes(4, "little"))
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"set\.npz: "):
        open_data(str(path))
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name in KERAS:
            archive.writestr(f"{name}.npy", b"x")
    with pytest.raises(InputError, match="compressed in another way"):
        open_data(str(path))
