"""Recipes, and several networks whose answers are averaged."""

import json
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest

import fnn
from fnn.cli.train import parse
from fnn.files import checkpoint
from fnn.recognizer.recognizer import load_origin
from fnn.training.choices import AUGMENTS
from fnn.training.recipes import RECIPES
from fnn.training.resolve import resolve

TWO = ("--hidden", 6, "--dropout", 0.5, "--epochs", 2, "--networks", 2)


def parts(path):
    content = checkpoint.load(path)
    return [content["params"][0][i] for i in sorted(content["params"][0])]


def same(a, b):
    return all(
        np.array_equal(x, y) for x, y in zip(fnn.tree.leaves(a), fnn.tree.leaves(b), strict=True)
    )


def test_networks_have_consecutive_seeds(run, data):
    done = run("fnn-train", "--data", data, *TWO, "--seed", 4)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^2 networks: accuracy [01]\.\d{4}", done.stderr, re.M)
    for seed, params in zip((4, 5), parts("params.npz"), strict=True):
        alone = ("--networks", 1, "--seed", seed, "--out", "one.npz")
        run("fnn-train", "--data", data, *TWO, *alone)
        assert same(checkpoint.load("one.npz")["params"], params)
    done = run("fnn-eval", "--data", data)
    assert done.returncode == 0, done.stderr


def test_networks_take_augmentations_in_turn(run, data):
    three = ("--hidden", 6, "--epochs", 1, "--networks", 3)
    done = run("fnn-train", "--data", data, *three, "--augment", "shift,noise/none", "--run", "r")
    assert done.returncode == 0, done.stderr
    found = parts("r/params.npz")
    for seed, augment in enumerate(("shift,noise", "none", "shift,noise")):
        options = ("--networks", 1, "--seed", seed, "--augment", augment)
        run("fnn-train", "--data", data, *three, *options)
        assert same(checkpoint.load("params.npz")["params"], found[seed])
    whole = Path("r/params.npz").read_bytes()
    for name in ("params.npz", "2/last.npz", "2/params.npz"):
        Path("r", name).unlink()
    assert run("fnn-train", "--resume", "r").returncode == 0
    assert Path("r/params.npz").read_bytes() == whole
    kept = [json.loads(Path("r", part, "config.json").read_text())["options"] for part in "12"]
    assert [options["augment"] for options in kept] == ["shift,noise", None]


def test_a_run_of_networks_keeps_each_and_goes_on(run, data):
    assert run("fnn-train", "--data", data, *TWO, "--out", "whole.npz").returncode == 0
    assert run("fnn-train", "--data", data, *TWO, "--run", "r").returncode == 0
    whole = Path("whole.npz").read_bytes()
    assert Path("r/params.npz").read_bytes() == whole
    for name in ("params.npz", "2/last.npz", "2/params.npz", "1/params.npz"):
        Path("r", name).unlink()
    before = Path("r/1/last.npz").stat().st_mtime_ns
    done = run("fnn-train", "--resume", "r")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2, "the first network was trained again"
    assert Path("r/1/last.npz").stat().st_mtime_ns == before
    assert Path("r/params.npz").read_bytes() == whole


def test_a_run_that_stops_within_a_network_names_the_whole(run, start, data, tmp_path):
    args = ("--data", data, "--hidden", 6, "--epochs", 60, "--networks", 2)
    assert run("fnn-train", *args, "--run", "whole").returncode == 0
    process = start("fnn-train", *args, "--run", "r", "--save-every", 0)
    end = time.monotonic() + 60
    while not (tmp_path / "r" / "2" / "last.npz").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "continue with: fnn-train --resume r\n" in err
    assert run("fnn-train", "--resume", "r").returncode == 0
    assert Path("r/params.npz").read_bytes() == Path("whole/params.npz").read_bytes()


def test_views_are_kept_and_used(run, data):
    small = ("--hidden", 6, "--epochs", 1)
    done = run("fnn-train", "--data", data, *small, "--views", "shifted")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^the network, shifted views: accuracy [01]\.\d{4}", done.stderr, re.M)
    found = fnn.load_recognizer("params.npz")
    assert found.spec.views == "shifted"
    assert run("fnn-train", "--data", data, *small, "--out", "one.npz").returncode == 0
    plain = fnn.load_recognizer("one.npz")
    assert same(plain.params, found.params)
    images = fnn.open_data(str(data), "test").data.images
    recognize = fnn.recognize
    assert abs(recognize(plain, images) - recognize(found, images)).max() > 1e-3


def test_alternating_flips_change_what_is_learned(run, data):
    small = ("--data", data, "--hidden", 6, "--epochs", 2)
    assert run("fnn-train", *small, "--out", "plain.npz").returncode == 0
    for name in ("one.npz", "two.npz"):
        assert run("fnn-train", *small, "--alternating-flip", "--out", name).returncode == 0
    assert Path("one.npz").read_bytes() == Path("two.npz").read_bytes()
    assert not same(*(checkpoint.load(p)["params"] for p in ("plain.npz", "one.npz")))


