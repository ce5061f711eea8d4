"""Contents of files, and what packs them so that checksums and lengths hold whatever is in them."""

import gzip
import io
import pickle
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnn.files.npy import parse_npy


def same(data: bytes) -> bytes:
    return data


class Seed(NamedTuple):
    """Valid contents, and what packs contents into a file whose checksums and lengths hold."""

    data: bytes
    pack: Callable[[bytes], bytes] = same


def idx(array: Any) -> bytes:
    return struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def zipped(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


def npy(array: Any, version: tuple[int, int] = (1, 0)) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version, allow_pickle=False)
    return file.getvalue()


def npy_of(contents: bytes, header: bytes) -> bytes:
    """A .npy file with that header, and its length."""
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(header)) + header + contents


def archive_of(members: dict[str, bytes], name: str, data: bytes) -> bytes:
    """A .npz file whose member `name` holds `data`, and the checksum of it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for member, contents in members.items():
            archive.writestr(zipfile.ZipInfo(member), data if member == name else contents)
    return file.getvalue()


def tree_of(members: dict[str, bytes], text: bytes) -> bytes:
    """A checkpoint whose header is the JSON `text`."""
    return archive_of(members, "fnn.npy", npy(np.frombuffer(text, np.uint8)))


def tar_of(name: str, data: bytes) -> bytes:
    """A tar archive that holds `data` as a file."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return file.getvalue()[: 512 + -(-len(data) // 512) * 512 + 1024]


def summed(data: bytes) -> bytes:
    """A tar archive with the checksum of each header that its sizes lead to."""
    tar, at = bytearray(data), 0
    while at + 512 <= len(tar) and any(tar[at : at + 512]):
        tar[at + 148 : at + 156] = b" " * 8
        tar[at + 148 : at + 156] = b"%06o\0 " % sum(tar[at : at + 512])
        try:
            at += 512 + -(-int(tar[at + 124 : at + 136].strip(b"\0 ") or b"0", 8) // 512) * 512
        except ValueError:
            break
    return bytes(tar)


def png_checked(data: bytes) -> bytes:
    """A PNG with the checksum of each chunk."""
    png, at = bytearray(data), 8
    while at + 12 <= len(png):
        end = at + 8 + int.from_bytes(png[at : at + 4], "big")
        png[end : end + 4] = struct.pack(">I", zlib.crc32(png[at + 4 : end]))
        at = end + 4
    return bytes(png)


def kept_of(contents: bytes, header: bytes) -> bytes:
    """A file of the cache."""
    return header + b"\n" + contents


def pickles(value: Any) -> tuple[bytes, ...]:
    return tuple(pickle.dumps(value, protocol) for protocol in range(6))


def saved(save: Callable[[Path], None]) -> tuple[Seed, ...]:
    """A checkpoint as it is, its header, and each of its members."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "last.npz"
        save(path)
        contents = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    text = parse_npy(members["fnn.npy"]).tobytes()
    return (
        Seed(contents),
        Seed(text, partial(tree_of, members)),
        *(Seed(data, partial(archive_of, members, name)) for name, data in members.items()),
    )
