"""What fuzzing has found, as cases: before they were mended, each broke a reader's promise."""

import json
import pickle
import struct

import numpy as np
import pytest
import toolz
from packing import Seed, kept_of, npy, npy_of, tree_of
from readers import BATCH, KEPT, KEPT_BYTES, METRICS, MODELS, READERS, exercise, save_progress

from fnn.errors import InputError
from fnn.files import checkpoint
from fnn.recognizer.recognizer import save_recognizer, untrained
from fnn.training import run_directory

NINES = b"9" * 4000  # Python reads them, but does not print the product of two of them


def header(shape: bytes) -> bytes:
    return npy_of(b"abc", b"{'descr': '|u1', 'fortran_order': False, 'shape': (%s), }" % shape)


def tree(form: object) -> bytes:
    """A checkpoint with two arrays and the header `form`."""
    members = {"fnn.npy": b"", "W.npy": npy(np.ones(10_000)), "x.npy": npy(np.ones(2))}
    return tree_of(members, json.dumps({"format": 1, "tree": form}).encode())


def claiming(mark: bytes, at: int) -> bytes:
    """A checkpoint whose field `at` bytes after a mark of the zip format says 2**30."""
    data = tree({"array": "x"})
    field = data.rindex(mark) + at
    return data[:field] + struct.pack("<I", 2**30) + data[field + 4 :]


def cached(shape: object, contents: bytes = KEPT_BYTES) -> bytes:
    return kept_of(contents, json.dumps({**KEPT, "shape": shape}).encode())


def batch(labels: list[int], protocol: int = 2) -> bytes:
    return pickle.dumps({**BATCH, "labels": labels}, protocol)


REFUSED = {
    "a product of sizes that cannot be printed": ("npy", header(NINES + b"," + NINES)),
    "the same in a dump": ("dump", header(NINES + b"," + NINES)),
    "a negative one": ("npy", header(b"-" + NINES + b"," + NINES)),
    "a label that cannot be printed": ("cifar-batch", batch([10**5000])),
    "a negative one, in text": ("cifar-batch", batch([-(2**14_000)], 0)),
    "hexadecimal digits without end": ("pickle", b"I0x" + b"f" * 5000 + b"\n."),
    "a number for a tree": ("checkpoint", tree(0)),
    "a text for a tree": ("checkpoint", tree("dict")),
    "a list for a tree": ("checkpoint", tree([{"dict": []}])),
    "a list for a leaf": ("checkpoint", tree({"value": [1]})),
    "a dict for a leaf": ("checkpoint", tree({"value": {"a": 1}})),
    "a text for a tuple": ("checkpoint", tree({"tuple": ""})),
    "numbers of objects with one hash": (
        "pickle",
        b"N" + b"".join(b"p%d\n" % (i * (2**61 - 1)) for i in range(200_000)) + b".",
    ),
    "keys with one hash": (
        "checkpoint",
        tree({"dict": [[i * (2**61 - 1), {"value": 1}] for i in range(40_000)]}),
    ),
    "a key that is nothing": ("checkpoint", tree({"dict": [[None, {"value": 1}]]})),
    "a key that is true": ("checkpoint", tree({"dict": [[True, {"value": 1}]]})),
    "an array a thousand times": ("checkpoint", tree({"tuple": [{"array": "W"}] * 1000})),
    "deep lists": ("checkpoint", tree([[[[[]]]]] * 9000)),
}
# the cache's damaged files are parsed again
PARSED_AGAIN = {
    "an impossible number of labels": cached([10**30, -1], b""),
    "labels for gigabytes": cached([2**31, -1], b""),
    "one axis": cached([3], b"abcdef"),
    "text times a billion": cached([10**9, "text"]),
    "no": cached([2, 3, True]),
}


