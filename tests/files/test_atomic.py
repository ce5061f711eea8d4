import os
import stat
import time

import pytest

from fnn.errors import InputError
from fnn.files.atomic import ABANDONED, check_writable, write_atomically


def test_new_content_replaces_the_old_and_permissions_are_the_usual(tmp_path):
    path = tmp_path / "a"
    for content in (b"one", b"two"):
        write_atomically(path, lambda file, c=content: file.write(c))
        assert path.read_bytes() == content
    (tmp_path / "b").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "b").stat().st_mode)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_an_existing_file_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "a"
    path.touch()
    path.chmod(mode)
    write_atomically(path, lambda file: file.write(oct(os.fstat(file.fileno()).st_mode).encode()))
    assert stat.S_IMODE(path.stat().st_mode) == mode
    written = stat.S_IMODE(int(path.read_text(), 8))
    assert written & ~mode == 0  # not open to others at any time


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root gives files away")
def test_an_existing_file_keeps_its_owner(tmp_path):
    path = tmp_path / "a"
    path.touch()
    os.chown(path, 12345, 23456)
    write_atomically(path, lambda file: file.write(b"x"))
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


def test_a_read_only_file_is_refused(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(InputError, match=r"a: is read-only; name another file, or chmod u\+w it"):
        write_atomically(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("failing", ["open", "fsync"])
def test_a_directory_that_cannot_be_synced_is_written_to(tmp_path, monkeypatch, failing):
    def refuse(f):
        def call(target, *args):
            there = isinstance(target, int) or os.path.exists(target)
            one = os.stat(target) if there else None
            if one and stat.S_ISDIR(one.st_mode):
                raise OSError(22, "Invalid argument")
            return f(target, *args)

        return call

    monkeypatch.setattr(os, failing, refuse(getattr(os, failing)))
    write_atomically(tmp_path / "a", lambda file: file.write(b"x"))
    assert (tmp_path / "a").read_bytes() == b"x"


@pytest.mark.parametrize("name", ["字" * 80, "é" * 120, "a" * 250, "字" * 84 + "abc"])
def test_every_legal_name_can_be_written(tmp_path, name):
    for content in (b"one", b"two"):
        write_atomically(tmp_path / name, lambda file, c=content: file.write(c))
        assert (tmp_path / name).read_bytes() == content
    assert os.listdir(tmp_path) == [name]


def test_a_link_to_itself_is_refused(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(InputError, match="loop: "):
        check_writable(tmp_path / "loop")
    assert (tmp_path / "loop").is_symlink()


def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def half(file):
        file.write(b"ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_atomically(path, half)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_link_is_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomically(tmp_path / "link", lambda file: file.write(b"x"))
    assert (tmp_path / "target").read_bytes() == b"x"
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".", "is a directory; name a file"),
        ("absent/a", "there is no directory"),
        ("file/a", "cannot be written"),
        ("/dev/null", "is a stream or a device"),
        ("/dev/stdout", "is a stream or a device"),
        ("/dev/fd/1", "is a stream or a device"),
        ("/proc/self/fd/1", "is a stream or a device"),
        ("a/", "is a directory; name a file"),
        ("pipe", "is not a regular file; name a file"),
        ("nul\0", "cannot be written"),
        ("loop", "cannot be written"),
        ("n" * 300, "cannot be written"),
    ],
)
def test_what_cannot_be_written_is_named(tmp_path, monkeypatch, name, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=words):
        check_writable(name)


def test_a_file_that_cannot_be_replaced_costs_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    replace = os.replace

    def refuse(source, target):  # as a file does that is mounted by itself
        if target == path:
            raise OSError(16, "Device or resource busy")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(InputError, match=r"a: cannot be replaced \(Device .* is in ") as caught:
        write_atomically(path, lambda file: file.write(b"new"))
    (kept,) = (other for other in tmp_path.iterdir() if other != path)
    assert (path.read_bytes(), kept.read_bytes()) == (b"old", b"new")
    assert str(caught.value).endswith(str(kept))


def test_what_a_killed_writer_left_is_swept_away_in_time(tmp_path):
    old, new, other = (tmp_path / name for name in (".a.1.tmp", ".a.2.tmp", ".b.1.tmp"))
    for path in (old, new, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (0, time.time() - ABANDONED - 10))
    write_atomically(tmp_path / "a", lambda file: file.write(b"x"))
    assert sorted(os.listdir(tmp_path)) == [".a.2.tmp", ".b.1.tmp", "a"]
