"""The page as static files, where fnn itself answers in the browser, by Pyodide."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from operator import methodcaller
from pathlib import Path

import fnn
from fnn.errors import InputError
from fnn.files.atomic import write_atomically
from fnn.recognizer.picture import reads_digits
from fnn.recognizer.recognizer import Recognizer, write_recognizer
from fnn.serve.answer import about
from fnn.serve.pyodide import Pyodide
from fnn.serve.respond import WEB

INDEX = "index.html"
LISTED = "site.json"  # what the worker reads first; a folder with this file is one of ours
PARAMS = "params.npz"
LIBRARIES = ("toolz", "threadpoolctl")  # pure Python that fnn imports
PLACE = "/fnn"  # where the worker unpacks the archive
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # so that the same files give the same archive


def write_site(
    out: Path,
    found: Recognizer,
    text: str,
    params: Path | None,
    pyodide: Pyodide,
    model: str | None = None,
    least: float = 0.0,
) -> int:
    """Write the page for a network to a directory; returns its bytes.

    `params` is the network's file, which is copied; without it, the network is saved with small
    weights, which are those of the network that comes with fnn. `text` says a few words about
    it; `model`, FILE.py:NAME, makes layers of one's own, and the page gets that file, too; `least`
    is that of `reply`. A page that is there already is replaced. Raises InputError for a directory
    with other files.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; name a directory to write the page to")
    if out.is_dir() and any(out.iterdir()) and not (out / LISTED).is_file():
        raise InputError(f"{out}: has other files; name a new or empty directory")
    out.mkdir(parents=True, exist_ok=True)
    if params is None:
        write_recognizer(out / PARAMS, found.spec, found.params, found.state, True, None)
    content = {
        "fnn.zip": library([] if model is None else [Path(model.rpartition(":")[0])]),
        PARAMS: (params or out / PARAMS).read_bytes(),
        "network.json": about(found, text).encode(),
    }
    downloads = sum(file["size"] for file in pyodide.files.values())
    listed = {
        "base": pyodide.base,
        "packages": pyodide.packages,
        "names": packages_for(found),
        "model": None if model is None else f"{PLACE}/{Path(model).name}",
        "least": least,
        "files": pyodide.files,
        "total": downloads + sum(map(len, content.values())),
    }
    content |= {LISTED: json.dumps(listed).encode()}
    for name, file in (("page.css",) * 2, ("page.js",) * 2, ("worker.js", "pyodide.js")):
        content[name] = (WEB / file).read_bytes()
    if pyodide.copies:
        (out / pyodide.base).mkdir(exist_ok=True)
    for path in pyodide.copies:
        with suppress(shutil.SameFileError):  # a page is made again from its own Pyodide
            shutil.copyfile(path, out / pyodide.base / path.name)
    for name, data in (content | {INDEX: (WEB / "page.html").read_bytes()}).items():
        write_atomically(out / name, methodcaller("write", data))
    return sum(map(len, content.values())) + sum(path.stat().st_size for path in pyodide.copies)


def packages_for(found: Recognizer) -> list[str]:
    """The packages of Pyodide that a network's page needs."""
    return ["numpy"] if reads_digits(found.spec) else ["numpy", "pillow"]


def library(more: Sequence[Path] = ()) -> bytes:
    """A zip archive of fnn and of the pure Python libraries that it imports, with their licenses.

    `more` are further files at its top.

    Raises InputError if one of these was installed without a list of its files.
    """
    root = Path(fnn.__file__).parent
    files = {f"fnn/{path.relative_to(root).as_posix()}": path for path in root.rglob("*.py")}
    files |= {path.name: path for path in more}
    for name in LIBRARIES:
        listed = metadata.distribution(name).files
        if not listed:
            raise InputError(f"{name}: is not installed by pip; run pip install {name}")
        files |= {
            str(part): Path(str(part.locate()))
            for part in listed
            if part.suffix == ".py" or "licen" in part.name.lower()
        }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for name, path in sorted(files.items()):
            if "tests" not in Path(name).parts and not name.startswith(os.pardir):
                entry = zipfile.ZipInfo(name, LONG_AGO)
                packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return archive.getvalue()
