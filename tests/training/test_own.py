"""Networks of one's own in fnn-train, trainings that begin with a file's weights, longer runs."""

import re
from pathlib import Path

import numpy as np
import pytest
from own_layer import FILE

import fnn
from fnn.files import checkpoint
from fnn.models.own import own_model

MINE = (
    FILE
    + """

def own(classes, width=4):
    body = fnn.residual(fnn.conv(width), tanh())
    return fnn.serial(fnn.conv(width, stride=4), body, fnn.flatten(), fnn.dense(classes))


def plain(classes, width=4):
    body = fnn.residual(fnn.conv(width), fnn.batch_norm(), fnn.dropout(0.1), fnn.relu())
    return fnn.serial(fnn.conv(width, stride=4), body, fnn.flatten(), fnn.dense(classes))


value = plain(10)


def keyword(*, classes):
    return plain(classes)


def eleven():
    return plain(11)


def broken(classes):
    return plain(classes) / 0


def wrong(classes):
    half = fnn.Layer(lambda rng, shape: {}, lambda params, state, x, train: half_of(x), None)
    return fnn.serial(fnn.flatten(), half, fnn.dense(classes))


def no_weights(classes):
    def init(rng, shape):
        return {"W": shape[7]}

    half = fnn.relu()._replace(init=init)
    return fnn.serial(fnn.flatten(), half, fnn.dense(classes))


def misfit(classes):
    return fnn.serial(fnn.conv(4), fnn.dense(classes))


number = 7
"""
)


@pytest.fixture
def train(run, data, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)

    def go(*args, epochs=2):
        return run("fnn-train", "--data", data, "--epochs", epochs, "--lr", 0.003, *args)

    return go


def content(path):
    return Path(path).read_bytes()


def begun_again(run):
    """What the run in r ends with after it has lost all that it had learned."""
    for lost in ("last.npz", "params.npz"):
        Path("r", lost).unlink()
    assert run("fnn-train", "--resume", "r").returncode == 0
    return content("r/params.npz")


def close(a, b):
    pairs = zip(fnn.tree.leaves(a), fnn.tree.leaves(b), strict=True)
    return all(map(np.array_equal, *zip(*pairs, strict=True)))


@pytest.mark.parametrize("name", ["plain", "value", "keyword"])
def test_a_network_of_fnns_layers_needs_its_function_for_the_training_alone(run, train, name):
    done = train("--model", f"mine.py:{name}", "--run", "r")
    assert done.returncode == 0, done.stderr
    assert re.match(rf"parameters: [\d,]+ in mine\.py:{name}, which learns from 600", done.stderr)
    Path("mine.py").unlink()
    found = fnn.load_recognizer("r/params.npz")
    assert (found.spec.name, found.spec.classes) == (f"mine.py:{name}", 10)
    whole = content("r/params.npz")
    assert begun_again(run) == whole


def test_layers_of_ones_own_are_named_again_by_every_program(run, train, data, refused):
    own = ("--model", "mine.py:own")
    assert train(*own, "--run", "r", "--validation", 0.2).returncode == 0
    whole = content("r/params.npz")
    for lost in ("last.npz", "params.npz"):
        Path("r", lost).unlink()
    Path("r/metrics.csv").unlink()
    refused(run("fnn-train", "--resume", "r"), "layers of your own", "--model mine.py:own")
    assert run("fnn-train", "--resume", "r", *own).returncode == 0
    assert content("r/params.npz") == whole
    programs = {
        "fnn-eval": ("--data", data),
        "fnn-loss": ("--data", data, "--batch-size", 5),
        "fnn-predict": ("--data", data),
        "fnn-show": ("--data", data, "--mistakes", "--out", "a.png"),
    }
    for program, args in programs.items():
        given = (*args, "--params", "r/params.npz")
        refused(run(program, *given, stdin="3\n"), "layers of your own", "--model mine.py:own")
        done = run(program, *given, *own, stdin="3\n")
        assert done.returncode == 0, done.stderr


def test_a_mistake_in_ones_own_layer_is_one_line_in_every_program(run, train, data, refused):
    own = ("--model", "mine.py:own", "--params", "params.npz")
    assert train("--model", "mine.py:own", epochs=1).returncode == 0
    Path("mine.py").write_text(MINE.replace("(np.tanh(x), fnn", "(np.tan_h(x), fnn"))
    for program in ("fnn-eval", "fnn-loss", "fnn-predict", "fnn-show"):
        more = {"fnn-show": ("--mistakes", "--out", "a.png"), "fnn-loss": ("--batch-size", 5)}
        done = run(program, "--data", data, *own, *more.get(program, ()), stdin="1\n")
        refused(done, "mine.py:own, line 10: AttributeError")


