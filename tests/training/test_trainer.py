"""The trainer as a library: any network, any arrays, in a script."""

import itertools
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from toolz import identity

import fnn
from fnn import training
from fnn.data.dataset import Split
from fnn.data.synthetic import digits
from fnn.files import checkpoint
from fnn.training.assemble import assemble

DATA = digits(3, 120)
SMALL = fnn.serial(fnn.flatten(), fnn.dense(6), fnn.relu(), fnn.dropout(0.2), fnn.dense(10))


def job(**more):
    train, validation = training.held_out(DATA, 0.25, seed=0)
    own = {"validation": validation, "test": digits(4, 20), "epochs": 3, "batch_size": 20}
    usual = {"net": SMALL, "optimizer": fnn.adam(), "train": train}
    return training.Job(**{**usual, **own, **more})


def same(a, b):
    """Whether two training states are the same to the last bit."""
    pairs = zip(
        *(fnn.tree.leaves({"p": ts.params, "s": ts.state, "o": ts.opt_state}) for ts in (a, b)),
        strict=True,
    )
    return all(
        np.array_equal(x, y) and np.asarray(x).dtype == np.asarray(y).dtype for x, y in pairs
    )


def last(stages):
    *_, end = stages
    return end


def test_a_for_over_the_stages_shows_each_step_and_epoch():
    stages = list(training.train(job()))
    assert [(now.epoch, now.batch) for now in stages[:7]] == [
        *((0, batch) for batch in range(1, 6)),
        (1, 0),
        (1, 1),
    ]
    rows = [now.row for now in stages if now.row]
    assert [row.epoch for row in rows] == [1, 2, 3]
    assert [row.step for row in rows] == [5, 10, 15]
    losses = [now.ts.loss for now in stages[:5]]
    assert rows[0].loss == pytest.approx(np.average(losses, weights=[20, 20, 20, 20, 10]))


@pytest.mark.parametrize("augmented", [False, True])
def test_batch_norm_expects_images_as_they_are_or_augmented(augmented):
    net = fnn.serial(fnn.flatten(), fnn.batch_norm(), fnn.dense(10))
    more = {"augment": lambda rng, x: x // 2, "expect_augmented": augmented, "validation": None}
    end = last(training.train(job(net=net, train=Split(*DATA), epochs=1, batch_size=40, **more)))
    x = DATA[0] // 2 if augmented else DATA[0]
    np.testing.assert_allclose(
        end.ts.state[1]["mean"], fnn.to_float(x).mean(axis=0).ravel(), atol=1e-6
    )


@pytest.mark.parametrize("names", ["elastic", "elastic,noise", "mild", "distort,noise", None])
def test_augmentations_for_networks_without_convolutions_are_expected(names):
    own = training.Options(data="digits", model="mlp", augment=names)
    made = assemble(own, fnn.open_data("digits"))
    assert made.expect_augmented == (names is not None and "elastic" in names)


def test_a_stage_is_a_value_and_the_training_goes_on_from_any():
    stages = list(training.train(job()))
    for i in (0, 4, 5, 9):
        assert same(last(training.train(job(), stages[i])).ts, stages[-1].ts)


def test_the_best_epoch_on_the_validation_images_is_the_outcome():
    stages = [now for now in training.train(job(epochs=6)) if now.row]
    best = max(stages, key=lambda now: (now.row.validation_accuracy, -now.best.loss))
    kept = training.outcome(stages[-1])
    assert stages[-1].best.epoch == best.epoch
    measured = training.measure(job(), kept, job().validation)
    assert measured.accuracy == best.row.validation_accuracy


def test_without_validation_the_last_epoch_is_the_outcome():
    end = last(training.train(job(validation=None)))
    assert training.outcome(end) is end.ts
    assert end.best.epoch == 0


def test_patience_ends_a_training():
    waiting = job(epochs=50, patience=2, rate=0.0)._replace(optimizer=fnn.sgd(lr=0.0))
    end = last(training.train(waiting))
    assert end.epoch == end.best.epoch + 2 < 50


@pytest.mark.parametrize("test", [None, "given"])
def test_any_arrays_and_any_layer_will_do(tmp_path, test):
    """Floats in two dimensions, with a layer of one's own."""
    draw = np.random.default_rng(0)
    x = draw.standard_normal((90, 7))
    labels = (x[:, 0] > 0).astype(np.int64)

    def cube():
        return fnn.Layer(
            lambda rng, shape: {},
            lambda params, state, x, train: (x**3, fnn.Cache(x, state)),
            lambda params, cache, dy: (3 * cache.saved**2 * dy, {}),
        )

    net = fnn.serial(fnn.dense(8), cube(), fnn.dense(2))
    given = (x[:10], labels[:10]) if test else None
    one = training.Job(
        net, fnn.momentum(0.01), (x, labels), test=given, prepare=identity, epochs=2, batch_size=30
    )
    end = last(training.run(one, tmp_path / "r"))
    assert same(last(training.train(one)).ts, end.ts)
    rows = training.read_rows(tmp_path / "r" / "metrics.csv").rows
    assert [row.test_accuracy is None for row in rows] == [test is None] * 2
    assert fnn.load(tmp_path / "r" / "params.npz").keys() == {"params", "state"}


def test_a_training_that_was_left_goes_on_with_the_same_bits(tmp_path):
    whole = last(training.train(job()))
    for epoch, batch in itertools.product((0, 1, 2), (0, 1, 4)):
        place = tmp_path / f"{epoch} {batch}"
        for now in training.run(job(), place):
            if (now.epoch, now.batch) == (epoch, batch):
                break
        end = last(training.run(job(), place))
        assert same(end.ts, whole.ts)
        assert same(training.outcome(end), training.outcome(whole))
        written = fnn.load(place / "params.npz")
        assert same(training.outcome(whole)._replace(**written), training.outcome(whole))


@pytest.mark.parametrize("where", ["in a step", "in the loop"])
def test_ctrl_c_saves_what_is_done(tmp_path, where):
    steps = iter(range(100))

    def loss(logits, labels):
        if next(steps) == 7 and where == "in a step":
            signal.raise_signal(signal.SIGINT)
        return fnn.softmax_cross_entropy(logits, labels)

    def script():
        for now in training.run(job(loss=loss), tmp_path / "r"):
            if (now.epoch, now.batch) == (1, 2) and where == "in the loop":
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        script()
    assert fnn.load(tmp_path / "r" / "last.npz")["progress"]["epoch"] == 1
    end = last(training.run(job(), tmp_path / "r"))
    assert same(end.ts, last(training.train(job())).ts)


def test_a_training_that_is_asked_to_stop_does_so_after_the_step(tmp_path):
    asked = iter([False, False, True])
    with pytest.raises(KeyboardInterrupt):
        list(training.run(job(), tmp_path, stop=lambda: next(asked)))
    assert fnn.load(tmp_path / "last.npz")["progress"]["batch"] == 3


def test_a_training_that_is_done_yields_where_it_stands(tmp_path):
    end = last(training.run(job(), tmp_path))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (again,) = training.run(job(), tmp_path)
    assert same(again.ts, end.ts)
    assert again.row is None
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_checkpoints_are_as_rare_as_asked(tmp_path):
    written = []
    for now in training.run(job(epochs=1), tmp_path / "often", save_every=0):
        written.append((now.epoch, fnn.load(tmp_path / "often" / "last.npz")["progress"]["batch"]))
    assert written == [*((0, batch) for batch in range(1, 6)), (1, 0)]
    for now in training.run(job(epochs=1), tmp_path / "seldom"):
        assert (tmp_path / "seldom" / "last.npz").exists() == (now.row is not None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train": digits(5, 90)}, "other images"),
        ({"batch_size": 30}, "batch_size"),
        ({"seed": 1}, "seed"),
        ({"net": fnn.serial(fnn.flatten(), fnn.dense(10))}, "not a checkpoint of this run"),
        ({"optimizer": fnn.sgd()}, "not a checkpoint of this run"),
    ],
)
def test_another_training_does_not_go_on_in_the_directory(tmp_path, change, words):
    last(training.run(job(), tmp_path))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(fnn.InputError, match=words):
        last(training.run(job()._replace(**change), tmp_path))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_directory_with_something_else_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(fnn.InputError, match="is not empty"):
        last(training.run(job(), tmp_path))


