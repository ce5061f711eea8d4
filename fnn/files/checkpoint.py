"""Trees in files: an .npz archive of plain arrays, without pickle, that NumPy can open too.

Each array is a member named by its path, `params/1/W.npy`; the member `fnn` holds JSON with the
format's version and the tree, with the names of arrays in place of the arrays.
"""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from typing import IO, Any

import numpy as np

from fnn.arrays import Array
from fnn.errors import InputError
from fnn.files.atomic import write_atomically
from fnn.files.npy import parse_npy
from fnn.files.read import read_bytes
from fnn.tree import Tree

FORMAT = 1
HEADER = "fnn"


def save(path: str | os.PathLike[str], tree: Tree) -> None:
    """Write a tree to `path` atomically, as an .npz file; `load` returns an equal tree.

    Nodes are dicts with str or int keys; leaves are arrays of numbers, tuples, int, float, bool,
    str or None. Equal trees make equal files, byte for byte. Raises TypeError for another leaf,
    InputError if the file cannot be written.
    """
    arrays: dict[str, Array] = {}
    header = json.dumps({"format": FORMAT, "tree": _form(tree, "", arrays)})
    arrays[HEADER] = np.frombuffer(header.encode(), np.uint8)
    write_atomically(path, lambda file: _write(file, arrays))


def load(path: str | os.PathLike[str]) -> Tree:
    """The tree that `save` wrote.

    Raises InputError for a file that is missing, damaged or not written by `save`. Whatever the
    file says, memory is at most 1 MiB plus 64 times the file's size, and that much only for a
    header without arrays: sizes are checked before anything is read, and each array is read once.
    """
    data = read_bytes(path, most=math.inf)
    try:
        return _parse(data)
    except InputError as error:
        why = str(error)
    except zipfile.BadZipFile as error:
        why = f"it is damaged or not an .npz archive ({str(error).lower()})"
    except Exception as error:  # damaged zip, JSON and trees raise many kinds
        why = f"it is damaged ({type(error).__name__})"
    raise InputError(f"{path}: not a file that fnn wrote: {why}; restore it, or make it anew")


def _write(file: IO[bytes], arrays: dict[str, Array]) -> None:
    # Like numpy.savez, which cannot save an array called "file".
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            # ZipInfo's date is a constant, so that equal trees make equal files.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _form(value: Any, where: str, arrays: dict[str, Array]) -> Any:
    if isinstance(value, dict):
        pairs = [[k, _form(v, f"{where}/{k}".lstrip("/"), arrays)] for k, v in value.items()]
        if not all(map(_is_key, value)):
            what = f"keys must be str, or int below 2**60, found {list(value)!r:.200}"
            raise TypeError(f"{where or 'the root'}: {what}")
        return {"dict": pairs}
    if isinstance(value, tuple):
        return {"tuple": [_form(v, f"{where}/{i}", arrays) for i, v in enumerate(value)]}
    if isinstance(value, np.ndarray | np.generic):
        name = where or "array"
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError(f"{name}: a masked array would lose its mask: save its data and mask")
        if value.dtype.kind not in "biuf" or name in arrays or name == HEADER:
            raise TypeError(f"{name}: cannot save an array of {value.dtype} under this name")
        if not name.isprintable() or len(name.encode()) > 60000:  # it names a member of the archive
            raise TypeError(f"{name!r:.200}: keys must be printable, and paths below 60,000 bytes")
        arrays[name] = np.asarray(value)
        return {"array": name}
    if value is None or type(value) in (bool, int, float, str):
        return {"value": value}
    raise TypeError(f"{where or 'the root'}: cannot save a {type(value).__name__}")


def _parse(data: bytes) -> Tree:
    # From memory, so that nothing is reserved for sizes that the archive only claims.
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: info for info in archive.infolist()}
        if any(info.compress_type != zipfile.ZIP_STORED for info in members.values()):
            raise InputError("its members are compressed, which fnn's never are")
        if sum(info.file_size for info in members.values()) > len(data):
            raise InputError("its members claim to be larger than the file")
        if f"{HEADER}.npy" not in members:
            raise InputError(f"it has no member {HEADER}.npy")
        header = json.loads(_array(archive, HEADER).tobytes())
        if header["format"] != FORMAT:
            raise InputError(f"its format is {header['format']!r:.40}, this fnn reads {FORMAT}")
        return _tree(header["tree"], archive, set(members))


def _tree(form: Any, archive: zipfile.ZipFile, unread: set[str]) -> Tree:
    if type(form) is not dict:
        raise ValueError(form)
    ((kind, content),) = form.items()
    if kind == "dict" and all(_is_key(k) for k, _ in content):
        return {k: _tree(v, archive, unread) for k, v in content}
    if kind == "tuple" and type(content) is list:
        return tuple(_tree(v, archive, unread) for v in content)
    if kind == "array":
        unread.remove(f"{content}.npy")  # once each: a thousand copies of one would fill memory
        return _array(archive, content)
    if kind == "value" and type(content) in (bool, int, float, str, type(None)):
        return content
    raise ValueError(kind)


def _is_key(k: Any) -> bool:
    # the hashes of larger integers are easily made equal
    return type(k) is str or (type(k) is int and abs(k) < 2**60)


def _array(archive: zipfile.ZipFile, name: str) -> Array:
    # A copy: an array over the archive's bytes would be read-only.
    return parse_npy(archive.read(f"{name}.npy")).copy(order="K")
