"""fnn-export: a network's file becomes a model that other programs run."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx_answers import agree, by_onnxruntime, check_names, inputs, onnx
from own_layer import FILE

import fnn
from fnn.models import Spec
from fnn.recognizer.recognizer import save_recognizer, untrained

MINE = (
    FILE
    + """from fnn.export import Entry, node


def net(classes):
    return fnn.serial(fnn.conv(4, stride=2), tanh(), fnn.flatten(), fnn.dense(classes))


def of_tanh(given):
    return node("Tanh", given.x)


entries = {"tanh": Entry(of_tanh, "any")}
wrong = {"tanh": lambda given: node("Sin", given.x)}
broken = {"tanh": lambda given: given.y}
number = 7
"""
)
SHAPE = (8, 7, 3)
READ = "is what the network is read from"


@pytest.fixture
def own(empty):
    """mine.py, and own.npz with a network of a layer that it makes."""
    Path("mine.py").write_text(MINE)
    namespace = {}
    exec(MINE, namespace)
    net = namespace["net"](3)
    params, state = net.init(0, SHAPE), net.state(0, SHAPE)
    names = ("cat", "dog", "blue sky")
    fnn.save_recognizer("own.npz", net, params, state, SHAPE, classes=names, model="mine.py:net")
    return fnn.load_recognizer("own.npz", net)


def written(file):
    model = onnx.load(file)
    check_names(model)
    return model


def test_a_file_answers_as_fnn_does(run):
    done = run("fnn-export", "a.onnx")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    ends = r"images, uint8 \(N, 28, 28\) in 0\.\.255 -> logits and probabilities, float32 \(N, 10\)"
    told = rf"network written to a\.onnx: {ends}; 8,\d\d\d,\d\d\d bytes"
    assert re.fullmatch(rf"parameters: pretrained \(.*\)\n{told}\n", done.stderr)
    images = fnn.open_data("digits", "test").data.images[:30]
    agree(by_onnxruntime(written("a.onnx"), images), fnn.recognize(fnn.pretrained(), images))


@pytest.mark.parametrize("views", ["one", "mirrored"])
def test_networks_for_color_images_with_names(run, views):
    names = tuple("abc")
    spec = Spec("resnet", SHAPE, 3, {"width": 4}, 2, views, names=names)
    found = untrained(spec)
    save_recognizer("p.npz", spec, found.params, found.state)
    assert run("fnn-export", "--params", "p.npz", "no-ending").returncode == 0
    model, images = written("no-ending"), inputs(SHAPE, 20)[0]
    agree(by_onnxruntime(model, images), fnn.recognize(found, images))
    kept = {prop.key: prop.value for prop in model.metadata_props}
    assert json.loads(kept["classes"]) == ["a", "b", "c"]
    assert model.doc_string.startswith("2 x resnet, made by fnn")


def test_parameters_are_found_as_by_other_programs(run, data):
    assert run("fnn-export", "--params", "random", "r.onnx").returncode == 0
    args = ("--data", data, "--model", "mlp", "--hidden", 5, "--epochs", 1, "--quiet")
    assert run("fnn-train", *args, "--run", "r").returncode == 0
    assert run("fnn-export", "--params", "r", "a.onnx").returncode == 0
    Path("params.npz").write_bytes(Path("r/params.npz").read_bytes())
    done = run("fnn-export", "b.onnx")
    assert "parameters: params.npz (mlp, trained on data" in done.stderr
    assert Path("a.onnx").read_bytes() == Path("b.onnx").read_bytes()


def test_layers_of_ones_own_need_their_function_and_their_entries(run, own, refused):
    args = ("--params", "own.npz", "a.onnx")
    refused(run("fnn-export", *args), "layers of your own", "--model mine.py:net")
    args = ("--model", "mine.py:net", *args)
    refused(run("fnn-export", *args), "at 1: tanh is a layer of your own", "--entries FILE.py:NAME")
    assert run("fnn-export", *args, "--entries", "mine.py:entries").returncode == 0
    images = inputs(SHAPE, 5)[0]
    agree(by_onnxruntime(written("a.onnx"), images), fnn.recognize(own, images))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ("mine.py:wrong", ["at 1: tanh: its entry computes something else"]),
        ("mine.py:broken", ["mine.py:broken, line 27: AttributeError"]),
        ("mine.py:number", ["--entries mine.py:number: expected a dict of entries, found 7"]),
        ("mine.py:entires", ["--entries mine.py:entires", "did you mean entries"]),
        ("absent.py:entries", ["--entries absent.py", "cannot be read"]),
        ("nonesuch:entries", ["--entries nonesuch", "no such module"]),
        ("mine.py", ["--entries", "FILE.py:NAME"]),
    ],
)
def test_wrong_entries_are_one_line(run, own, refused, entries, words):
    args = ("--params", "own.npz", "--model", "mine.py:net", "a.onnx", "--entries", entries)
    refused(run("fnn-export", *args), *words)
    assert not Path("a.onnx").exists()


def test_what_cannot_be_written_is_refused_and_nothing_is_lost(run, own, refused):
    Path("d").mkdir()
    Path("old.onnx").write_bytes(b"old")
    before = Path("own.npz").read_bytes()
    for args, words in (
        (["d"], ["d: is a directory"]),
        (["absent/a.onnx"], ["there is no directory"]),
        (["--params", "absent.npz", "old.onnx"], ["absent.npz"]),
        (["--params", "own.npz", "--model", "mine.py:net", "own.npz"], [READ]),
        (["old.onnx", "b.onnx"], ["unrecognized arguments: b.onnx", "--params b.onnx"]),
        ([], ["OUT"]),
    ):
        refused(run("fnn-export", *args), *words)
    mine = Path("mine.py").read_bytes()
    for option in ("--model", "--entries"):
        args = ("--params", "own.npz", option, "mine.py:entries", "mine.py")
        refused(run("fnn-export", *args), "mine.py: ", READ)
    assert Path("mine.py").read_bytes() == mine
    Path("params.npz").write_bytes(before)
    refused(run("fnn-export", "params.npz", "--model", "mine.py:net"), READ)
    assert Path("old.onnx").read_bytes() == b"old"
    assert Path("own.npz").read_bytes() == Path("params.npz").read_bytes() == before


def test_without_onnx_one_line_says_how_to_get_it(run, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    refused(run("fnn-export", "a.onnx"), "writing ONNX needs onnx", "pip install onnx")


def test_the_same_network_gives_the_same_bytes(run):
    for name in ("a.onnx", "b.onnx"):
        assert run("fnn-export", "--params", "random", name).returncode == 0
    assert Path("a.onnx").read_bytes() == Path("b.onnx").read_bytes()
    assert np.array_equal(*[len(onnx.load(n).graph.node) for n in ("a.onnx", "b.onnx")])