@pytest.mark.parametrize(("name", "data"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused(tmp_path, name, data):
    (reader,) = (reader for reader in READERS if reader.name == name)
    assert not exercise(reader, Seed(data), data, tmp_path)


@pytest.mark.parametrize("data", PARSED_AGAIN.values(), ids=PARSED_AGAIN)
def test_it_is_parsed_again(tmp_path, data):
    (reader,) = (reader for reader in READERS if reader.name == "cache")
    assert exercise(reader, Seed(data), data, tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        claiming(b"PK\1\2", 20),  # a member, packed
        claiming(b"PK\1\2", 24),  # a member
        claiming(b"PK\5\6", 12),  # the archive's directory
        claiming(b"PK\5\6", 16),  # where it begins
    ],
)
def test_sizes_that_an_archive_claims_take_no_memory(tmp_path, data):
    (reader,) = (reader for reader in READERS if reader.name == "checkpoint")
    exercise(reader, Seed(data), data, tmp_path)


MLP, RESNET = MODELS[:2]
MODEL_CHANGES = {
    "images of text": (MLP, {"shape": "abc"}),
    "images of negative size": (MLP, {"shape": (-3, -3, 1)}),
    "images of fractions": (MLP, {"shape": (3.0, 3, 1)}),
    "nodes for petabytes": (MLP, {"options": {"hidden": 10**12}}),
    "nodes beyond all": (MLP, {"options": {"hidden": 10**4000}}),
    "classes for gigabytes": (MLP, {"classes": 10**9}),
    "channels for gigabytes": (RESNET, {"options": {"width": 10**4}}),
    "channels for petabytes": (RESNET, {"name": "vgg", "options": {"width": 10**7}}),
    "blocks for hours": (RESNET, {"options": {"width": 1, "depth": 10**9}}),
    "no blocks": (RESNET, {"options": {"width": 1, "depth": 0}}),
}


@pytest.mark.parametrize(("spec", "change"), MODEL_CHANGES.values(), ids=MODEL_CHANGES)
def test_a_model_that_its_parameters_are_not_of_is_refused_at_once(tmp_path, spec, change):
    (reader,) = (reader for reader in READERS if reader.name == "recognizer")
    fresh = untrained(spec)
    save_recognizer(tmp_path / "x.npz", spec, fresh.params, fresh.state)
    content = checkpoint.load(tmp_path / "x.npz")
    content["model"].update(change)
    checkpoint.save(tmp_path / "x.npz", content)
    data = (tmp_path / "x.npz").read_bytes()
    assert not exercise(reader, Seed(data), data, tmp_path)


@pytest.mark.parametrize("content", [np.ones(2), (1, 2), 5, None])
@pytest.mark.parametrize("name", ["recognizer", "run-progress"])
def test_a_checkpoint_of_something_else_is_refused(tmp_path, name, content):
    (reader,) = (reader for reader in READERS if reader.name == name)
    checkpoint.save(tmp_path / "x.npz", content)
    data = (tmp_path / "x.npz").read_bytes()
    assert not exercise(reader, Seed(data), data, tmp_path)


PROGRESS = {
    ("progress", "epoch"): ["x", None, -1, 1.5, True, (1,)],
    ("progress", "batch"): ["x", None, -1, 1.5, True, (1,)],
    ("progress", "loss"): ["x", None, 1, True, (1,)],
    ("best", "epoch"): ["x", None, -1, 1.5],
    ("best", "loss"): ["x", None, 1],
    ("loss",): ["x", None, (1,), 10**400],
}


@pytest.mark.parametrize(("where", "values"), PROGRESS.items(), ids=map("/".join, PROGRESS))
def test_progress_that_is_not_in_numbers_is_refused(tmp_path, where, values):
    (reader,) = (reader for reader in READERS if reader.name == "run-progress")
    save_progress(tmp_path / "last.npz")
    content = checkpoint.load(tmp_path / "last.npz")
    for value in values:
        checkpoint.save(tmp_path / "last.npz", toolz.assoc_in(content, where, value))
        data = (tmp_path / "last.npz").read_bytes()
        assert not exercise(reader, Seed(data), data, tmp_path)


def test_a_table_for_more_epochs_than_memory_is_refused(tmp_path):
    (tmp_path / "metrics.csv").write_bytes(METRICS)
    with pytest.raises(InputError, match="expected the epochs 1 to 1000000000000000000"):
        run_directory.done_rows(tmp_path, 10**18)
