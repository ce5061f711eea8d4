"""CIFAR-10 from directories and archives, and one line for what is missing or damaged."""

import gzip
import io
import os
import pickle
import struct
import tarfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnn.data.catalogue import open_data
from fnn.data.cifar import CIFAR100, CLASSES, load_cifar10, load_split
from fnn.errors import InputError
from fnn.files.tar import tar_files

NAMES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
SIZES = [3, 1, 2, 4, 2, 5]
RNG = np.random.default_rng(8)
PIXELS = [RNG.integers(0, 256, (n, 3, 32, 32), np.uint8) for n in SIZES]
LABELS = [RNG.integers(0, 10, n).tolist() for n in SIZES]


def python2(value) -> bytes:
    """The opcodes by which Python 2.7 pickles a batch, protocol 2."""
    if isinstance(value, bytes):
        return b"T" + struct.pack("<I", len(value)) + value
    if isinstance(value, int):
        return b"K" + bytes([value])
    if isinstance(value, list):
        return b"](" + b"".join(map(python2, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(python2(k) + python2(v) for k, v in value.items()) + b"u"
    shape = b"".join(b"M" + struct.pack("<H", n) for n in value.shape)
    return (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87R"
        b"(K\x01(" + shape + b"tcnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff"
        b"\xffJ\xff\xff\xff\xffK\x00tb\x89" + python2(value.tobytes()) + b"tb"
    )


def batch(i: int) -> dict:
    return {b"batch_label": b"x", b"labels": LABELS[i], b"data": PIXELS[i].reshape(-1, 3072)}


BATCHES = {name: b"\x80\x02" + python2(batch(i)) + b"." for i, name in enumerate(NAMES)}


def write_folder(folder: Path, files: dict[str, bytes] = BATCHES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def write_tar(path: Path, files: dict[str, bytes] = BATCHES, **options) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w", **options) as tar:
        add(tar, "cifar-10-batches-py", None, type=tarfile.DIRTYPE)
        for name, data in {"batches.meta": b"no pickle", **files, "readme.html": b"x"}.items():
            add(tar, f"cifar-10-batches-py/{name}", data)
    return path


def add(tar: tarfile.TarFile, name: str, data: bytes | None, **fields) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data or b"")
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(data or b""))


def check(split, pixels, labels) -> None:
    np.testing.assert_array_equal(split.images, pixels.transpose(0, 2, 3, 1), strict=True)
    np.testing.assert_array_equal(split.labels, np.asarray(labels, np.uint8), strict=True)
    assert split.images.flags.c_contiguous


def check_all(dataset) -> None:
    check(dataset.train, np.concatenate(PIXELS[:5]), np.concatenate(LABELS[:5]))
    check(dataset.test, PIXELS[5], LABELS[5])


def test_the_names():
    assert len(CLASSES) == 10
    assert CLASSES[0] == "airplane"
    assert CLASSES[9] == "truck"


def test_a_directory(tmp_path):
    folder = write_folder(tmp_path / "cifar-10-batches-py")
    for source in (folder, str(folder), tmp_path):
        check_all(load_cifar10(source))
        check(load_split(source, "test"), PIXELS[5], LABELS[5])
        check(load_split(source, "train"), np.concatenate(PIXELS[:5]), np.concatenate(LABELS[:5]))


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_an_archive(tmp_path, suffix, kind):
    archive = write_tar(tmp_path / f"cifar{suffix}", format=kind)
    check_all(load_cifar10(archive))
    check(load_split(archive, "test"), PIXELS[5], LABELS[5])
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


def test_any_order_and_extended_headers(tmp_path):
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in reversed(BATCHES.items()):
            add(tar, name, data, mtime=1.5, pax_headers={"comment": "ü" * 2000})
    check_all(load_cifar10(path))


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("folder", ["a" * 99, "b" * 120, "c/" * 50 + "d" * 40])
def test_long_paths(tmp_path, kind, folder):
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w", format=kind) as tar:
        for name, data in {f"{folder[:60]}/{'e' * 90}": b"no batch", **BATCHES}.items():
            add(tar, name if "/" in name else f"{folder}/{name}", data)
    check_all(load_cifar10(path))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("text", [False, True])
def test_pickles_of_python_3(tmp_path, protocol, text):
    files = {}
    for i, name in enumerate(NAMES):
        value = {(key.decode() if text else key): part for key, part in batch(i).items()}
        files[name] = pickle.dumps(value, protocol)
    check_all(load_cifar10(write_folder(tmp_path, files)))


@pytest.mark.parametrize("labels", [tuple, np.array, lambda x: np.array(x, ">u2")])
def test_other_labels_and_orders(tmp_path, labels):
    files = {
        name: pickle.dumps(
            {"data": np.asfortranarray(PIXELS[i].reshape(-1, 3072)), "labels": labels(LABELS[i])}
        )
        for i, name in enumerate(NAMES)
    }
    check_all(load_cifar10(write_folder(tmp_path, files)))


DATA = PIXELS[0].reshape(-1, 3072)
BAD = {
    "no dict": ([1], "holds a list, expected a dict"),
    "no data": ({"labels": [1, 2, 3]}, "its data is NoneType, expected uint8 (N, 3072)"),
    "no labels": ({"data": DATA}, "labels are not a list of integers"),
    "CIFAR-100": ({"data": DATA, "fine_labels": [1, 2, 3]}, "labels are not a list"),
    "columns": ({"data": DATA[:, :-1], "labels": [1, 2, 3]}, "uint8 (3, 3071), expected uint8"),
    "axes": ({"data": PIXELS[0], "labels": [1, 2, 3]}, "uint8 (3, 3, 32, 32)"),
    "dtype": ({"data": DATA.astype(float), "labels": [1, 2, 3]}, "float64 (3, 3072)"),
    "fewer": ({"data": DATA, "labels": [1, 2]}, "3 images but 2 labels"),
    "large": ({"data": DATA, "labels": [1, 2, 10]}, "labels from 1 to 10, expected 0..9"),
    "negative": ({"data": DATA, "labels": [1, 2, -1]}, "labels from -1 to 2"),
    "huge": ({"data": DATA, "labels": [1, 2, 10**12]}, "labels from 1 to 1000000000000"),
    "float": ({"data": DATA, "labels": [1, 2, 3.0]}, "labels are not a list of integers"),
    "bool": ({"data": DATA, "labels": [1, 2, True]}, "labels are not a list of integers"),
    "2-d labels": ({"data": DATA, "labels": np.ones((3, 1), int)}, "labels are not a list"),
    "empty": ({"data": DATA[:0], "labels": []}, "no images"),
}


def refused(source: Path, which: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        load_split(source, which) if which else load_cifar10(source)
    message = str(caught.value)
    assert message.startswith(str(source))
    assert message.isprintable()
    return message


@pytest.mark.parametrize("name", BAD)
def test_bad_batches(tmp_path, name):
    value, expected = BAD[name]
    files = {**BATCHES, "data_batch_3": pickle.dumps(value)}
    for source in (write_folder(tmp_path / "folder", files), write_tar(tmp_path / "x.tar", files)):
        message = refused(source)
        assert "data_batch_3: " in message
        assert expected in message


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_or_damaged_batch(tmp_path, name):
    rest = {other: data for other, data in BATCHES.items() if other != name}
    folder = write_folder(tmp_path / "folder", rest)
    assert name in refused(folder)
    assert name in refused(write_tar(tmp_path / "x.tar.gz", rest))
    # the other split can be had
    other = load_split(folder, "train" if name == "test_batch" else "test")
    assert len(other.labels) == (12 if name == "test_batch" else 5)
    (folder / name).write_bytes(BATCHES[name][:-50])
    assert f"{name}: is truncated" in refused(folder)
    (folder / name).write_bytes(b"cos\nsystem\n(S'ls'\ntR.")
    assert f"{name}: refused: os.system" in refused(folder)


def test_bad_sources(tmp_path):
    assert "does not exist" in refused(tmp_path / "none")
    assert "has no data_batch_1, data_batch_2" in refused(tmp_path)
    with pytest.raises(InputError, match="the split is 'validation'"):
        load_split(tmp_path, "validation")
    for data in (b"", bytes(1024)):
        (tmp_path / "x").write_bytes(data)
        assert "has no data_batch_1" in refused(tmp_path / "x")
    for data in (b"x" * 600, b"\x1f\x8b", gzip.compress(b"x" * 600), BATCHES["test_batch"]):
        (tmp_path / "x").write_bytes(data)
        assert "not a tar archive" in (message := refused(tmp_path / "x")) or "cannot" in message


def test_only_plain_files_count(tmp_path):
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as tar:
        add(tar, "data_batch_1", None, type=tarfile.SYMTYPE, linkname="/etc/passwd")
        add(tar, "data_batch_2", None, type=tarfile.LNKTYPE, linkname="../x")
        add(tar, "data_batch_3", None, type=tarfile.FIFOTYPE)
        add(tar, "../../data_batch_4x", b"x")
    assert "has no data_batch_1, data_batch_2, data_batch_3, data_batch_4" in refused(path)
    # a path that leads elsewhere is nothing but a name, since nothing is written
    with tarfile.open(path, "w") as tar:
        for name, data in BATCHES.items():
            add(tar, f"/../../tmp/{name}", data)
    check_all(load_cifar10(path))


def test_archives_that_claim_too_much(tmp_path):
    path = write_tar(tmp_path / "x.tar.gz")
    good = gzip.decompress(path.read_bytes())
    twice = tmp_path / "twice.tar"
    with tarfile.open(twice, "w") as tar:
        for name in ("test_batch", "test_batch"):
            add(tar, name, BATCHES[name])
    assert "test_batch is too large or occurs twice" in refused(twice, "test")
    big = tarfile.TarInfo("test_batch")
    for size, expected in ((2**27, "too large"), (2**32, "unpacks to more"), (2**26, "truncated")):
        big.size = size
        path.write_bytes(gzip.compress(big.tobuf() + bytes(2000)))
        assert expected in refused(path, "test")
    # an extended header may claim any size; it is skipped in pieces
    extended = tarfile.TarInfo("x")
    extended.type, extended.size = tarfile.XHDTYPE, 2**26
    path.write_bytes(gzip.compress(extended.tobuf() + bytes(2**26) + good, 1))
    tracemalloc.start()
    check(load_split(path, "test"), PIXELS[5], LABELS[5])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23
    path.write_bytes(gzip.compress(good)[:-400])
    assert "x.tar.gz: " in refused(path)


@settings(max_examples=100)
@given(st.data())
def test_mutated_archives_are_read_or_refused(tmp_path_factory, data):
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        add(tar, "a/x", b"123")
        add(tar, "b/y", b"4" * 600)
    raw = bytearray(plain.getvalue()[:4096])
    zipped = data.draw(st.sampled_from(["before", "after", "never"]))
    if zipped == "before":
        raw = bytearray(gzip.compress(raw))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes(gzip.compress(raw) if zipped == "after" else raw)
    try:
        for name, contents in tar_files(path, ("x", "y"), 1000, 10_000):
            assert name in ("x", "y")
            assert len(contents) <= 1000
    except InputError as error:
        assert str(error).isprintable()  # noqa: PT017


REAL = Path(os.environ.get("FNN_DATA", "")) / "cifar-10-batches-py"


@pytest.mark.skipif(
    "FNN_DATA" not in os.environ or not (REAL / "test_batch").exists(),
    reason="FNN_DATA names no directory with CIFAR-10",
)
def test_the_real_set():
    dataset = load_cifar10(REAL)
    assert dataset.train.images.shape == (50000, 32, 32, 3)
    assert dataset.test.images.shape == (10000, 32, 32, 3)
    for split, n in zip(dataset, (5000, 1000), strict=True):
        assert np.bincount(split.labels).tolist() == [n] * 10
    # ships lie on blue water, frogs do not
    means = [dataset.test.images[dataset.test.labels == k].mean((0, 1, 2)) for k in (8, 6)]
    assert means[0][2] > means[0][0]
    assert means[1][2] < means[1][0]


def batch_100(pixels, labels) -> bytes:
    fields = {b"fine_labels": labels, b"coarse_labels": [0] * len(labels)}
    return pickle.dumps({**fields, b"data": pixels.reshape(-1, 3072)}, 2)


@pytest.mark.parametrize("packed", [False, True])
def test_cifar_100(tmp_path, monkeypatch, packed):
    monkeypatch.setenv("FNN_DATA", str(tmp_path))
    labels = [99, 0, 57]
    files = {"train": batch_100(PIXELS[0], labels), "test": batch_100(PIXELS[1], [3]), "meta": b""}
    if packed:
        write_tar(tmp_path / "cifar-100-python.tar.gz", files)
    else:
        write_folder(tmp_path / "cifar-100-python", files)
    place = next(tmp_path.iterdir())
    for choice in ("cifar100", str(place)):
        source = open_data(choice)
        check(source.data.train, PIXELS[0], labels)
        check(source.data.test, PIXELS[1], [3])
        assert len(source.classes) == len(set(source.classes)) == 100
        assert [source.classes[i] for i in labels] == ["worm", "apple", "pear"]
    bad = {**files, "train": batch_100(PIXELS[0], [1, 2, 100])}
    folder = write_folder(tmp_path / "bad", bad)
    with pytest.raises(InputError, match=r"train: has labels from 1 to 100, expected 0\.\.99"):
        load_split(folder, "train", CIFAR100)
    (folder / "train").unlink()
    with pytest.raises(InputError, match="bad: has no train; expected all files of cifar-100"):
        open_data(str(folder))
    assert len(open_data(str(folder), "test").data.labels) == 1
