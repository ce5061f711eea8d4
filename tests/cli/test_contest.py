import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from fnn.data.mnist import load_mnist
from fnn.data.synthetic import digits


@pytest.fixture
def trained(run, data):
    run("fnn-train", "--data", data, "--epochs", 6, "--batch-size", 20)
    return data


@pytest.mark.parametrize("name", ["x.dump", "dump", "x.npy"])
def test_one_line_per_image_as_fnn_predict_prints(run, trained, name):
    images = load_mnist(trained).test.images
    if name.endswith("npy"):
        np.save(name, images)
    else:
        with open(name, "wb") as file:
            pickle.dump(images.reshape(-1, 784), file, protocol=2)
    done = run("fnn-contest", name, "out.txt")
    assert done.returncode == 0, done.stderr
    told, warned, written = done.stderr.splitlines()
    line = r"parameters: params.npz \(mlp, trained on data, \d\d.\d\d%, just now\)"
    assert re.fullmatch(line, told)
    assert warned == "fnn: params.npz has learned from data, not from mnist"
    assert written == "100 answers written to out.txt"
    answers = run("fnn-predict", "--data", trained, stdin="".join(f"{i}\n" for i in range(100)))
    assert open_text("out.txt") == answers.stdout


def open_text(path):
    with open(path) as file:
        return file.read()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["x.dump", "empty"]),
        (pickle.dumps(os.getcwd), ["x.dump", "refused", "getcwd"]),
        (pickle.dumps(np.zeros((3, 10))), ["x.dump", "(3, 10)", "(N, 784)"]),
        (pickle.dumps(np.full((2, 784), np.nan)), ["x.dump", "nan", "0..255"]),
        (pickle.dumps(np.zeros((2, 784)))[:-100], ["x.dump"]),
        (None, ["x.dump", "no such file"]),
    ],
)
def test_an_unreadable_dump_leaves_the_old_answers(run, refused, tmp_path, content, words):
    (tmp_path / "out.txt").write_text("old")
    if content is not None:
        (tmp_path / "x.dump").write_bytes(content)
    refused(run("fnn-contest", "x.dump", "out.txt", "--params", "random"), *words)
    assert open_text("out.txt") == "old"


def test_missing_parameters_and_paths_that_cannot_be_written(run, refused, tmp_path):
    np.save("x.npy", np.zeros((2, 28, 28), np.uint8))
    (tmp_path / "out.txt").write_text("old")
    done = run("fnn-contest", "x.npy", "out.txt", "--params", "absent.npz")
    refused(done, "absent.npz", "no such file")
    assert open_text("out.txt") == "old"
    refused(run("fnn-contest", "x.npy", "absent/o", "--params", "random"), "no directory")
    refused(run("fnn-contest", "x.npy"), "OUT")
    refused(run("fnn-contest", "x.npy", "x.npy/o", "--params", "random"), "x.npy/o")


def test_the_dump_itself_is_not_overwritten(run, refused):
    images = np.full((2, 28, 28), 9, np.uint8)
    np.save("x.npy", images)
    refused(run("fnn-contest", "x.npy", "./x.npy", "--params", "random"), "is the dump itself")
    Path("mine.npz").write_bytes(b"precious")
    done = run("fnn-contest", "x.npy", "./mine.npz", "--params", "mine.npz")
    refused(done, "mine.npz: is the parameter file itself")
    assert Path("mine.npz").read_bytes() == b"precious"
    np.testing.assert_array_equal(np.load("x.npy"), images)


def test_without_parameters_the_pretrained_ones_are_used(run):
    images, labels = digits(3, 200)
    np.save("x.npy", images)
    done = run("fnn-contest", "x.npy", "out.txt")
    told = "parameters: pretrained (2 x slim, trained on mnist, 99.71%)\n"
    assert done.stderr == f"{told}200 answers written to out.txt\n"
    found = np.array(open_text("out.txt").split(), int)
    assert (found == labels).mean() > 0.9


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_dark_digits_on_light_are_turned_round(run, dtype):
    images = digits(3, 200).images
    for name, given in (("light.npy", images), ("dark.npy", 255 - images)):
        np.save(name, given.astype(dtype))
        done = run("fnn-contest", name, f"{name}.txt")
        assert ("turned round (255 - x)" in done.stderr) == (name == "dark.npy")
    assert open_text("dark.npy.txt") == open_text("light.npy.txt")
