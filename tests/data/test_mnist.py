"""Reading MNIST-like sets: every spelling, every kind of damage, and the real files."""

import gzip
import os
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnn.data import mnist
from fnn.data.mnist import check_idx, load_mnist, load_split
from fnn.errors import InputError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def header(magic: int, *shape: int) -> bytes:
    return struct.pack(f">I{len(shape)}I", magic, *shape)


def assert_same(found, expected) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == np.uint8


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("shape", [(28, 28), (6, 4), (1, 1)])
def test_every_spelling_and_size(root, tmp_path, write_set, suffix, dotted, shape):
    expected = write_set(tmp_path / "set", shape=shape, suffix=suffix, dotted=dotted)
    found = load_mnist(tmp_path / "set")
    assert_same(found.train, expected.train)
    assert_same(found.test, expected.test)


@pytest.mark.parametrize("batch", [1, 5, 12, 100])
def test_batches_leave_no_image_out(root, tmp_path, write_set, monkeypatch, batch):
    monkeypatch.setattr(mnist, "BATCH", batch)
    monkeypatch.setattr(mnist, "PARTS", 12)
    expected = write_set(tmp_path / "set")
    assert_same(load_mnist(tmp_path / "set").train, expected.train)


def test_plain_and_gz_side_by_side_and_an_unpacked_file_that_kept_its_name(
    root, tmp_path, write_set
):
    expected = write_set(tmp_path, suffix=".gz")
    packed = tmp_path / f"{IMAGES}.gz"
    packed.write_bytes(gzip.decompress(packed.read_bytes()))
    assert_same(load_split(tmp_path, "train"), expected.train)


def test_one_split_needs_only_its_own_files(root, tmp_path, write_set):
    expected = write_set(tmp_path)
    (tmp_path / IMAGES).unlink()
    assert_same(load_split(tmp_path, "test"), expected.test)
    with pytest.raises(InputError, match=IMAGES):
        load_mnist(tmp_path)


def test_none_is_mnist_below_the_data_root(root, write_set):
    expected = write_set(root / "mnist")
    assert_same(load_mnist().test, expected.test)


GOOD = header(0x803, 3, 2, 2) + bytes(12)
PACKED = gzip.compress(GOOD)
# what is in the images file, and words of the error
DAMAGE = {
    "nothing": (b"", "begins with nothing.*00000803"),
    "another magic": (header(0x801, 12) + bytes(12), "begins with 00000801.*00000803"),
    "a text": (b"<html>not found</html>", "begins with 3c68746d"),
    "half a header": (GOOD[:9], "header of 16 bytes.*found 9 bytes"),
    "one byte short": (GOOD[:-1], "3 x 2 x 2 of data.*found 27 bytes"),
    "one byte long": (GOOD + b"\0", "found 29 bytes"),
    "a header that claims 2**31": (header(0x803, 2**31, 28, 28) + bytes(99), "2147483648 x 28"),
    "no images": (header(0x803, 0, 28, 28), "the set is empty"),
    "no pixels": (header(0x803, 3, 0, 28), "the set is empty"),
    "gz cut off": (PACKED[:-9], "damaged gzip"),
    "gz cut off in its header": (PACKED[:5], "damaged gzip"),
    "gz with a flipped checksum": (PACKED[:-8] + b"\1\2\3\4" + PACKED[-4:], "damaged gzip"),
    "gz with noise": (PACKED[:10] + b"\xff" * 20, "damaged gzip"),
    "gz with a tail": (PACKED + b"tail", "damaged gzip"),
    "gz short": (gzip.compress(GOOD[:-1]), "found 27 bytes"),
    "gz long": (gzip.compress(GOOD + b"\0"), "found 29 bytes or more"),
    "gz that claims 2**31": (
        gzip.compress(header(0x803, 2**31, 28, 28)),
        "2147483648 x 28 x 28.*a gzip of only",
    ),
}