def test_options_reach_a_network_of_ones_own(train, refused):
    for name, known in (("plain", True), ("value", False)):
        done = train("--model", f"mine.py:{name}", "--width", 6, epochs=1)
        if known:
            assert fnn.load_recognizer("params.npz").params[0]["W"].shape == (3, 3, 1, 6)
        else:
            refused(done, "--width: the model mine.py:value has no such option")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("mlpp", ["found 'mlpp'; did you mean mlp?", "FILE.py:NAME"]),
        ("absent.py:net", ["absent.py: cannot be read", "FILE.py:NAME"]),
        ("mine.py:plian", ["mine.py has no 'plian'", "did you mean plain?"]),
        ("mine.py:", ["mine.py has no ''"]),
        (":plain", ["no such module"]),
        ("no_such_module:plain", ["no such module"]),
        ("json:loads", ["json:loads: the JSON object must be"]),
        ("mine.py:number", ["expected a function, found 7"]),
        ("mine.py:tanh", ["the network gives (28, 28, 1)", "def net(classes)"]),
        ("mine.py:eleven", ["the network gives (11,)", "def net(classes)"]),
        ("mine.py:np", ["expected a function"]),
        ("mine.py:broken", ["mine.py:broken, line 38: TypeError"]),
        ("mine.py:wrong", ["mine.py:wrong, line 42: NameError: name 'half_of'"]),
        ("mine.py:no_weights", ["mine.py:no_weights, line 48: IndexError"]),
        ("mine.py:misfit", ["mine.py:misfit", "put flatten() before it"]),
        ("syntax.py:net", ["syntax.py, line 2:"]),
        ("raises.py:net", ["raises.py, line 1: ZeroDivisionError"]),
        ("imports.py:net", ["imports.py, line 1: ModuleNotFoundError"]),
    ],
)
def test_what_is_no_network_is_refused(train, refused, tmp_path, model, words):
    (tmp_path / "syntax.py").write_text("import fnn\ndef net(:\n")
    (tmp_path / "raises.py").write_text("1 / 0\n")
    (tmp_path / "imports.py").write_text("import no_such_module\n")
    refused(train("--model", model), *words)
    assert not Path("params.npz").exists()


def test_code_runs_once_and_again_when_it_has_changed(empty):
    file = empty / "counted.py"
    file.write_text("runs = []\ndef net(): return runs\n")
    runs = own_model("counted.py:net")()
    runs.append(1)
    assert own_model("counted.py:net")() is runs
    file.write_text("runs = [5]\ndef net(): return runs\n")
    assert own_model("counted.py:net")() == [5]


def test_a_file_may_import_its_neighbors(train, tmp_path):
    (tmp_path / "neighbor_of_mine.py").write_text(MINE)
    (tmp_path / "imports.py").write_text("from neighbor_of_mine import plain as net\n")
    assert train("--model", "imports.py:net", epochs=1).returncode == 0


# A training that begins with a file's weights.


def test_a_training_begins_with_what_a_file_holds(run, train, refused):
    assert train("--model", "mine.py:plain", "--out", "a.npz").returncode == 0
    first = fnn.load_recognizer("a.npz")
    done = train("--params", "a.npz", "--lr", 1e-30, "--run", "r", epochs=1)
    assert done.returncode == 0, done.stderr
    assert "in mine.py:plain from a.npz, which learns from 600 images" in done.stderr
    again = fnn.load_recognizer("r/params.npz")
    assert close(first.params, again.params)
    Path("a.npz").unlink()
    whole = content("r/params.npz")
    assert begun_again(run) == whole


def test_other_classes_get_a_new_last_layer(run, train, refused, small):
    assert train("--model", "mlp", "--hidden", 7, "--out", "a.npz").returncode == 0
    two = fnn.open_data("digits", "test").data
    rows = two.labels < 2
    np.savez("two.npz", x=two.images[rows], y=two.labels[rows])
    first = fnn.load_recognizer("a.npz")
    args = ("--params", "a.npz", "--data", "two.npz", "--arrays", "x,y", "--epochs", 1)
    done = run("fnn-train", *args, "--lr", 1e-30, "--out", "b.npz")
    assert done.returncode == 0, done.stderr
    again = fnn.load_recognizer("b.npz")
    assert (again.spec.name, again.spec.classes, again.spec.options) == ("mlp", 2, {"hidden": 7})
    assert close(first.params[1], again.params[1])
    assert again.params[3]["W"].shape == (7, 2)


def test_each_of_several_networks_begins_with_one_of_several(train):
    two = ("--networks", 2, "--model", "mlp", "--hidden", 5)
    assert train(*two, "--out", "a.npz", epochs=1).returncode == 0
    more = ("--params", "a.npz", "--lr", 1e-30)
    assert train(*more, "--networks", 2, "--out", "b.npz", epochs=1).returncode == 0
    assert train(*more, "--out", "c.npz", epochs=1).returncode == 0
    a, b, c = (fnn.load_recognizer(f"{name}.npz").params for name in "abc")
    assert close(a, b)
    assert close(a[0][0], c)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--params", "absent.npz"], ["absent.npz"]),
        (["--params", "random"], ["--params random", "leave it out"]),
        (["--params", "a.npz", "--model", "lenet"], ["not those of this network", "at the root"]),
        (
            ["--params", "a.npz", "--model", "mlp", "--hidden", 9],
            ["at 1/W", "(784, 9)", "(784, 5)"],
        ),
        (["--params", "a.npz", "--hidden", 9], ["the network of --params has no such option"]),
        (["--params", "mine.py"], ["mine.py: not a file that fnn wrote"]),
        (["--params", "a.npz", "--resume", "r"], ["--params", "keeps its own options"]),
    ],
)
def test_parameters_of_another_network_are_refused(run, train, refused, args, words):
    train("--model", "mlp", "--hidden", 5, "--out", "a.npz", epochs=1)
    if "--resume" in args:
        train("--model", "mlp", "--hidden", 5, "--run", "r", epochs=1)
        refused(run("fnn-train", *args), *words)
    else:
        refused(train(*args, "--run", "new"), *words)
        assert not Path("new").exists()


