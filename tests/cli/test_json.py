"""--json: what other programs read is valid, complete, and all there is on standard output."""

import json
import math
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

import fnn
from fnn.cli.json_line import json_line
from fnn.data.mnist import load_mnist
from fnn.training.history import Row, read_rows


def strict(line: str) -> object:
    """The value of a line that is JSON, and nothing but ASCII."""

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    assert line.isascii()
    return json.loads(line, parse_constant=refuse)


def values(done, status=0):
    assert done.returncode == status, done.stderr
    return [strict(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"a": math.nan, "b": [math.inf, -math.inf, 0.1]}, '{"a": null, "b": [null, null, 0.1]}'),
        (np.float32("nan"), "null"),
        (np.array([[1, 2], [3, 4]]), "[[1, 2], [3, 4]]"),
        (np.array([0.5, np.nan]), "[0.5, null]"),
        ((True, None, 3), "[true, null, 3]"),
        (Row(1, 2, math.nan, *[None] * 6)._asdict()["loss"], "null"),
        ({3: "\x1b\n\u2028é"}, r'{"3": "\u001b\n\u2028\u00e9"}'),
    ],
)
def test_values_are_json(value, line):
    assert json_line(value) == line
    strict(line)


ARGS = ("--hidden", 6, "--epochs", 2, "--json")


@pytest.mark.parametrize("more", [(), ("--quiet",), ("--validation", "0.2"), ("--networks", "2")])
def test_epochs_are_the_rows_of_metrics_csv_and_then_comes_the_outcome(run, data, more):
    done = run("fnn-train", "--data", data, "--run", "r", *ARGS, *more)
    *epochs, last = values(done)
    several = "--networks" in more
    rows = [
        {"network": i, **row._asdict()}
        for i in ((1, 2) if several else (1,))
        for row in read_rows(Path("r", str(i) if several else "", "metrics.csv")).rows
    ]
    assert epochs == rows
    assert len(epochs) == (4 if several else 2)
    assert last.keys() == {"outcome", "networks", "accuracy", "guess", "files", "resume"}
    assert (last["outcome"], last["files"]) == ("trained", ["r/params.npz"])
    found, test = fnn.load_recognizer("r/params.npz"), load_mnist(data).test
    assert last["accuracy"] == fnn.accuracy(fnn.recognize(found, test.images), test.labels)
    for i, one in enumerate(last["networks"], 1):
        row = next(r for r in rows if (r["network"], r["epoch"]) == (i, one["epoch"]))
        assert one["accuracy"] == row["test_accuracy"]
    assert ("--quiet" in more) == (done.stderr == "")


@pytest.mark.parametrize("networks", [1, 2])
def test_a_run_that_goes_on_tells_what_is_new(run, data, networks):
    run("fnn-train", "--data", data, "--run", "r", *ARGS, "--quiet", "--networks", networks)
    *epochs, last = values(run("fnn-train", "--resume", "r", "--epochs", 3, "--json"))
    assert [one["epoch"] for one in epochs] == [3] * networks
    (again,) = values(run("fnn-train", "--resume", "r", "--json"))  # nothing is left to do
    assert again == last


@pytest.mark.parametrize("more", [(), ("--run", "r")])
def test_a_signal_is_an_outcome(start, data, more):
    args = ("--data", data, "--epochs", 10000, "--hidden", 4, "--json", *more)
    with start("fnn-train", *args) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        out = process.communicate(timeout=60)[0]
    last = strict(out.splitlines()[-1])
    assert (process.returncode, last["outcome"]) == (130, "stopped")
    assert last["files"] == ([] if more else ["params.npz"])
    assert last["resume"] == ("fnn-train --resume r" if more else None)


def test_several_processes_print_once(process, data):
    pytest.importorskip("mpi4py")
    done = process("fnn-train", "--data", data, "--ranks", 2, *ARGS)
    assert [one.get("epoch") for one in values(done)] == [1, 2, None]


def test_a_summary_is_no_json(run, refused, data):
    refused(run("fnn-train", "--data", data, "--summary", "--json"), "--json", "--summary")


def test_an_evaluation_holds_every_figure(run, data):
    run("fnn-train", "--data", data, *ARGS)
    (told,) = values(run("fnn-eval", "--data", data, "--json"))
    images, labels = load_mnist(data).test
    logits = fnn.recognize(fnn.load_recognizer("params.npz"), images)
    counts = fnn.confusion(labels, logits.argmax(axis=1), 10)
    assert told["confusion"] == counts.tolist()
    assert told["images"] == sum(told["support"]) == 100
    assert told["correct"] == np.trace(counts) == told["accuracy"] * 100
    assert told["loss"] == float(fnn.softmax_cross_entropy(logits, labels)[0])
    assert told["classes"] == list("0123456789")
    for name in ("precision", "recall", "f1"):
        exact = [None if math.isnan(v) else v for v in getattr(fnn, name)(counts).tolist()]
        assert told[name] == exact
        known = [v for v in exact if v is not None]
        assert told["mean"][name] == pytest.approx(sum(known) / len(known))
    assert None in told["precision"]  # a class that this network never answers


def test_predictions_are_a_line_for_each_index(run, data):
    shared = ("--params", "random", "--data", data)
    told = values(run("fnn-predict", *shared, "--json", stdin="7\n0\n99\n"))
    plain = run("fnn-predict", *shared, stdin="7\n0\n99\n").stdout.split()
    assert [(one["index"], one["class"]) for one in told] == list(
        zip((7, 0, 99), plain, strict=True)
    )
    for one in told:
        shares = one["probabilities"]
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
        assert one["probability"] == shares[one["class"]] == max(shares.values())
    some, *_ = values(run("fnn-predict", *shared, "--json", "--top", 3, stdin="7\n0\n99\n"))
    assert list(some["probabilities"].items()) == list(told[0]["probabilities"].items())[:3]
    bad = run("fnn-predict", *shared, "--json", stdin="7\nx\n")
    assert [one["index"] for one in values(bad, status=2)] == [7]
    assert "line 2" in bad.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="names are texts there")
def test_files_of_any_name_are_answered_or_have_an_error(run):
    image = pytest.importorskip("PIL.Image")
    names = ["a.png", "line\nbreak.png", "quote\"'\\.png", os.fsdecode(b"\xff.png"), "数.png"]
    digit = 255 - np.pad(fnn.open_data("digits", "test").data.images[0], 8)
    for name in names:
        image.fromarray(digit).save("x.png")
        os.replace("x.png", name)
    Path("no\x1b.png").write_text("no picture")
    given = [*names, "no\x1b.png", "absent"]
    done = run("fnn-predict", "--json", "--image", *given)
    told = values(done, status=2)
    assert [one["file"] for one in told] == given
    assert all("class" in one and "error" not in one for one in told[:-2])
    assert all(one.keys() == {"file", "error"} for one in told[-2:])
    errors = [line for line in done.stderr.splitlines() if line.startswith("fnn-predict: ")]
    assert len(errors) == 2
    (alone,) = values(run("fnn-predict", "--json", "--image", "a.png"))
    assert alone == told[0]
    (alone,) = values(run("fnn-predict", "--json", "--image", "absent"), status=2)
    assert alone == told[-1]
