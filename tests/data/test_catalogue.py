"""What `--data` means, and what happens where the data are not there."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from fnn.data import catalogue, cifar, download, mirrors, mnist
from fnn.data.catalogue import KNOWN, open_data
from fnn.data.dataset import Split
from fnn.data.download import DownloadError
from fnn.data.mirrors import Remote, RemoteFile
from fnn.errors import InputError

NOWHERE = ("http://127.0.0.1:9/",)  # discard: nothing listens there


def silent(line: str) -> None:
    raise AssertionError(f"nothing was to be said, but: {line}")


def assert_same(found: Split, expected: Split) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setenv("no_proxy", "*")
    for name, remote in mirrors.SETS.items():
        monkeypatch.setitem(mirrors.SETS, name, remote._replace(mirrors=NOWHERE))


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_a_name_is_the_set_in_the_data_root(root, write_set, name):
    expected = write_set(root / name)
    source = open_data(name, say=silent)
    assert source.name == name
    assert_same(source.data.train, expected.train)
    assert_same(source.data.test, expected.test)
    assert len(source.classes) == 10
    assert (source.classes[7] == "7") == (name == "mnist")
    assert_same(open_data(name, "test", silent).data, expected.test)


@pytest.mark.parametrize("split", ["train", "test"])
def test_one_split_needs_no_files_of_the_other(root, write_set, split):
    expected = write_set(root / "mnist")
    for other in {"train", "test"} - {split}:
        for stem in mnist.FILES[other]:
            (root / "mnist" / stem).unlink()
    assert_same(open_data("mnist", split, silent).data, getattr(expected, split))
    assert_same(open_data(None, split, silent).data, getattr(expected, split))


def test_a_name_wins_over_a_directory_and_a_dot_means_the_directory(
    tmp_path, monkeypatch, write_set
):
    monkeypatch.chdir(tmp_path)
    expected = write_set(Path("digits"), classes=3)
    assert open_data("digits", "test", silent).data.images.shape == (5000, 28, 28)
    for choice in ("./digits", str(tmp_path / "digits"), "digits/"):
        source = open_data(choice, say=silent)
        assert_same(source.data.test, expected.test)
        assert (source.name, source.classes) == (choice, ("0", "1", "2"))


@pytest.mark.parametrize(
    "choice", ["", "nonsense", "./digits", "empty", "MNIST", "a\nb", "x\0", "x" * 5000]
)
def test_what_means_nothing_lists_the_names(tmp_path, monkeypatch, choice):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    with pytest.raises(InputError) as error:
        open_data(choice)
    line = str(error.value)
    assert repr(choice) in line
    assert "\n" not in line
    assert ("holds neither" in line) == (choice == "empty")
    for name in KNOWN:
        assert name in line


BAD_ROOTS = {
    "a file": ("file", "file is not a directory"),
    "below a file": ("file/x", "file is not a directory"),
    "a device": ("/dev/null", "/dev/null is not a directory"),
    "a link to nothing": ("dangling", "dangling is not a directory"),
    "too long": ("x" * 5000, "File name too long"),
}


@pytest.mark.parametrize("choice", [None, "mnist", "fashion-mnist", "cifar10"])
@pytest.mark.parametrize(("chosen", "why"), BAD_ROOTS.values(), ids=BAD_ROOTS)
def test_an_fnn_data_where_nothing_can_be_kept_is_named(tmp_path, monkeypatch, choice, chosen, why):
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("absent")
    monkeypatch.setenv("FNN_DATA", str(tmp_path / chosen))
    with pytest.raises(InputError, match=rf"FNN_DATA is '[^']*{chosen}'.*{why}") as error:
        open_data(choice, "test", silent)
    assert not isinstance(error.value, DownloadError)
    assert "set it to a directory" in str(error.value)


def test_an_fnn_data_that_cannot_be_written_to_is_named_where_it_lacks_the_set(
    root, monkeypatch, write_set
):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(InputError, match=f"FNN_DATA is '{root}'.*{root} cannot be written to"):
        open_data(None, "test", silent)
    expected = write_set(root / "mnist")
    assert_same(open_data(None, "test", silent).data, expected.test)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_a_named_set_is_never_replaced(root, name):
    with pytest.raises(DownloadError, match=f"{name} could not be downloaded.*--data"):
        open_data(name, say=silent)
    assert not list(root.iterdir())


@pytest.mark.parametrize("name", ["digits", "colors"])
def test_synthetic_sets_are_built_in(monkeypatch, name):
    assert catalogue.SYNTHETIC_SIZES == {"train": 20_000, "test": 5_000}
    monkeypatch.setitem(catalogue.SYNTHETIC_SIZES, "train", 300)
    monkeypatch.setitem(catalogue.SYNTHETIC_SIZES, "test", 200)
    source = open_data(name, say=silent)
    (x, labels), (x_test, labels_test) = source.data
    assert (len(x), len(labels), len(x_test), len(labels_test)) == (300, 300, 200, 200)
    assert len(source.classes) == len(set(source.classes)) == labels.max() + 1
    assert not np.array_equal(x[:200], x_test)
    assert_same(open_data(name, "train").data, source.data.train)


def test_an_old_name_means_the_set_by_its_new_name():
    old, new = (open_data(name, "test", silent) for name in ("colours", "colors"))
    assert old.name == new.name == "colors"
    assert_same(old.data, new.data)


def test_without_any_mnist_the_digits_serve_and_one_line_says_so(root, capsys):
    source = open_data(None, "test")
    assert source.name == "digits"
    assert_same(source.data, open_data("digits", "test").data)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    for word in ("MNIST", "synthetic digits", str(root / "mnist")):
        assert word in err
    assert not list(root.iterdir())


def test_without_a_choice_a_damaged_or_half_mnist_is_an_error(root, write_set):
    write_set(root / "mnist")
    path = root / "mnist" / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=str(path)):
        open_data(None, say=silent)
    path.unlink()
    with pytest.raises(DownloadError, match=r"put t10k-images-idx3-ubyte\.gz into"):
        open_data(None, say=silent)


def test_labels_beyond_the_classes_are_an_error_in_a_named_set_only(root, write_set):
    write_set(root / "mnist", train=12, classes=12)
    with pytest.raises(InputError, match="a label is 11, expected 0 to 9"):
        open_data("mnist")
    assert open_data(str(root / "mnist")).classes == tuple(map(str, range(12)))


@pytest.mark.parametrize("choice", ["mnist", None])
def test_what_is_missing_is_downloaded_once(root, tmp_path, write_set, monkeypatch, choice):
    """The server is a stand-in here; test_download.py has a real one."""
    expected = write_set(tmp_path / "server")
    files = []
    for path in sorted((tmp_path / "server").iterdir()):
        packed = gzip.compress(path.read_bytes(), mtime=0)
        (tmp_path / "server" / f"{path.name}.gz").write_bytes(packed)
        digest = hashlib.sha256(packed).hexdigest()
        files.append(RemoteFile(f"{path.name}.gz", len(packed), digest))
    monkeypatch.setitem(mirrors.SETS, "mnist", Remote("mnist", tuple(files), NOWHERE))
    fetched: list[list[str]] = []

    def fetch(remote: Remote, directory: Path) -> None:
        fetched.append([file.name for file in remote.files])
        directory.mkdir(exist_ok=True)
        for file in remote.files:
            (directory / file.name).write_bytes((tmp_path / "server" / file.name).read_bytes())

    monkeypatch.setattr(download, "fetch", fetch)
    for _ in range(2):
        assert_same(open_data(choice, say=silent).data.train, expected.train)
    (root / "mnist" / files[1].name).unlink()
    assert_same(open_data(choice, say=silent).data.test, expected.test)
    assert fetched == [[file.name for file in files], [files[1].name]]


@pytest.mark.parametrize("place", ["cifar-10-batches-py", "cifar-10-python.tar.gz"])
@pytest.mark.parametrize("named", [True, False])
def test_cifar10_as_a_directory_or_an_archive_is_read_once(root, monkeypatch, place, named):
    """The reader is a stand-in here; test_cifar.py has the real one."""
    rng = np.random.default_rng(0)
    splits = {
        name: Split(rng.integers(0, 256, (n, 32, 32, 3), np.uint8), np.arange(n, dtype=np.uint8))
        for name, n in (("train", 10), ("test", 4))
    }
    asked: list[tuple[Path, str]] = []

    def load_split(path: Path, split: str, kind: cifar.Cifar) -> Split:
        assert kind is cifar.CIFAR10
        asked.append((path, split))
        return splits[split]

    monkeypatch.setattr(cifar, "load_split", load_split)
    if place.endswith("gz"):
        (root / place).write_bytes(b"archive")
    else:
        (root / place).mkdir()
        for name in ("test_batch", *(f"data_batch_{i}" for i in range(1, 6))):
            (root / place / name).write_bytes(b"batch")
    choice = "cifar10" if named else str(root / place)
    assert_same(open_data(choice, "test", silent).data, splits["test"])
    for _ in range(2):
        source = open_data(choice, say=silent)
        assert_same(source.data.train, splits["train"])
        assert_same(source.data.test, splits["test"])
        assert source.classes == cifar.CLASSES
    assert asked == [(root / place, "test"), (root / place, "train")]


def test_cifar10_with_a_batch_missing_is_an_error_that_names_it(root):
    (root / "cifar-10-batches-py").mkdir()
    (root / "cifar-10-batches-py" / "test_batch").write_bytes(b"")
    with pytest.raises(InputError, match="data_batch_1"):
        open_data("cifar10", "train", silent)


def test_every_name_has_a_line_of_help():
    assert list(KNOWN) == ["mnist", "fashion-mnist", "cifar10", "cifar100", "digits", "colors"]
    for known in KNOWN.values():
        assert 10 < len(known.about) < 80
    assert catalogue.data_root().name == "root"
