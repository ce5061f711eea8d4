"""Every reader of files that users give: small valid files, and the function that reads them.

READERS serves the tests of this folder and the fuzzer that people run (atheris_readers.py). What
a reader promises is checked by `exercise`: a value of the promised kind or an InputError of one
line, never more memory than stated, soon, and nothing written but in the data root.
"""

import io
import json
import os
import tempfile
from collections.abc import Callable
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from limits import limited
from packing import (
    Seed,
    idx,
    kept_of,
    npy,
    npy_of,
    pickles,
    png_checked,
    saved,
    summed,
    tar_of,
    zipped,
)

from fnn.data import cache, cifar, mnist
from fnn.data.dataset import Split
from fnn.data.dump import read_dump
from fnn.data.idx import read_idx
from fnn.data.npz import find_npz, parse_npz, read_npz
from fnn.data.pictures import read_picture
from fnn.data.reading import Reading
from fnn.errors import InputError
from fnn.files import checkpoint
from fnn.files.npy import parse_npy
from fnn.files.unpickle import safe_load
from fnn.handwriting.image_file import read_grey
from fnn.models import Spec, build
from fnn.optim.optimizers import momentum
from fnn.recognizer.recognizer import Recognizer, load_recognizer, save_recognizer, untrained
from fnn.train import TrainState
from fnn.training import run_directory
from fnn.training.history import METRICS as METRICS_FILE
from fnn.training.history import Row
from fnn.training.loop import Job, Progress, begin

MIB = 1 << 20
ROOT = "root"  # the data root, where readers keep what they parsed


class Reader(NamedTuple):
    """How to read a file of a kind.

    It lies in a folder under the name `place`, with the files `beside`. `read(folder)` returns a
    value that passes `check` or raises InputError, with `base + multiple * size` bytes of memory,
    the size being that of the file or of what is packed in it.
    """

    name: str
    place: str
    seeds: tuple[Seed, ...]
    read: Callable[[Path], Any]
    check: Callable[[Any], None]
    base: int
    multiple: int
    beside: dict[str, bytes] = {}  # noqa: RUF012 - nobody changes it


def exercise(reader: Reader, seed: Seed, data: bytes, parent: Path) -> bool:
    """Read a file of `data`, packed as the seed is; whether it was accepted.

    Raises whatever the reader should not, and AssertionError for a promise that is broken.
    """
    contents = seed.pack(data)
    with tempfile.TemporaryDirectory(dir=parent) as name:
        folder = Path(name)
        for place, other in reader.beside.items():
            (folder / place).write_bytes(other)
        (folder / reader.place).write_bytes(contents)
        (folder / ROOT).mkdir()
        before = set(os.listdir(folder))
        size = max(len(data), len(contents))
        value, refusal = None, ""
        with limited(folder / ROOT, reader.base + reader.multiple * size):
            try:
                value = reader.read(folder)
            except InputError as error:
                refusal = str(error)
        assert set(os.listdir(folder)) == before
        if refusal:
            # one line, and nothing that would change a terminal
            assert refusal.isprintable(), repr(refusal)
            return False
        reader.check(value)
        return True


# what readers return


def check_split(split: Split) -> None:
    assert split.images.dtype == split.labels.dtype == np.uint8
    assert split.images.ndim in (3, 4)
    assert len(split.images) == len(split.labels) > 0
    assert split.images.size > 0


def check_cifar(split: Split) -> None:
    check_split(split)
    assert split.images.shape[1:] == (32, 32, 3)
    assert split.labels.max() < 10


def check_cifar100(split: Split) -> None:
    check_split(split)
    assert split.images.shape[1:] == (32, 32, 3)
    assert split.labels.max() < 100


def check_npz(arrays: list[Any]) -> None:
    for array in arrays:
        check_array(array)


def check_image(image: Any) -> None:
    assert image.dtype == np.uint8
    assert image.shape == (4, 5, 3)


def check_dump(images: Any) -> None:
    assert images.dtype == np.uint8
    assert images.shape[1:] == (3, 2)
    assert len(images) > 0


def check_array(array: Any) -> None:
    assert array.dtype.kind in "biuf"
    array.sum()


