"""fnn-eval: the numbers it prints, and the picture of the matrix."""

import re
import sys

import numpy as np
import pytest

import fnn
from fnn.cli import eval as evaluate
from fnn.cli import figures
from fnn.data.mnist import load_mnist
from fnn.models import Spec
from fnn.plots import matrix as matrix_plot
from fnn.recognizer.recognizer import untrained

WORDS = ["apple", "aquarium_fish", "bee", "caterpillar", "skyscraper"]


@pytest.fixture
def said(data):
    """The labels of the test images, and the logits of the untrained network."""
    images, labels = load_mnist(data).test
    net = untrained(Spec("mlp", (28, 28, 1), 10, {}))
    return labels, fnn.predict(net.net, net.params, net.state, images, prepare=fnn.to_float)


def test_it_prints_what_the_functions_return(run, data, said):
    labels, logits = said
    done = run("fnn-eval", "--data", data, "--params", "random")
    assert (done.returncode, done.stderr) == (0, "parameters: random, from seed 0\n")
    counts = fnn.confusion(labels, logits.argmax(axis=1), 10)
    lines = done.stdout.splitlines()
    assert lines[
        0
    ] == f"accuracy {fnn.accuracy(logits, labels):.4f}: {np.trace(counts)} of 100 " + (
        "test images"
    )
    assert lines[1] == f"mean loss {fnn.softmax_cross_entropy(logits, labels)[0]:.4f} nats"
    table = [line.split() for line in lines[4:14]]
    figures = (fnn.precision(counts), fnn.recall(counts), fnn.f1(counts), counts.sum(axis=1))
    for row, name, *values, support in zip(table, range(10), *figures, strict=True):
        expected = ["-" if np.isnan(v) else f"{v:.4f}" for v in values]
        assert row == [str(name), *expected, str(support)]
    matrix = np.array([line.split() for line in lines[-10:]], int)
    np.testing.assert_array_equal(matrix[:, 1:], counts)


def test_the_program_draws_the_matrix_too(run, data):
    image = pytest.importorskip("matplotlib.image", reason="pictures need matplotlib")
    args = ("--data", data, "--params", "random")
    done = run("fnn-eval", *args, "--plot", "a.png")
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("picture written to a.png\n")
    assert image.imread("a.png").std() > 0.1
    assert run("fnn-eval", *args).stdout == done.stdout


def test_without_matplotlib_the_text_is_the_same(run, refused, data, monkeypatch):
    args = ("--data", data, "--params", "random")
    whole = run("fnn-eval", *args)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run("fnn-eval", *args).stdout == whole.stdout
    refused(run("fnn-eval", *args, "--plot", "a.png"), "pip install matplotlib")


def matrix(classes, seed=0):
    draw = fnn.keys.generator(seed)
    labels, said = draw.integers(0, classes, (2, 30 * classes))
    return fnn.confusion(np.where(draw.random(len(said)) < 0.8, said, labels), said, classes)


@pytest.mark.parametrize(
    ("counts", "names"),
    [
        (np.array([[5]]), ["0"]),
        (np.array([[0, 0], [3, 12345]]), ["no", "yes"]),
        (matrix(10), list(map(str, range(10)))),
        (1000 * matrix(10), [f"{WORDS[i % 5]}{i}" for i in range(10)]),
        (matrix(30), [f"{WORDS[i % 5]}{i}" for i in range(30)]),
        (matrix(100), [f"{WORDS[i % 5]}{i}" for i in range(100)]),
    ],
    ids=lambda value: f"{len(value)}",
)
def test_the_picture_shows_the_matrix_and_nothing_overlaps(overlaps, counts, names):
    title = "/home/somebody/with_a_long_name/set: 98.00% of 10000 test images correct"
    figure = matrix_plot.confusion_matrix(counts, names, title)
    axes = figure.axes[0]
    assert overlaps(figure) == []
    assert [t.get_text() for t in axes.get_xticklabels()] == names
    shares = axes.images[0].get_array()
    rows = counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares * rows, 100 * counts)
    shown = {t.get_position()[::-1]: t.get_text() for t in axes.texts}
    if len(names) <= matrix_plot.NUMBERED:
        assert shown == {at: str(n) for at, n in np.ndenumerate(counts) if n}
    else:
        assert shown == {}


def test_tables_of_many_classes_are_aligned():
    names = [WORDS[i % 5] for i in range(100)]
    lines = evaluate.matrix_table(matrix(100), names).splitlines()[1:]
    assert len({len(line) for line in lines}) == 1
    assert lines[7].split()[:2] == ["6", "aquarium_fish"]
    rows = evaluate.class_table(matrix(100), names).splitlines()
    assert {re.match(r"\S+ +", row).end() for row in rows} <= set(range(14, 20))


def test_without_a_file_it_opens_a_window(run, data, monkeypatch):
    from matplotlib import pyplot as plt

    shown = []
    monkeypatch.setattr(figures, "has_screen", lambda: True)
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.get_fignums()))
    done = run("fnn-eval", "--data", data, "--params", "random", "--plot")
    plt.close("all")
    assert (done.returncode, len(shown)) == (0, 1)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--params", "random", "--plot"], ["no screen", "--plot FILE.png"]),
        (["--plot", "--params", "x.npz"], ["x.npz", "no such file"]),  # before the screen
        (["--plot", "--data", "absent"], ["'absent'"]),
        (["--plot", "a.bmp"], ["--plot a.bmp", ".png, .pdf or .svg"]),
        (["--plot", "absent/a.png"], ["absent/a.png", "no directory"]),
        (["--plot", ".png"], ["--plot .png"]),
        (["--data", "tiny"], ["no params.npz", "fnn-train"]),
        (["--params", "x.npz"], ["x.npz", "no such file"]),
    ],
    ids=lambda part: " ".join(part),
)
def test_bad_arguments_are_one_line(run, refused, data, tiny, args, words):
    refused(run("fnn-eval", "--data", data, *args), *words)
