"""Pyodide, the Python that runs in a browser: where the static page finds its files.

Source: https://pyodide.org/en/stable/usage/api/js-api.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fnn.errors import InputError
from fnn.files.read import open_regular

VERSION = "314.0.3"
CORE = f"https://cdn.jsdelivr.net/npm/pyodide@{VERSION}/"
PACKAGES = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full/"
LOCK = "pyodide-lock.json"
OLDEST_NUMPY = 2  # that of pyproject.toml
WHEELS = "cp314-cp314-pyemscripten_2026_0_wasm32.whl"

# Sizes in bytes, and the base64 of SHA-384, of the npm package of that version; those of the wheels
# were computed of files whose SHA-256 is the one in its pyodide-lock.json.
PINNED = {
    "pyodide.mjs": (17880, "37wxVGo7MBryEjut3Wf4qHDxWQY7/9bFQsoJWkHb47/epwO3+PR7FCzBPMCKQv7u"),
    "pyodide.asm.mjs": (
        1249447,
        "YeRhAyBAGbSzchLhpX+ybWe+W+Jo1VPerE6kWkqdGPdTzZhG7Ys3iYYcss8vS/hW",
    ),
    "pyodide.asm.wasm": (
        9596462,
        "w9RzCfsk2Qf16WCSIlnWrpL19cYFkE3gzNS9lHgHbYnrEzptSJK+wVQidhpdPbDL",
    ),
    "python_stdlib.zip": (
        2545106,
        "x/zEaHRF8kG/Ap+4oxfjQZLUo6R7UvX1DKAkGe4Kgw31Yr8Ik8CTloNhhyLC3Tzx",
    ),
    LOCK: (113804, "TtZ9cnX+bwqZ/VjrwMf3rNo77t30rxSe99MYWHjIXxQ8wPxPf7Bfgq3absXMLTOo"),
}
PINNED_WHEELS = {
    "numpy": (
        f"numpy-2.4.3-{WHEELS}",
        (2916023, "tTC4md/Up8etObLm4PwPdYOzB65vQeMAZWq70/B+/66BgSrxKLCjyn5103mfXJbq"),
    ),
    "pillow": (
        f"pillow-12.2.0-{WHEELS}",
        (1037798, "jm/+ljMvHpN0q21wMcjQvtgekmuo2SaJJ9ie/wl27YWhSBSwCoEtv6ac93ChBAvI"),
    ),
}


class Pyodide(NamedTuple):
    """Where a page finds Pyodide and its packages, and what it has to load."""

    base: str  # an address, or a folder beside the page
    packages: str | None  # the address of the wheels, if they are elsewhere
    files: dict[str, dict[str, Any]]  # of each file its size and, from elsewhere, its hash
    copies: tuple[Path, ...] = ()  # files that the folder beside the page must have


def from_cdn(packages: Sequence[str]) -> Pyodide:
    """The pinned version at its content delivery network."""
    pinned = PINNED | dict(PINNED_WHEELS[name] for name in packages)
    files = {n: {"size": size, "integrity": f"sha384-{sha}"} for n, (size, sha) in pinned.items()}
    return Pyodide(CORE, PACKAGES, files)


def from_folder(folder: Path, packages: Sequence[str]) -> Pyodide:
    """The Pyodide in a folder, with the wheels of the packages and of what they depend on.

    Raises InputError if something is missing there, or if its NumPy is too old.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such directory; name the one with {LOCK}")
    known = _lock(folder)
    wanted, seen = list(packages), []
    while wanted:
        name = wanted.pop()
        if name not in seen:
            seen.append(name)
            wanted += known.get(name, {}).get("depends", ())
    wheels = [known.get(name, {}).get("file_name", f"the wheel of {name}") for name in seen]
    # version 0.29 and older have a script in place of the module
    glue = "pyodide.asm.mjs" if (folder / "pyodide.asm.mjs").exists() else "pyodide.asm.js"
    names = ["pyodide.mjs", glue, "pyodide.asm.wasm", "python_stdlib.zip", LOCK, *wheels]
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise InputError(
            f"{folder}: lacks {', '.join(missing)}; expected the files of a full distribution of "
            "Pyodide, https://github.com/pyodide/pyodide/releases"
        )
    numpy = str(known["numpy"].get("version", ""))
    if not numpy.partition(".")[0].isdigit() or int(numpy.partition(".")[0]) < OLDEST_NUMPY:
        raise InputError(f"{folder}: has NumPy {numpy}, expected {OLDEST_NUMPY}.0 or newer")
    copies = tuple(folder / name for name in names)
    sizes = {path.name: {"size": path.stat().st_size} for path in copies}
    return Pyodide("pyodide/", None, sizes, copies)


def _lock(folder: Path) -> dict[str, dict[str, Any]]:
    """The packages that a folder's list names."""
    try:
        with open_regular(folder / LOCK) as file:
            packages = json.load(file)["packages"]
            return {name: dict(about) for name, about in packages.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / LOCK}: is damaged ({error}); copy it again") from None