def check_plain(value: Any) -> None:
    repr(value)


def check_tree(tree: Any) -> None:
    if isinstance(tree, dict):
        assert {str, int}.issuperset(map(type, tree))
        for part in tree.values():
            check_tree(part)
    elif isinstance(tree, tuple):
        for part in tree:
            check_tree(part)
    elif isinstance(tree, np.ndarray):
        check_array(tree)
        assert tree.flags.writeable
    else:
        assert tree is None or type(tree) in (bool, int, float, str)


def check_recognizer(found: Recognizer) -> None:
    assert all(type(n) is int and n > 0 for n in found.spec.shape)
    assert found.net.shape(found.spec.shape) == (found.spec.classes,)


def check_config(config: Any) -> None:
    assert config["format"] == run_directory.FORMAT
    json.dumps(config)


def check_rows(rows: list[Row]) -> None:
    assert [row.epoch for row in rows] == [1, 2]
    for row in rows:
        assert all(type(value) in (int, float, type(None)) for value in row)


def check_progress(now: Progress) -> None:
    check_tree(now.ts.params)
    assert type(now.epoch) is type(now.batch) is type(now.best.epoch) is int
    assert min(now.epoch, now.batch, now.best.epoch) >= 0
    assert type(now.loss) is type(now.best.accuracy) is type(now.best.loss) is float


def check_picture(picture: Any) -> None:
    assert picture.dtype == np.uint8
    assert picture.ndim == 2
    assert 0 < picture.size <= PICTURE_PIXELS


PIXELS = np.arange(0, 240, 20, dtype=np.uint8).reshape(2, 3, 2)
SPLIT = Split(PIXELS, np.array([7, 3], np.uint8))
TEST_IMAGES, TEST_LABELS = mnist.FILES["test"]
TREE = {"a": {0: np.ones((2, 2), np.float32), "k": (1, 2)}, "b": np.arange(3), "c": (None, 1.5)}


def read_mnist(folder: Path) -> Split:
    return mnist.load_split(folder, "test", root=folder / ROOT)


def read_cifar(folder: Path) -> Split:
    return cifar.load_split(folder, "test")


def read_cached(folder: Path) -> Split:
    """What comes back where the cache's file has been replaced."""
    root, source = folder / ROOT, folder / ROOT / "source"
    source.write_bytes(b"source")
    os.utime(source, (1, 1))
    for contents in (None, (folder / "kept").read_bytes()):
        if contents is not None:
            (kept,) = (root / cache.HIDDEN).iterdir()
            kept.write_bytes(contents)
        split = cache.cached(root, [source], lambda: SPLIT, "tag")
    return split


def zipped_arrays(save: Callable[..., None]) -> Seed:
    file = io.BytesIO()
    save(file, x=PIXELS, y=np.array([3, 3]))
    return Seed(file.getvalue())


def save_model(path: Path, spec: Spec, small: bool) -> None:
    fresh = untrained(spec)
    save_recognizer(path, spec, fresh.params, fresh.state, small)


PICTURE_PIXELS = 10**6  # a smaller limit than the programs', which finds the same


def pictures() -> tuple[Seed, ...]:
    """Small images of many formats and modes; none where there is no pillow to make them."""
    if find_spec("PIL") is None:
        return ()
    from PIL import Image

    grey = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8) * 5)
    exif = Image.Exif()
    exif[0x112] = 6  # turned
    images: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("L", "PNG", {"exif": exif}), ("1", "PNG", {}), ("P", "PNG", {"transparency": 3}),
        ("RGBA", "PNG", {}), ("I;16", "PNG", {}), ("L", "JPEG", {"exif": exif}),
        ("CMYK", "JPEG", {}), ("RGB", "JPEG", {"progressive": True}), ("RGB", "BMP", {}),
        ("P", "GIF", {"save_all": True, "append_images": [grey.rotate(180)]}),
        ("RGBA", "WEBP", {"lossless": True}), ("RGB", "TIFF", {"compression": "tiff_lzw"}),
        ("LA", "TIFF", {}),
    )  # fmt: skip
    seeds = []
    for mode, kind, options in images:
        file = io.BytesIO()
        grey.convert(mode).save(file, kind, **options)
        seeds.append(Seed(file.getvalue()))
        if kind == "PNG":
            seeds.append(Seed(file.getvalue(), png_checked))
    return tuple(seeds)


