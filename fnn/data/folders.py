"""A directory of pictures, with a sub-directory for each class, or for train and test."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from fnn.arrays import Array
from fnn.data.cache import Say, cached
from fnn.data.dataset import Split
from fnn.data.mnist import SplitName
from fnn.data.pictures import read_all, usual_shape
from fnn.data.reading import PICTURES, Colors, Reading, check_applies, held_out
from fnn.errors import InputError, one_line
from fnn.files.picture import ENDINGS, NAMES

CLASSES = 256  # labels are bytes
LONG = 1000  # pictures that take so long that a line should say why
NAMED = 10  # broken pictures that get a line each
LONGEST = 80  # characters of a class's name
OTHERS = {"val", "valid", "validation", "dev"}  # what may lie beside train, but is no class
LAYOUT = f"expected a sub-directory of pictures ({NAMES}) for each class, or train and test of them"


class Part(NamedTuple):
    """The pictures of each class in a directory, and what else is in it."""

    place: Path
    classes: dict[str, list[Path]]
    others: list[Path]


class Folder(NamedTuple):
    """The pictures of a directory with their labels, (N,) uint8, and which are test images."""

    directory: Path
    classes: tuple[str, ...]
    files: tuple[Path, ...]
    labels: Array
    test: Array


def find_folder(directory: Path, reading: Reading, say: Say) -> Folder:
    """The pictures in a directory; their files are not opened.

    A class is a sub-directory, in the order of the names, and its pictures may lie deeper in it.
    Links are followed, but each directory is entered once. Hidden files are passed over; of files
    that are no pictures, a line to `say` gives the number. Raises InputError for fewer than two
    classes or more than 256, a class without a training picture, a class that is only in test,
    no test images, or a directory that cannot be read.
    """
    check_applies(reading, PICTURES, f"{directory}")
    tops, _ = entries(directory)
    names = {path.name for path in tops}
    if {"train", "test"} <= names:
        if reading.test_share is not None:
            raise InputError(f"--test-share: {directory} has test images of its own; leave it out")
        parts = [part_of(directory / name) for name in ("train", "test")]
    elif "train" in names and names <= {"train"} | OTHERS:
        raise InputError(
            f"{directory}: train without test; name the directory of test images test, or take "
            f"{directory / 'train'}, a share of which is then held out"
        )
    else:
        parts = [part_of(directory)]
    train, own = parts[0], len(parts) == 2
    check_classes(train)
    classes = sorted(train.classes)
    for name, found in parts[-1].classes.items():
        if found and name not in train.classes:
            raise InputError(
                f"{parts[-1].place / name}: a class that is not in {train.place}; add training "
                "pictures of it, or remove it"
            )
    rows = [
        [(path, i) for i, name in enumerate(classes) for path in part.classes.get(name, [])]
        for part in parts
    ]
    labels = np.array([i for part in rows for _, i in part], np.uint8)
    held = held_out(labels, reading.test_share)
    test = np.arange(len(labels)) >= len(rows[0]) if own else held
    if not test.any():
        why = "of two or more pictures of a class, one is held out for that"
        raise InputError(f"{parts[-1].place}: there are no test images; {LAYOUT if own else why}")
    others = [path for part in parts for path in part.others]
    if own:
        others += [
            p for kind in entries(directory) for p in kind if p.name not in ("train", "test")
        ]
    if others:
        what = f"{len(others):,} entries that are no pictures of a class"
        say(f"fnn: {directory}: left out: {what}, such as {others[0]}")
    shown = tuple(one_line(name, LONGEST) for name in classes)
    return Folder(directory, shown, tuple(p for part in rows for p, _ in part), labels, test)


def part_of(place: Path) -> Part:
    """What is in a directory of classes."""
    classes, loose = entries(place)
    each = {path.name: pictures_in(path) for path in classes}
    others = [*loose, *(path for _, others in each.values() for path in others)]
    return Part(place, {name: found for name, (found, _) in each.items()}, others)


def pictures_in(directory: Path) -> tuple[list[Path], list[Path]]:
    """All pictures below a directory, and all other files, in order; see `find_folder`."""
    every = sorted(files_in(directory))
    return [p for p in every if is_picture(p)], [p for p in every if not is_picture(p)]


def files_in(directory: Path) -> Iterator[Path]:
    """All files below a directory, without hidden ones."""
    left, seen = [directory], set()
    while left:
        folder = left.pop()
        status = os.stat(folder)
        if (mark := (status.st_dev, status.st_ino)) not in seen:
            seen.add(mark)
            folders, files = entries(folder)
            left += folders
            yield from files


def holds_pictures(directory: Path) -> bool:
    """Whether there is a picture anywhere below a directory."""
    return any(map(is_picture, files_in(directory)))


def is_picture(path: Path) -> bool:
    """Whether it is a file, and of a name that pictures have."""
    return path.name.lower().endswith(ENDINGS) and os.path.isfile(path)


def entries(directory: Path) -> tuple[list[Path], list[Path]]:
    """The directories and the files in a directory, in order, without hidden ones."""
    try:
        names = sorted(name for name in os.listdir(directory) if not is_hidden(name))
    except OSError as error:
        raise InputError(f"{directory}: cannot be read ({error.strerror or error})") from None
    paths = [directory / name for name in names]
    folders = {path for path in paths if os.path.isdir(path)}
    return [p for p in paths if p in folders], [p for p in paths if p not in folders]


def is_hidden(name: str) -> bool:
    """Whether it is a name that systems put everywhere, or that begins with a dot."""
    return name.startswith(".") or name in ("Thumbs.db", "desktop.ini", "__MACOSX")


def check_classes(part: Part) -> None:
    """Raise InputError unless there are 2 to 256 classes, each with a picture."""
    classes, place = part.classes, part.place
    if not any(classes.values()):
        loose = any(map(is_picture, part.others))
        found = "its pictures lie in no sub-directory" if loose else "there are no pictures in it"
        raise InputError(f"{place}: {found}; {LAYOUT}")
    if len(classes) == 1:
        raise InputError(f"{place}: holds one class, {next(iter(classes))}; {LAYOUT}, two or more")
    if len(classes) > CLASSES:
        raise InputError(f"{place}: holds {len(classes)} classes, expected at most {CLASSES}")
    for name, pictures in classes.items():
        if not pictures:
            advice = f"add some ({NAMES}), or remove the directory"
            raise InputError(f"{place / name}: there are no pictures of this class; {advice}")


def load_folder(folder: Folder, reading: Reading, split: SplitName, say: Say) -> Split:
    """The images and labels of a split, from its pictures or from the cached copy.

    Raises InputError for a broken picture, unless those are skipped, for a class that has no
    training picture then, and whatever `usual_shape` and `read_all` refuse.
    """
    rows = np.flatnonzero(folder.test == (split == "test"))
    files, labels = [folder.files[i] for i in rows], folder.labels[rows]
    height, width, channels = reading.shape or (None, None, None)
    size = reading.size or ((height, width) if height and width else None)
    usual: dict[int | None, Colors] = {1: "grey", 3: "rgb"}
    colors = reading.colors or usual.get(channels)
    kind = "training" if split == "train" else "test"
    broken: list[InputError] = []
    refused = broken.append if reading.broken == "skip" else _stop

    def parse() -> Split:
        if len(files) > LONG:
            what = f"{len(files):,} {kind} pictures of {folder.directory}"
            say(f"fnn: reading {what}, kept for the next time")
        # All pictures decide about the shape, so that it is the same for both splits.
        shape = usual_shape(folder.files, size, colors, refused)
        broken.clear()
        images, kept = read_all(files, shape, refused)
        if not len(kept):
            raise InputError(f"{folder.directory}: none of its {kind} pictures can be read")
        return Split(images, labels[kept])

    told = repr((size, colors, reading.broken, reading.test_share))
    tag = f"pictures-{split}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"
    found = cached(None, [folder.directory, *folder.files], parse, tag, say)
    for error in broken[:NAMED]:
        say(f"fnn: left out: {error}")
    if lost := len(files) - len(found.labels):
        say(f"fnn: {folder.directory}: {lost:,} of {len(files):,} {kind} pictures are broken")
    if split == "train" and (gone := set(labels.tolist()) - set(found.labels.tolist())):
        name = folder.classes[min(gone)]
        raise InputError(f"{folder.directory}: no training picture of {name} can be read")
    return found


def _stop(error: InputError) -> NoReturn:
    raise InputError(f"{error}; --broken skip leaves such pictures out")