def test_a_training_that_diverges_leaves_the_last_checkpoint(tmp_path):
    wild = job(validation=None)._replace(optimizer=fnn.sgd(lr=1e30))
    diverges = pytest.raises(training.Diverged, match="keeps what was saved before")
    with np.errstate(all="ignore"), diverges:
        last(training.run(wild, tmp_path, save_every=0))
    assert not (tmp_path / "params.npz").exists()
    kept = fnn.load(tmp_path / "last.npz") if (tmp_path / "last.npz").exists() else {"params": {}}
    assert all(np.isfinite(leaf).all() for leaf in fnn.tree.leaves(kept["params"]))


def test_runs_of_the_last_format_go_on(run, data):
    """Before the trainer was a library, config.json had no job, and last.npz said blas_held."""
    args = ("--data", data, "--hidden", 6, "--epochs", 4)
    assert run("fnn-train", *args, "--run", "whole").returncode == 0
    assert run("fnn-train", *args, "--run", "old").returncode == 0
    config = json.loads(Path("old/config.json").read_text())
    del config["job"]
    assert config["options"]["model"] == "mlp"
    Path("old/config.json").write_text(json.dumps(config))
    for name in ("last.npz", "params.npz"):
        Path("old", name).unlink()
    options = training.Options(**config["options"])
    one = training.assemble(options, fnn.open_data(str(data)))
    for now in training.run(one, "old", config={"fingerprint": config["fingerprint"]}):
        if (now.epoch, now.batch) == (2, 2):
            break
    checkpoint.save("old/last.npz", {**checkpoint.load("old/last.npz"), "blas_held": False})
    assert run("fnn-train", "--resume", "old").returncode == 0
    assert Path("old/params.npz").read_bytes() == Path("whole/params.npz").read_bytes()


def test_a_split_is_taken_apart_by_the_seed():
    others, part = training.held_out(Split(*DATA), 0.2, seed=3)
    assert (len(others.labels), len(part.labels)) == (96, 24)
    with pytest.raises(ValueError, match="would be 0"):
        training.held_out(DATA, 0.001, seed=0)


@pytest.mark.parametrize("name", ["metrics.csv", "config.json", "last.npz", "best.npz"])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path)])
def test_no_file_of_a_run_is_waited_for(run, refused, data, name, make):
    small = ("--hidden", 2, "--epochs", 1, "--validation", 0.1)
    assert run("fnn-train", "--data", data, *small, "--run", "r").returncode == 0
    Path("r", name).unlink()
    make(Path("r", name))
    refused(run("fnn-train", "--resume", "r"), f"r/{name}", "not a regular file")
    if name == "metrics.csv":
        refused(run("fnn-plot", "r", "--out", "a.png"), "r")