MODELS = (
    Spec("mlp", (3, 3, 1), 2, {"hidden": 2, "batch_norm": True, "dropout": 0.5}),
    Spec("resnet", (2, 2, 1), 2, {"width": 1, "depth": 1}),
    Spec("air", (32, 32, 1), 2, {"width": 1}, views="mirrored"),
    Spec("mlp", (2, 2, 1), 2, {"hidden": 2, "dropout": 0.5}, networks=2, views="shifted"),
)


@lru_cache
def run_start() -> tuple[Job, TrainState]:
    """A training, and its state at the beginning."""
    spec = MODELS[0]
    job = Job(
        build(spec), momentum(), Split(np.zeros((1, *spec.shape), np.uint8), np.zeros(1)), spec=spec
    )
    return job, begin(job).ts


def save_progress(path: Path) -> None:
    job, start = run_start()
    run_directory.save_progress(path.parent, job, Progress(start, epoch=1, batch=2, loss=1.5))


CONFIG = {
    "format": run_directory.FORMAT,
    "options": {"model": "mlp", "lr": 0.1},
    "fingerprint": "ab",
}
METRICS = b"".join(
    line.encode() + b"\n"
    for line in (",".join(Row._fields), "1,9,2.5,0.1,0.2,,0.1,1.0,9.5,3,", "2,18,2,0,0,0.5,,1,9,,2")
)
NPZ = Reading(arrays=("x", "y"))
BATCH_100 = {"data": np.arange(3072, dtype=np.uint8)[None] % 5, "fine_labels": [99]}
BATCH = {"data": np.arange(3072, dtype=np.uint8)[None] % 5, "labels": [4]}
HEADER = b"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3, 2), }"
KEPT = {"stamp": [cache.VERSION, "tag", [6, 10**9]], "shape": PIXELS.shape}
KEPT_BYTES = SPLIT.labels.tobytes() + PIXELS.tobytes()

# What the readers state of their memory, in bytes and bytes a byte. A gzip counts as what is in it.
LARGE = {"base": 64 * MIB, "multiple": 40}  # the unpickler's; a gzip's; a network's, at most
SMALL = {"base": MIB, "multiple": 64}

