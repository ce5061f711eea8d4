"""The programs on a directory of pictures and on an .npz file."""

import json

import numpy as np
import pytest

from fnn.training.options import Options, from_config

Image = pytest.importorskip("PIL.Image", reason="reading images needs pillow")


@pytest.fixture
def photos(empty):
    """Three classes of six pictures of 7 x 6 pixels, and a broken one."""
    draw = np.random.default_rng(0)
    for i in range(18):
        place = empty / "photos" / f"class {i % 3}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = draw.integers(0, 256, (7, 6, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"{i}.png")
    return empty / "photos"


def test_a_training_keeps_how_its_data_were_read(run, photos, empty):
    options = ("--size", "5x4", "--colors", "grey", "--test-share", 0.4, "--broken", "skip")
    common = ("--epochs", 1, "--hidden", 3, "--quiet")
    done = run("fnn-train", "--data", photos, *options, *common, "--run", "run")
    assert done.returncode == 0, done.stderr
    config = json.loads((empty / "run" / "config.json").read_text())["options"]
    assert [config[name] for name in ("size", "colors", "test_share", "broken", "arrays")] == [
        "5x4", "grey", 0.4, "skip", None,
    ]  # fmt: skip
    assert run("fnn-train", "--resume", "run", "--quiet").returncode == 0
    # a trained network sees the pictures as it takes them
    for program, more in (("fnn-eval", ()), ("fnn-loss", ("--batch-size", 3))):
        done = run(program, "--data", photos, "--params", "run", *more)
        assert done.returncode == 0, done.stderr
    assert run("fnn-predict", "--data", photos, "--params", "run", stdin="0\n").returncode == 0
    mistakes = ("--mistakes", "--params", "run", "--out", "x.png", "--test-share", 0.4)
    assert run("fnn-show", "--data", photos, *mistakes).returncode == 0


def test_an_npz_file(run, empty):
    x = np.random.default_rng(0).integers(0, 256, (12, 5, 5), np.uint8)
    np.savez(empty / "set.npz", x=x, y=np.arange(12) % 2)
    done = run("fnn-train", "--data", "set.npz", "--arrays", "x,y", "--epochs", 1, "--quiet")
    assert (done.returncode, done.stderr.count("\n")) == (0, done.stderr.count("fnn: ")), done
    assert run("fnn-eval", "--data", "set.npz", "--arrays", "x,y").returncode == 0


def test_what_is_refused(run, refused, photos, empty):
    (photos / "class 1" / "broken.png").write_bytes(b"")
    Image.new("RGB", (9, 9)).save(photos / "class 2" / "large.png")
    for args, words in (
        (("--data", photos), ("class 1/broken.png", "--broken skip")),
        (("--data", photos, "--size", "5y4"), ("--size", "HEIGHTxWIDTH", "5y4")),
        (("--data", photos, "--size", "0"), ("--size", "1..9999")),
        (("--data", photos, "--colors", "gray"), ("--colors", "grey")),
        (("--data", photos, "--test-share", "1"), ("--test-share", "below 1")),
        (("--data", photos, "--arrays", "x"), ("--arrays", "two or four")),
        (("--data", "digits", "--size", "8"), ("--size", "digits", "a directory of pictures")),
        (("--size", "8",), ("--size", "mnist", "leave it out")),
        (("--data", "fotos"), ("--data 'fotos'", "there is no such directory or file")),
        (("--data", photos / "class 1" / "broken.png"), ("not the name of a data set",)),
    ):  # fmt: skip
        refused(run("fnn-train", *args), *words)
    refused(run("fnn-predict", "--image", "x.png", "--size", "8"), "--size: not used with --image")
    refused(run("fnn-show", "--filters", "--broken", "skip"), "--broken: the filters need no")


def test_the_options_of_older_runs_are_still_known():
    old = Options(model="conv")._asdict()
    for name in ("size", "colors", "test_share", "broken", "arrays"):
        del old[name]
    assert from_config(old) == Options(model="conv")
    for wrong in ({"size": "axb"}, {"size": 8}, {"arrays": "x"}, {"test_share": 0.0}):
        with pytest.raises(ValueError, match="expected"):
            from_config({**old, **wrong})
