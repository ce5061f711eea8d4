"""fnn-plot: reading metrics.csv, and the curves it draws."""

import itertools
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnn.cli import figures
from fnn.cli.plot import distinct_names, read_curves
from fnn.plots import Curves, trainings
from fnn.training.history import LOSSES, METRICS, Row

HEAD = "epoch,step,loss,train_accuracy,test_accuracy,lr,seconds,images_per_second"
GOOD = f"{HEAD}\n1,600,0.5,0.9,0.88,0.1,3.5,17000.5\n2,1200,0.25,0.95,0.93,0.05,3.5,17000.5\n"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Make runs, directories with a metrics.csv, in the current directory."""
    monkeypatch.chdir(tmp_path)

    def make(**texts):
        for name, text in texts.items():
            (tmp_path / name).mkdir(parents=True)
            (tmp_path / name / METRICS).write_bytes(text if type(text) is bytes else text.encode())
        return list(texts)

    return make


def test_every_column_is_read_by_its_name(runs):
    validated = HEAD.replace(",lr", ",validation_accuracy,lr")
    runs(
        plain=GOOD,
        validated=f"{validated}\n1,600,0.5,0.9,,0.85,0.1,3,1\n",
        spreadsheet=f"\ufeff{GOOD}".replace("\n", "\r\n"),
        shuffled='loss,"epoch"\n0.5,"1"\n0.25,2',
        measured=f"{','.join(Row._fields)}\n1,600,0.5,0.9,,0.85,0.1,3,1,0.6,0.7\n",
        diverged=f"{HEAD}\n0,1,inf,0.1,0.1,1,1,1\n7,2,nan,,,1,1,1\n",
    )
    loss = {"loss": [0.5, 0.25]}
    plain = loss | {"train_accuracy": [0.9, 0.95], "test_accuracy": [0.88, 0.93]}
    one = {"loss": [0.5], "train_accuracy": [0.9], "validation_accuracy": [0.85]}
    expected = [
        Curves("plain", [1, 2], plain),
        Curves("validated", [1], one),
        Curves("spreadsheet", [1, 2], plain),
        Curves("shuffled", [1, 2], loss),
        Curves("measured", [1], one | {"test_loss": [0.6], "validation_loss": [0.7]}),
    ]
    *found, diverged = read_curves([*(c.name for c in expected), "diverged"])
    assert found == expected
    assert diverged.epochs == [0, 7]
    assert diverged.figures["loss"][0] == math.inf
    assert math.isnan(diverged.figures["loss"][1])
    assert read_curves(["plain/metrics.csv"]) == expected[:1]


ROW = "1,600,0.5,0.9,0.88,0.1,3.5,17000.5"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["line 1", "epoch and loss"]),
        (HEAD, ["no epochs yet"]),
        (HEAD.replace("loss", "cost") + f"\n{ROW}", ["line 1", "no column loss"]),
        (f"{HEAD}\n{ROW}\n{ROW}", ["line 3", "a whole number above 1, found '1'"]),
        (f"{HEAD}\n{ROW}\n2,1,x,1,1,1,1,1", ["line 3", "a number as loss, found 'x'"]),
        (f"{HEAD}\n1,600,-1e101,1,1,1,1,1", ["at most 1e+100, found -1e+101", "epoch 1"]),
        ("epoch,loss,test_loss\n1,2,3e100", ["a test_loss of at most 1e+100, found 3e+100"]),
        (f"{HEAD}\n1.5{ROW[1:]}", ["line 2", "a whole number, found '1.5'"]),
        (f"{HEAD}\n-1{ROW[1:]}", ["line 2", "found '-1'"]),
        (f"{HEAD}\n{'9' * 5000}{ROW[1:]}", ["line 2", "found '999"]),
        (f"{HEAD}\n{ROW},7", ["line 2", "a value for each column of line 1, and no more"]),
        (f"{HEAD}\n1,600,0.5", ["line 2", "a value for each column"]),
        (f"{HEAD}\n1,600,0.5,0.9,98,1,1,1", ["line 2", "test_accuracy in 0..1, found 98"]),
        (f"{HEAD}\n1,600,0.5,inf,0,1,1,1", ["line 2", "train_accuracy in 0..1, found inf"]),
        (f'{HEAD}\n1,600,"0.5,0.9', ["not a table"]),
        (b"\x89PNG\r\n\x1a\n\0\0", ["not a table"]),
        (HEAD.encode() + b"\n\xff\xfe", ["not a table"]),
        (HEAD + "\n" + "9" * 200000, ["not a table"]),
    ],
    ids=lambda value: "" if type(value) is list else repr(value[-30:]),
)
def test_a_bad_file_is_named_with_its_line(run, refused, runs, text, words):
    runs(good=GOOD, bad=text)
    refused(run("fnn-plot", "good", "bad", "--out", "a.png"), "bad/metrics.csv", *words)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["good"], ["no screen", "--out FILE.png"]),
        (["good", "--out", "a.jpg"], ["--out a.jpg", ".png, .pdf or .svg"]),
        (["good", "--out", "good"], ["--out good", ".png"]),
        (["good", "--out", "absent/a.png"], ["absent/a.png", "no directory"]),
        (["absent", "--out", "a.png"], ["absent: there is no such file", "fnn-train"]),
        ([".", "--out", "a.png"], [".: the directory has no metrics.csv", "fnn-train"]),
        (["absent"], ["absent: there is no such file", "fnn-train"]),  # nor is there a screen
        (["good/metrics.csv/x", "--out", "a.png"], ["no such file"]),
        (["x" * 300, "--out", "a.png"], ["xxx"]),
        (["/dev/null", "--out", "a.png"], ["/dev/null: not a regular file"]),
        (["--out", "a.png"], ["RUN"]),
    ],
    ids=lambda part: " ".join(part)[:40],
)
def test_bad_arguments_are_one_line(run, refused, runs, tmp_path, args, words):
    runs(good=GOOD)
    refused(run("fnn-plot", *args), *words)
    assert not (tmp_path / "a.png").exists()


def test_a_run_of_several_networks_is_several_curves(runs, tmp_path):
    runs(whole="", one=GOOD, two=GOOD)
    (tmp_path / "whole" / METRICS).unlink()
    for i, name in enumerate(("one", "two"), 1):
        (tmp_path / name).rename(tmp_path / "whole" / str(i))
    assert [one.name for one in read_curves(["whole"])] == ["whole/1", "whole/2"]


def test_a_failure_leaves_the_old_picture(run, refused, runs, tmp_path):
    (tmp_path / "a.png").write_text("old")
    runs(bad="")
    refused(run("fnn-plot", "bad", "--out", "a.png"), "line 1")
    assert (tmp_path / "a.png").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "bad"]


def test_without_matplotlib_it_says_what_to_install(run, refused, runs, monkeypatch):
    runs(good=GOOD)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    refused(run("fnn-plot", "good", "--out", "a.png"), "pip install matplotlib")


def test_the_program_draws(run, runs, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    names = runs(
        a=GOOD, _b=GOOD, **{"$\\c$": GOOD, "日本": GOOD, "line\nbreak": GOOD, "\udcff": GOOD}
    )
    done = run("fnn-plot", *names, "a", "--out", "a.png")
    assert (done.returncode, done.stderr) == (0, "picture written to a.png\n")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_file_it_opens_a_window(run, runs, monkeypatch):
    from matplotlib import pyplot as plt

    shown = []
    monkeypatch.setattr(figures, "has_screen", lambda: True)
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.get_fignums()))
    done = run("fnn-plot", *runs(good=GOOD))
    plt.close("all")
    assert (done.returncode, done.stderr, len(shown)) == (0, "", 1)


def curves(name="run", epochs=10, loss=lambda e: 1 / (e + 1), shares=("train", "test"), first=1):
    every = list(range(first, first + epochs))
    figures = {"loss": [loss(e) for e in every]}
    for i, s in enumerate(shares):
        figures[f"{s}_accuracy"] = [1 - 0.5 / (e + i + 1) for e in every]
        if s != "train":
            figures[f"{s}_loss"] = [1.5 * loss(e) for e in every]
    return Curves(name, every, figures)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    ("runs", "scale"),
    [
        ([curves()], "linear"),
        ([curves(epochs=1)], "linear"),
        ([curves(epochs=1, first=0, shares=())], "linear"),
        ([curves(epochs=500, shares=("train", "test", "validation"))], "log"),
        ([curves("n" * 91), curves("_a b-" * 8), curves("$\\bad$")], "linear"),
        ([curves(f"run{i}", epochs=3 + i) for i in range(23)], "linear"),
        ([curves(loss=lambda e: 10.0**e), curves("b")], "log"),
        ([curves(loss=lambda e: 1e100 if e % 2 else 1e-300)], "log"),
        ([curves(loss=lambda e: math.inf if e > 5 else e)], "linear"),
        ([curves(loss=lambda e: math.nan)], "linear"),
        ([curves(loss=lambda e: 0.0)], "linear"),
        ([curves(loss=lambda e: 3 - e), curves("b", loss=lambda e: 5e-324 * e)], "log"),
    ],
)
def test_nothing_overlaps_and_every_value_is_drawn(overlaps, runs, scale, log):
    figure = trainings.curves(runs, log)
    assert overlaps(figure) == []
    left, right = figure.axes
    losses = [v for run in runs for c in LOSSES for v in run.figures.get(c, ())]
    possible = any(0 < v < math.inf for v in losses)
    assert left.get_yscale() == ("log" if log and possible else scale)
    lost = sum(v <= 0 for v in losses) if left.get_yscale() == "log" else 0
    assert left.get_title() == (f"Loss (left out: {lost} not above 0)" if lost else "Loss")
    for axes, columns, unit in (
        (left, [style.loss for style in trainings.STYLES], 1),
        (right, [style.accuracy for style in trainings.STYLES], 100),
    ):
        drawn = [(run, c) for run in runs for c in columns if c in run.figures]
        for line, (run, column) in zip(axes.lines, drawn, strict=True):
            np.testing.assert_array_equal(line.get_xdata(), run.epochs)
            np.testing.assert_array_equal(line.get_ydata(), unit * np.array(run.figures[column]))
            assert line.get_linestyle() == trainings.STYLES[columns.index(column)].line
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [run.name for run in runs]
    for axes in (left, right):
        assert all(float(x).is_integer() for x in axes.get_xticks())


def test_a_hundred_runs_look_different_however_long_they_are():
    runs = [curves(f"run{i}", epochs=3 + 50 * (i % 2)) for i in range(100)]
    figure = trainings.curves(runs)
    handles = figure.legends[0].legend_handles
    looks = [(line.get_color(), line.get_marker(), line.get_markersize()) for line in handles]
    assert len(set(looks)) == 100
    for one, following in itertools.pairwise(looks):
        assert one[0] != following[0]
        assert one[1] != following[1]
    for axes in figure.axes:  # runs in the figure look as in the legend
        for line, look in zip(axes.lines[::2], looks, strict=True):
            assert (line.get_color(), line.get_marker(), line.get_markersize()) == look
        assert len(axes.lines) == 200
        for line in axes.lines:
            first, every = line.get_markevery()
            assert 1 <= len(line.get_xdata()[first::every]) <= trainings.MARKED


def test_log_needs_a_loss_that_such_an_axis_has_a_place_for(run, refused, runs, tmp_path):
    runs(good=GOOD, zero="epoch,loss,test_loss\n1,0,-1\n2,nan,inf\n")
    refused(run("fnn-plot", "zero", "--log", "--out", "a.png"), "--log", "a loss above 0")
    assert run("fnn-plot", "zero", "good", "--log", "--out", "a.svg").returncode == 0
    assert run("fnn-plot", "zero", "--out", "a.png").returncode == 0


paths = st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=4).map("/".join)


@given(st.lists(paths, min_size=1, max_size=6))
def test_names_differ_and_are_ends_of_paths(given):
    files = [f"/{p}/{METRICS}" for p in given]
    names = distinct_names(list(map(Path, files)))
    assert len(set(names)) == len(names)
    for name, path in zip(names, given, strict=True):
        assert f"//{path}".endswith(f"/{name.split(' (')[0].lstrip('/')}")
    if len({p.split("/")[-1] for p in given}) == len(given):
        assert names == [p.split("/")[-1] for p in given]


@pytest.fixture
def board():
    """A function: the scalars of a directory, as TensorBoard shows them."""
    name = "tensorboard.backend.event_processing.event_accumulator"
    module = pytest.importorskip(name, reason="needs tensorboard")

    def read(directory):
        found = module.EventAccumulator(str(directory)).Reload()
        return {
            tag: {event.step: (event.wall_time, event.value) for event in found.Scalars(tag)}
            for tag in found.Tags()["scalars"]
        }

    return read


def test_runs_for_tensorboard(runs, run, board):
    more = f"{GOOD}7,1800,nan,,1,0.05,,17000.5\n"
    runs(a=GOOD, b=more)
    os.utime("b/metrics.csv", (1e9, 1e9))
    done = run("fnn-plot", "a", "b", "--tensorboard", "new/board")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "events of 2 runs written to new/board: tensorboard --logdir new/board\n"
    read = board("new/board/b")
    assert read.keys() == {"loss/train", "accuracy/train", "accuracy/test", "learning_rate",
                           "images_per_second"}  # fmt: skip
    assert {step: value for step, (_, value) in read["accuracy/test"].items()} == pytest.approx(
        {1: 0.88, 2: 0.93, 7: 1.0}
    )
    assert [time for time, _ in read["loss/train"].values()] == [1e9 - 3.5, 1e9, 1e9]
    assert math.isnan(read["loss/train"][7][1])
    assert board("new/board/a")["loss/train"].keys() == {1, 2}


def test_tensorboard_gets_what_is_new_in_place_of_what_was_there(runs, run):
    runs(a=GOOD)
    Path("old/x").mkdir(parents=True)
    Path("old/x/a").mkdir()
    Path("old/x/a/metrics.csv").write_text(GOOD)
    for _ in range(2):
        assert run("fnn-plot", "a", "a", "old/x/a", "--tensorboard", "t").returncode == 0
    files = sorted(path for path in Path("t").rglob("*") if path.is_file())
    assert len(files) == 3
    assert all("tfevents" in path.name for path in files)
    before = files[0].read_bytes()
    Path("a/metrics.csv").write_text(f"{GOOD}3,9,0.1,1,1,1,1,1\n")
    run("fnn-plot", "a", "--tensorboard", "t")
    assert len(Path("t/a/events.out.tfevents.fnn").read_bytes()) > len(before)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["a", "--log"], ["--log", "leave out one"]),
        (["a", "--out", "x.png"], ["--out", "leave out one"]),
        (["a", "absent"], ["absent", "no such file"]),
        (["a", "bad"], ["bad/metrics.csv", "line 2"]),
    ],
)
def test_what_cannot_go_to_tensorboard_writes_nothing(runs, run, refused, args, words):
    runs(a=GOOD, bad=f"{HEAD}\nx\n")
    refused(run("fnn-plot", *args, "--tensorboard", "t"), *words)
    assert not Path("t").exists()


def test_a_place_for_tensorboard_that_is_a_file_is_one_line(runs, run, refused):
    runs(a=GOOD)
    Path("t").touch()
    done = run("fnn-plot", "a", "--tensorboard", "t")
    refused(done, "--tensorboard t: ", "t/a (Not a directory)", "name another")


def test_networks_of_several_runs_do_not_replace_each_other(runs, run):
    runs(**{"a/1": GOOD, "a/2": GOOD, "b/1": GOOD, "b/2": GOOD, "c": GOOD})
    for name in "abc":
        assert run("fnn-plot", name, "--tensorboard", "t").returncode == 0
    found = {path.parent.relative_to("t").as_posix() for path in Path("t").rglob("*tfevents*")}
    assert found == {"a/1", "a/2", "b/1", "b/2", "c"}


def test_tensorboard_needs_no_matplotlib(runs, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    runs(a=GOOD)
    assert run("fnn-plot", "a", "--tensorboard", "t").returncode == 0