READERS = (
    Reader(
        "mnist-images", TEST_IMAGES, (Seed(idx(PIXELS)),), read_mnist, check_split,
        beside={TEST_LABELS: idx(SPLIT.labels)}, **SMALL,
    ),
    Reader(
        "mnist-labels", TEST_LABELS, (Seed(idx(SPLIT.labels)),), read_mnist, check_split,
        beside={TEST_IMAGES: idx(PIXELS)}, **SMALL,
    ),
    Reader(
        "mnist-gz", f"{TEST_IMAGES}.gz", (Seed(idx(PIXELS), zipped), Seed(zipped(idx(PIXELS)))),
        read_mnist, check_split, beside={TEST_LABELS: idx(SPLIT.labels)}, **LARGE,
    ),
    Reader(
        "mnist-4-axes", TEST_IMAGES.replace("3", "4"), (Seed(idx(PIXELS[..., None])),), read_mnist,
        check_split, beside={TEST_LABELS: idx(SPLIT.labels)}, **SMALL,
    ),
    Reader(
        "idx", "x", (Seed(idx(PIXELS)), Seed(idx(SPLIT.labels), zipped)),
        lambda folder: read_idx(folder / "x"), check_array, **LARGE,
    ),
    Reader(
        "npz", "x.npz", (zipped_arrays(np.savez), zipped_arrays(np.savez_compressed)),
        lambda folder: read_npz(folder / "x.npz", ("x", "y")), check_npz, **LARGE,
    ),
    Reader(
        "npz-set", "x.npz", (zipped_arrays(np.savez), zipped_arrays(np.savez_compressed)),
        lambda folder: parse_npz(
            folder / "x.npz", find_npz(folder / "x.npz", NPZ), None, "train", str
        ),
        check_split, **LARGE,
    ),
    Reader(
        "cifar100-batch", "test", tuple(map(Seed, pickles(BATCH_100))),
        lambda folder: cifar.load_split(folder, "test", cifar.CIFAR100), check_cifar100, **LARGE,
    ),
    Reader(
        "cifar-batch", "test_batch", tuple(map(Seed, pickles(BATCH))), read_cifar, check_cifar,
        **LARGE,
    ),
    Reader(
        "cifar-archive", "cifar.tar.gz",
        (
            Seed(tar_of("test_batch", pickles(BATCH)[2]), lambda d: zipped(summed(d))),
            Seed(tar_of("test_batch", pickles(BATCH)[2]), summed),
            Seed(zipped(tar_of("test_batch", pickles(BATCH)[2]))),
            Seed(pickles(BATCH)[2], partial(tar_of, "test_batch")),
        ),
        lambda folder: cifar.load_split(folder / "cifar.tar.gz", "test"), check_cifar, **LARGE,
    ),
    Reader(
        "dump", "x.dump",
        (
            *map(Seed, pickles(PIXELS)),
            *map(Seed, pickles((PIXELS / 2).tolist())[:3]),
            Seed(npy(PIXELS)),
            Seed(HEADER, partial(npy_of, PIXELS.tobytes())),
        ),
        lambda folder: read_dump(folder / "x.dump", 3, 2), check_dump, **LARGE,
    ),
    Reader(
        "npy", "x.npy",
        (
            *(Seed(npy(PIXELS, version)) for version in ((1, 0), (2, 0), (3, 0))),
            Seed(npy(np.asfortranarray(PIXELS.astype(">f4")))),
            Seed(HEADER, partial(npy_of, PIXELS.tobytes())),
        ),
        lambda folder: parse_npy((folder / "x.npy").read_bytes()), check_array, **SMALL,
    ),
    Reader(
        "pickle", "x.pickle",
        (
            *map(Seed, pickles({"a": [1, 2.5, None, True], b"b": (PIXELS, b"x", "y"), 3: {1, 2}})),
            *map(Seed, pickles([np.float32(1.5), PIXELS[0].T, 2**70, bytearray(b"z")])),
        ),
        lambda folder: safe_load(folder / "x.pickle"), check_plain, **LARGE,
    ),
    Reader(
        "checkpoint", "x.npz", saved(lambda path: checkpoint.save(path, TREE)),
        lambda folder: checkpoint.load(folder / "x.npz"), check_tree, **SMALL,
    ),
    Reader(
        "recognizer", "params.npz",
        tuple(
            seed
            for spec in MODELS
            for small in (False, True)
            for seed in saved(partial(save_model, spec=spec, small=small))[:3]
        ),
        lambda folder: load_recognizer(folder / "params.npz"), check_recognizer,
        **LARGE,
    ),
    Reader(
        "run-config", run_directory.CONFIG, (Seed(json.dumps(CONFIG).encode()),),
        run_directory.read_config,
        check_config, **SMALL,
    ),
    Reader(
        "run-metrics", METRICS_FILE, (Seed(METRICS),),
        lambda folder: run_directory.done_rows(folder, 2),
        check_rows, **SMALL,
    ),
    Reader(
        "run-progress", run_directory.LAST, saved(save_progress),
        lambda folder: run_directory.load_progress(folder, *run_start()), check_progress, **SMALL,
    ),
    Reader(
        "cache", "kept",
        (
            Seed(kept_of(KEPT_BYTES, json.dumps(KEPT).encode())),
            Seed(json.dumps(KEPT).encode(), partial(kept_of, KEPT_BYTES)),
        ),
        read_cached, check_split, **SMALL,
    ),
    Reader(
        "image", "x.png", pictures(),
        lambda folder: read_grey(folder / "x.png", PICTURE_PIXELS), check_picture, **LARGE,
    ),
    Reader(
        "picture", "x.png", pictures(), lambda folder: read_picture(folder / "x.png", (4, 5, 3)),
        check_image, base=1 << 30, multiple=40,  # of up to 64 million pixels
    ),
)  # fmt: skip
READERS = tuple(reader for reader in READERS if reader.seeds)