def test_compact_is_a_quarter_of_the_size_and_answers_nearly_alike(run, data):
    small = ("--data", data, "--hidden", 100, "--epochs", 1)
    assert run("fnn-train", *small).returncode == 0
    assert run("fnn-train", *small, "--compact", "--run", "r").returncode == 0
    whole, part = Path("params.npz").stat().st_size, Path("r/params.npz").stat().st_size
    assert part < 0.235 * whole
    images = fnn.open_data(str(data), "test").data.images
    a, b = (
        fnn.recognize(fnn.load_recognizer(path), images) for path in ("params.npz", "r/params.npz")
    )
    assert a.dtype == b.dtype == np.float32
    np.testing.assert_allclose(a, b, atol=0.2)
    assert abs(a - b).max() > 0


def test_a_compact_file_says_its_own_accuracy(run, data):
    small = ("--data", data, "--hidden", 8, "--epochs", 4, "--seed", 1)
    test, told = fnn.open_data(str(data), "test").data, []
    for options in ((), ("--compact",)):
        assert run("fnn-train", *small, *options, "--out", "a.npz").returncode == 0
        answers = fnn.recognize(fnn.load_recognizer("a.npz"), test.images)
        told.append(load_origin("a.npz").accuracy)
        assert told[-1] == fnn.accuracy(answers, test.labels)
    assert told[0] != told[1]  # with these options, seven bits change one of the 100 answers


def parsed(words):
    """The resolved options of a command line."""
    return resolve(parse(words)[0])


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_options_that_can_be_changed(name):
    plain, changed = parsed(["--recipe", name]), parsed(["--recipe", name, "--epochs", "1"])
    assert changed.epochs == 1
    assert changed._replace(epochs=plain.epochs) == plain
    # A recipe's values must be ones that the options accept.
    words = [
        word
        for option, value in RECIPES[name].options.items()
        for word in ([f"--{option.replace('_', '-')}"] + ([] if value is True else [str(value)]))
    ]
    assert parsed(words) == plain._replace(recipe=None)
    for augment in re.split("[,/]", plain.augment or "shift"):
        assert augment in AUGMENTS


@pytest.mark.parametrize(
    ("words", "name", "left"),
    [
        ("--recipe cifar10 --no-lookahead", "lookahead", False),
        ("--recipe cifar10 --no-alternating-flip", "alternating_flip", False),
        ("--recipe mlp --no-batch-norm", "batch_norm", False),
        ("--recipe single --augment none", "augment", None),
        ("--recipe single --dropout 0", "dropout", 0.0),
        ("--recipe single --optimizer adadelta", "lr", None),
        ("--recipe contest --views one", "views", "one"),
        ("--recipe single --optimizer nesterov", "weight_decay", 0.0),
        ("--recipe single --optimizer nesterov", "momentum", None),
        ("--recipe single --optimizer adam", "lr", 0.001),
        ("--recipe mlp --optimizer muon", "lr", 0.02),
    ],
)
def test_what_a_recipe_switches_on_can_be_switched_off(words, name, left):
    recipe = words.split()[1]
    assert RECIPES[recipe].options[name] != left
    assert getattr(parsed(words.split()), name) == left


def test_a_run_of_a_recipe_goes_on_with_its_options(run, data):
    small = ("--recipe", "contest", "--model", "mlp", "--hidden", 5, "--epochs", 1)
    done = run("fnn-train", "--data", data, *small, "--networks", 1, "--run", "r")
    assert done.returncode == 0, done.stderr
    options = json.loads(Path("r/config.json").read_text())["options"]
    assert options["augment"] == "mild"  # the first turn
    recipe = {k: v for k, v in RECIPES["contest"].options.items() if options[k] == v}
    assert len(recipe) > len(options) / 8
    before = Path("r/params.npz").read_bytes()
    for name in ("last.npz", "params.npz"):
        Path("r", name).unlink()
    assert run("fnn-train", "--resume", "r").returncode == 0
    assert Path("r/params.npz").read_bytes() == before


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--recipe", "cake"], ["--recipe", "cake", "contest"]),
        (["--recipe", "mlp", "--model", "conv"], ["--recipe mlp: its --hidden", "model conv"]),
        (["--networks", "0"], ["--networks", "1..100"]),
        (["--views", "sideways"], ["--views", "sideways", "shifted"]),
        (["--resume", "r", "--recipe", "contest"], ["--recipe", "keeps its own options"]),
    ],
)
def test_bad_options_are_refused(run, refused, args, words):
    refused(run("fnn-train", *args), *words)