@pytest.mark.parametrize(("contents", "words"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_images_are_one_line_that_names_the_file(
    root, tmp_path, write_set, contents, words
):
    write_set(tmp_path, train=3)
    (tmp_path / IMAGES).write_bytes(contents)
    with pytest.raises(InputError, match=words) as error:
        load_split(tmp_path, "train")
    assert str(tmp_path / IMAGES) in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(root.rglob("*.u8"))


@pytest.mark.parametrize("claimed", [10, 250_000])
def test_a_gzip_bomb_is_refused_without_memory(tmp_path, claimed):
    path = tmp_path / f"{IMAGES}.gz"
    with gzip.open(path, "wb", compresslevel=1) as f:
        f.write(header(0x803, claimed, 28, 28))
        for _ in range(200):
            f.write(bytes(1 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=f"{claimed} x 28 x 28 of data, found"):
            check_idx(path, mnist.IMAGES)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=200))
def test_any_bytes_give_dimensions_that_fit_or_an_input_error(tmp_path_factory, contents):
    path = tmp_path_factory.getbasetemp() / "any"
    for start in (b"", header(0x801), header(0x803), b"\x1f\x8b\x08\0\0\0\0\0\0\3"):
        path.write_bytes(start + contents)
        for magic in (mnist.IMAGES, mnist.LABELS):
            try:
                shape = check_idx(path, magic)
            except InputError:
                continue
            assert 0 < np.prod(shape, dtype=object) <= len(start + contents) * mnist.GROWTH


def test_counts_that_differ_name_both_numbers(root, tmp_path, write_set):
    write_set(tmp_path)
    (tmp_path / LABELS).write_bytes(header(0x801, 11) + bytes(11))
    with pytest.raises(InputError, match=r"11 labels, expected 12.*train-images"):
        load_split(tmp_path, "train")


def test_sizes_that_differ_between_training_and_test(root, tmp_path, write_set):
    write_set(tmp_path, shape=(5, 5))
    for stem in (IMAGES, LABELS):
        (tmp_path / stem).rename(tmp_path / f"kept-{stem}")
    write_set(tmp_path, shape=(6, 4))
    for stem in (IMAGES, LABELS):
        (tmp_path / f"kept-{stem}").replace(tmp_path / stem)
    with pytest.raises(InputError, match="5 x 5, test images 6 x 4"):
        load_mnist(tmp_path)


def test_a_missing_directory_and_one_without_files_say_what_to_put_there(root, tmp_path):
    with pytest.raises(InputError, match=r"no such directory.*t10k-labels-idx1-ubyte"):
        load_mnist(tmp_path / "nowhere")
    with pytest.raises(InputError, match=f"no {IMAGES} in it"):
        load_mnist(tmp_path)


def test_two_first_time_parsers_both_succeed(root, tmp_path, write_set):
    write_set(tmp_path / "set", train=2000, shape=(28, 28))
    program = (
        "import sys; from fnn.data.mnist import load_mnist;"
        "data = load_mnist(sys.argv[1]); print(data.train.images.sum(), data.test.labels.sum())"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", program, tmp_path / "set"],
            cwd=Path(mnist.__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    outcomes = {(*run.communicate(timeout=60), run.returncode) for run in runs}
    expected = load_mnist(tmp_path / "set")
    sums = f"{expected.train.images.sum()} {expected.test.labels.sum()}\n"
    assert outcomes == {(sums, "", 0)}
    assert len(list((root / ".parsed").iterdir())) == 2


REAL = Path(os.environ.get("FNN_DATA", "")) / "mnist"
COUNTS = {
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}


@pytest.mark.skipif(
    "FNN_DATA" not in os.environ or not mnist.has_mnist(REAL),
    reason="FNN_DATA names no directory with the real MNIST",
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_the_real_mnist_is_read_byte_for_byte(tmp_path, split):
    images, labels = load_split(REAL, split, root=tmp_path)
    assert np.bincount(labels).tolist() == COUNTS[split]
    source = mnist.require(REAL, mnist.FILES[split][0])
    contents = source.read_bytes()
    if source.suffix == ".gz":
        contents = gzip.decompress(contents)
    assert contents[16:] == images.tobytes()
    assert images.shape == (sum(COUNTS[split]), 28, 28)