# A run that is made longer.


@pytest.mark.parametrize(
    "model",
    [
        ["mlp"],
        ["mine.py:plain"],
        ["mine.py:plain", "--optimizer", "muon", "--momentum", 0.6, "--weight-decay", 0.1],
    ],
    ids=["mlp", "own", "muon"],
)
def test_a_finished_run_goes_on_as_if_it_had_been_longer_from_the_start(run, train, model):
    steady = ("--model", *model, "--schedule", "constant", "--validation", 0.2)
    assert train(*steady, "--run", "short", epochs=2).returncode == 0
    assert train(*steady, "--run", "long", epochs=4).returncode == 0
    done = run("fnn-train", "--resume", "short", "--epochs", 4)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert content("short/params.npz") == content("long/params.npz")
    assert run("fnn-train", "--resume", "short").returncode == 0
    last = checkpoint.load("short/last.npz")
    assert last["progress"]["epoch"] == 4


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_run_is_not_made_shorter(run, train, refused, epochs):
    assert train("--run", "r").returncode == 0
    before = content("r/config.json")
    refused(run("fnn-train", "--resume", "r", "--epochs", epochs), "one of 2", "choose more")
    assert content("r/config.json") == before


# Fine-tuning that keeps the first layers.


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "adamw", "muon"])
@pytest.mark.parametrize("more", [(), ("--weight-decay", 0.1, "--lookahead", "--shards", 2)])
def test_frozen_layers_keep_every_bit(train, optimizer, more):
    assert train("--model", "mine.py:plain", "--out", "a.npz").returncode == 0
    args = ("--params", "a.npz", "--optimizer", optimizer, "--freeze", 2, *more)
    assert train(*args, "--out", "b.npz", "--seed", 5).returncode == 0
    a, b = (fnn.load_recognizer(f"{name}.npz") for name in "ab")
    for i in range(2):
        assert close(a.params[i], b.params[i])
        norms = [tree for tree in (a.state[i], b.state[i]) if tree]
        assert not norms or close(norms[0][0][1], norms[1][0][1])
    assert not close(a.params[3], b.params[3])
    assert a.spec.form == b.spec.form


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--freeze", 2], ["--freeze", "add --params"]),
        (["--params", "a.npz", "--freeze", 4], ["--freeze 4", "of 4 layers, no parameters"]),
        (["--params", "a.npz", "--freeze", 9], ["--freeze 9", "of 4 layers"]),
        (["--params", "a.npz", "--freeze", -1], ["--freeze"]),
    ],
)
def test_layers_that_cannot_be_frozen_are_refused(train, refused, args, words):
    train("--model", "mlp", "--hidden", 3, "--out", "a.npz", epochs=1)
    refused(train(*args), *words)


@pytest.mark.parametrize(("args", "stem"), [((), None), (("--stem", "small"), "small")])
def test_a_large_image_gets_the_large_stem_unless_another_is_chosen(run, args, stem):
    images = fnn.keys.generator(0).integers(0, 256, (4, 65, 66, 3)).astype(np.uint8)
    for side in (65, 64):
        some, labels = images[:, :side, :side], np.array([0, 1, 0, 1])
        np.savez("set.npz", x_train=some, y_train=labels, x_test=some, y_test=labels)
        done = run("fnn-train", "--data", "set.npz", "--model", "resnet18", "--summary", *args)
        assert done.returncode == 0, done.stderr
        large = "size=7, stride=2" in done.stdout
        assert large == (side == 65 and stem is None)


def test_adamw_decays_by_itself(run, data):
    """--weight-decay is its own rate, not one of the gradients beside it."""
    args = ("--data", data, "--hidden", 4, "--epochs", 2, "--optimizer", "adamw")
    kept = {}
    for name, more in {
        "usual": (),
        "same": ("--weight-decay", 0.01),
        "more": ("--weight-decay", 0.5),
    }.items():
        assert run("fnn-train", *args, *more, "--out", f"{name}.npz").returncode == 0
        kept[name] = fnn.load_recognizer(f"{name}.npz").params
    assert close(kept["usual"], kept["same"])
    assert abs(kept["more"][3]["W"]).mean() < abs(kept["usual"][3]["W"]).mean()
