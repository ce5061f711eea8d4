"""The cache of parsed arrays: hit, stale, damaged, interrupted, unwritable."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fnn.data.cache import cached, data_root
from fnn.data.dataset import Split
from fnn.errors import InputError

SPLIT = Split(np.arange(24, dtype=np.uint8).reshape(4, 3, 2), np.array([7, 0, 255, 1], np.uint8))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"source")
    return path


def load(root: Path, source: Path, split: Split = SPLIT) -> tuple[bool, list[str]]:
    """Whether `cached` had to parse, and what it said; its result is compared with `split`."""
    parsed: list[bool] = []
    said: list[str] = []

    def parse() -> Split:
        parsed.append(True)
        return split

    found = cached(root, [source], parse, "tag", said.append)
    for a, b in zip(found, split, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == np.uint8
    return bool(parsed), said


def kept(root: Path) -> Path:
    (file,) = (root / ".parsed").iterdir()
    return file


def test_the_second_time_nothing_is_parsed(root, source):
    assert load(root, source) == (True, [])
    assert load(root, source) == (False, [])


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 28, 28), (2, 5, 4, 3), (300, 1, 2)])
def test_any_shape_and_memory_order_comes_back(root, source, shape):
    images = np.asarray(np.arange(np.prod(shape)).reshape(shape[::-1]).T % 251, np.uint8)
    split = Split(images, np.zeros(shape[0], np.uint8))
    assert load(root, source, split)[0]
    assert not load(root, source, split)[0]


@pytest.mark.parametrize("change", ["size", "time", "name"])
def test_a_changed_source_is_parsed_again(root, source, change):
    load(root, source)
    status = source.stat()
    if change == "size":
        source.write_bytes(b"longer source")
        os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif change == "time":
        os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns + 1000))
    else:
        source = source.rename(source.with_name("other"))
    other = Split(SPLIT.images + 1, SPLIT.labels)
    assert load(root, source, other) == (True, [])
    assert load(root, source, other) == (False, [])


def test_another_file_of_the_same_size_and_time_is_parsed(root, source):
    load(root, source)
    before = source.stat()
    (other := source.with_name("other")).write_bytes(b"SOURCE")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))  # as tar does
    other.replace(source)
    assert source.stat().st_mtime_ns == before.st_mtime_ns
    assert load(root, source)[0]
    source.write_bytes(b"again!")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert load(root, source)[0]
    assert not load(root, source)[0]


def damages() -> dict[str, object]:
    huge = json.dumps({"stamp": None, "shape": [2**40, 28, 28]}).encode() + b"\n"
    return {
        "empty": lambda b: b"",
        "cut in the header": lambda b: b[:20],
        "one byte short": lambda b: b[:-1],
        "one byte long": lambda b: b + b"\0",
        "noise": lambda b: bytes(range(256)) * 4,
        "no header": lambda b: b"\n" + b,
        "a list": lambda b: b"[]\n" + b,
        "deep": lambda b: b"[" * 60000 + b"\n",
        "an endless line": lambda b: b" " * 100_000,
        "huge": lambda b: huge,
        "a huge shape": lambda b: b.replace(b"[4, 3, 2]", b"[4, 3, 2e99]"),
        "a negative shape": lambda b: b.replace(b"[4, 3, 2]", b"[4, -3, -2]"),
        "fractions": lambda b: b.replace(b"[4, 3, 2]", b"[4, 3.0, 2]"),
        "words": lambda b: b.replace(b"[4, 3, 2]", b'["4", 3, 2]'),
        "no dimensions": lambda b: b.replace(b"[4, 3, 2]", b"[]"),
    }


@pytest.mark.parametrize("damage", damages().values(), ids=damages())
def test_a_damaged_file_is_parsed_again_and_replaced(root, source, damage):
    load(root, source)
    kept(root).write_bytes(damage(kept(root).read_bytes()))
    assert load(root, source) == (True, [])
    assert load(root, source) == (False, [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 200), by=st.integers(1, 255), cut=st.booleans())
def test_no_damage_is_an_error(root, source, at, by, cut):
    cached(root, [source], lambda: SPLIT, "tag")
    contents = bytearray(kept(root).read_bytes())
    at %= len(contents)
    contents[at] ^= by
    kept(root).write_bytes(contents[:at] if cut else contents)
    images, labels = cached(root, [source], lambda: SPLIT, "tag")
    assert images.dtype == labels.dtype == np.uint8
    assert images.size == 24
    assert labels.size == 4
    kept(root).unlink()


@pytest.mark.parametrize("blocked", [".parsed", "."])
def test_where_nothing_can_be_kept_one_line_says_so(tmp_path, source, blocked):
    root = tmp_path / "blocked"
    if blocked == ".":
        root.write_text("a file in the place of the data root")
    else:
        root.mkdir()
        (root / blocked).write_text("a file in the place of the directory")
    for _ in range(2):
        parsed, (line,) = load(root, source)
        assert parsed
        assert str(root) in line
        assert "\n" not in line


def test_the_line_goes_to_standard_error(tmp_path, source, capsys):
    root = tmp_path / "blocked"
    root.write_text("")
    cached(root, [source], lambda: SPLIT, "tag")
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupted_write_leaves_nothing(root, source, monkeypatch, error):
    def interrupted(*_: object) -> None:
        raise error

    monkeypatch.setattr(os, "replace", interrupted)
    if error is OSError:
        assert len(load(root, source)[1]) == 1
    else:
        with pytest.raises(error):
            load(root, source)
    assert not list((root / ".parsed").iterdir())


def test_the_data_root(monkeypatch, tmp_path):
    monkeypatch.setenv("FNN_DATA", str(tmp_path))
    assert data_root() == tmp_path
    monkeypatch.setenv("FNN_DATA", "~/somewhere")
    assert data_root() == Path.home() / "somewhere"
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("FNN_DATA")
        else:
            monkeypatch.setenv("FNN_DATA", unset)
        assert data_root().name == "fnn"


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path)])
def test_a_cached_file_that_is_a_pipe_or_a_device_is_not_waited_for(root, source, make):
    load(root, source)
    place = kept(root)
    place.unlink()
    make(place)
    parsed, said = load(root, source)
    assert parsed
    assert len(said) == 1


def test_without_a_home_directory_the_data_are_parsed_and_a_line_says_why(source, monkeypatch):
    for name in ("HOME", "FNN_DATA", "XDG_CACHE_HOME", "USERPROFILE", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # no entry in passwd
    with pytest.raises(InputError, match=r"no home directory .*: set FNN_DATA"):
        data_root()
    parsed, said = load(None, source)
    assert parsed
    assert said[0].startswith("fnn: the parsed data cannot be kept: there is no home directory")
