import os
import re
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

import fnn
from fnn.cli.train import parse
from fnn.data.dataset import Split, fingerprint
from fnn.data.mnist import load_mnist
from fnn.data.synthetic import digits
from fnn.files import checkpoint
from fnn.recognizer.recognizer import load_origin, load_recognizer
from fnn.training.choices import OPTIMIZERS
from fnn.training.loop import Job, feed
from fnn.training.resolve import make_optimizer, resolve

LINE = r"epoch (\d+)  loss (\d+\.\d{4})  accuracy ([01]\.\d{4})  \d+\.\d\d s"


def test_training_prints_a_line_per_epoch_learns_and_saves(run, data):
    done = run("fnn-train", "--data", data, "--epochs", 12, "--batch-size", 50, "--hidden", 50)
    assert done.returncode == 0, done.stderr
    rows = [re.fullmatch(LINE, line).groups() for line in done.stdout.splitlines()]
    assert [int(row[0]) for row in rows] == list(range(1, 13))
    losses = [float(row[1]) for row in rows]
    assert losses[-1] < losses[0] / 3
    assert float(rows[-1][2]) > 0.6
    intro, saved = done.stderr.splitlines()
    assert saved == "parameters saved in params.npz"
    told = r"parameters: [\d,]+ in mlp, which learns from 600 images of data by momentum "
    assert re.match(told, intro)


def test_one_seed_gives_one_file_and_another_seed_another(run, data):
    def trained(seed, out):
        args = ("--data", data, "--epochs", 2, "--hidden", 8, "--seed", seed, "--out", out)
        assert run("fnn-train", *args).returncode == 0
        return Path(out).read_bytes()

    first = trained(1, "a.npz")
    assert trained(1, "b.npz") == first
    assert trained(2, "c.npz") != first


def test_batch_sizes_need_not_divide_the_number_of_images(run, data):
    for size in (1000, 77):
        done = run("fnn-train", "--data", data, "--epochs", 1, "--batch-size", size, "--hidden", 4)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--epochs", "0"], ["--epochs", "in 1..1000000000, found 0"]),
        (["--epochs", "many"], ["expected an integer, found 'many'"]),
        (["--batch-size", "-5"], ["--batch-size", "found -5"]),
        (["--lr", "nan"], ["--lr", "finite number above 0, found nan"]),
        (["--lr", "fast"], ["expected a number, found 'fast'"]),
        (["--hidden", "0"], ["--hidden"]),
        (["--seed", "-1"], ["--seed"]),
        (["--model", "nonesuch"], ["--model", "nonesuch", "mlp"]),
        (["--optimizer", "nonesuch"], ["--optimizer", "sgd", "momentum"]),
        (["--optimizer", "adadelta", "--lr", "0.1"], ["--lr: adadelta has no learning rate"]),
        (["--model", "mlp", "--beta-rate", "8"], ["--beta-rate", "no batch norm"]),
        (["--optimizer", "adam", "--momentum", "0.5"], ["--momentum: adam has none", "muon"]),
        (["--momentum", "1"], ["--momentum", "from 0 to below 1"]),
        (["--summary", "--run", "r"], ["--run", "--summary", "leave out one"]),
        (["--summary", "--out", "x.npz"], ["--out", "--summary", "leave out one"]),
        (["--summary", "--quiet"], ["--quiet", "--summary", "leave out one"]),
        (["--optimizer", "adadelta", "--schedule", "cosine"], ["--schedule: adadelta has no"]),
        (["--dropout", "1"], ["--dropout", "below 1, found 1"]),
        (["--label-smoothing", "-1"], ["--label-smoothing"]),
        (["--activation", "tanh"], ["--activation", "sigmoid", "relu"]),
        (["--model", "lenet", "--dropout", "0.5"], ["--dropout", "lenet", "mlp, conv, vgg"]),
        (["--model", "conv", "--hidden", "5"], ["--hidden", "conv", "--model mlp"]),
        (["--lr", "1e300", "--hidden", "5"], ["the loss became", "smaller --lr"]),
        (
            ["--batch-norm", "--batch-size", "599"],
            ["--batch-size 599", "give it two examples or more"],
        ),
        (["--batch-norm", "--batch-size", "1"], ["--batch-size 1"]),
        (["--hidden", "1000000000"], ["not enough memory"]),
        (["--out", "absent/p.npz"], ["absent/p.npz", "there is no directory"]),
        (["--out", "."], ["is a directory"]),
        (["--out", "/dev/null"], ["/dev/null", "is a stream or a device"]),
    ],
)
def test_bad_arguments_are_refused_before_any_work(run, refused, data, args, words):
    refused(run("fnn-train", "--data", data, *args), *words)


def test_damaged_data_is_named(run, refused, data):
    path = data / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    refused(run("fnn-train", "--data", data), str(path), "expected", "found")


def test_a_failed_training_leaves_the_old_parameters(run, data, tmp_path):
    (tmp_path / "params.npz").write_text("old")
    (data / "t10k-labels-idx1-ubyte").unlink()
    assert run("fnn-train", "--data", data, "--epochs", 1).returncode == 2
    assert (tmp_path / "params.npz").read_text() == "old"


@pytest.mark.parametrize(
    ("args", "first", "last"),
    [
        ([], -0.3, 0),
        (["--optimizer", "sgd", "--lr", "0.01"], -0.01, -0.01),
        (["--optimizer", "sgd"], -0.01, -0.01),
        (["--lr", "0.2"], -0.2, -0.2),
        (["--lr", "0.2", "--schedule", "cosine"], -0.2, 0),
        (["--schedule", "constant"], -0.3, -0.3),
    ],
)
def test_the_rate_is_the_models_own_unless_an_option_changes_it(args, first, last):
    optimizer, _ = make_optimizer(resolve(parse(["--model", "mlp", *args])[0]), steps=4)
    state = optimizer.init({"w": np.zeros(1)})
    seen = []
    for g in (1.0, 0.0, 0.0, 0.0, 1.0):
        before = state
        updates, state = optimizer.update({"w": np.array([g])}, state)
        idle, _ = optimizer.update({"w": np.array([0.0])}, before)
        seen.append(float((updates["w"] - idle["w"])[0]))  # the part that is due to the gradient
    assert (seen[0], seen[-1]) == pytest.approx((first, last), abs=1e-12)


def test_the_file_describes_the_network(run, data):
    run("fnn-train", "--data", data, "--epochs", 1, "--hidden", 4)
    model = checkpoint.load("params.npz")["model"]
    assert fnn.Spec(**model) == fnn.Spec("mlp", (28, 28, 1), 10, {"hidden": 4})
    assert model.keys() == set(fnn.Spec._fields)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_learns(run, data, optimizer):
    args = ("--epochs", 4, "--batch-size", 20, "--hidden", 30, "--optimizer", optimizer)
    rate = () if optimizer == "adadelta" else ("--lr", RATES.get(optimizer, 0.3))
    done = run("fnn-train", "--data", data, *args, *rate)
    assert done.returncode == 0, done.stderr
    losses = [float(re.fullmatch(LINE, line)[2]) for line in done.stdout.splitlines()]
    assert losses[-1] < losses[0] < 2.5


RATES = {"adagrad": 0.05, "rmsprop": 0.003, "adam": 0.01, "adamw": 0.01}


@pytest.mark.parametrize(
    ("model", "args", "options"),
    [
        ("conv", ["--activation", "sigmoid"], {"activation": "sigmoid"}),
        ("lenet", [], {}),
        ("vgg", ["--width", "4"], {"width": 4}),
        ("resnet", ["--width", "4", "--weight-decay", "1e-4"], {"width": 4}),
        (
            "mlp",
            [
                "--activation",
                "relu",
                "--batch-norm",
                "--dropout",
                "0.2",
                "--label-smoothing",
                "0.1",
            ],
            {"activation": "relu", "batch_norm": True, "dropout": 0.2},
        ),
    ],
)
def test_every_model_trains_and_recognizes(run, data, model, args, options):
    small = ("--epochs", 1, "--batch-size", 100)
    done = run("fnn-train", "--model", model, "--data", data, *small, *args)
    assert done.returncode == 0, done.stderr
    assert checkpoint.load("params.npz")["model"]["options"] == options
    answers = run("fnn-predict", "--data", data, stdin="0\n1\n")
    assert answers.returncode == 0, answers.stderr
    assert len(answers.stdout.split()) == 2


def test_batch_norm_of_images_learns_from_one_image_too(run, small):
    args = ("--model", "conv", "--epochs", 1, "--data", small)
    assert run("fnn-train", *args, "--batch-size", 19).returncode == 0
    assert run("fnn-train", *args, "--batch-size", 1).returncode == 0


def test_alternating_flips_show_the_other_side_in_the_next_epoch():
    split = Split(digits(1, 40).images, np.arange(40, dtype=np.uint8))
    job = Job(None, None, split, batch_size=8, seed=3, alternating_flip=True)
    first, second = (
        {label: image for x, labels in feed(job, epoch) for image, label in zip(x, labels)}  # noqa: B905
        for epoch in (1, 2)
    )
    for label, image in first.items():
        np.testing.assert_array_equal(image, second[label][:, ::-1])


@pytest.mark.parametrize("name", ["momentum", "nesterov", "muon"])
def test_momentum_is_the_optimizers_alpha(name):
    grads = {0: {"W": np.full((2, 2), 2, np.float32), "b": np.ones(3, np.float32)}}
    words = ["--optimizer", name, "--lr", "0.5"]
    updates = []
    for more in ([], ["--momentum", "0"], ["--momentum", "0.5"]):
        optimizer, _ = make_optimizer(resolve(parse([*words, *more])[0]), 10)
        state = optimizer.init(grads)
        _, state = optimizer.update(grads, state)
        opposite = {0: {"W": np.diag([1, -4]).astype(np.float32), "b": -grads[0]["b"]}}
        updates.append(optimizer.update(opposite, state)[0][0]["W"])
    assert len({u.tobytes() for u in updates}) == 3


def test_muon_decays_weights_apart_from_the_gradients():
    words = ["--optimizer", "muon", "--lr", "0.5", "--weight-decay", "0.1"]
    optimizer, _ = make_optimizer(resolve(parse(words)[0]), 10)
    params = {0: {"W": np.eye(3, dtype=np.float32), "b": np.ones(3, np.float32)}}
    zero = {0: {name: np.zeros_like(p) for name, p in params[0].items()}}
    updates, _ = optimizer.update(zero, optimizer.init(params))
    np.testing.assert_allclose(updates[0]["W"], -0.05 * params[0]["W"])
    assert not updates[0]["b"].any()


@pytest.mark.parametrize("name", ["momentum", "rmsprop", "adam"])
def test_beta_has_a_rate_of_its_own(name):
    chosen = resolve(parse(["--beta-rate", "8", "--lr", "0.5", "--optimizer", name])[0])
    optimizer, _ = make_optimizer(chosen, 10)
    ones = {0: {"W": np.ones(2, np.float32), "beta": np.ones(2, np.float32)}}
    updates, _ = optimizer.update(ones, optimizer.init(ones))
    np.testing.assert_allclose(updates[0]["beta"], 8 * updates[0]["W"])


def test_images_too_small_for_the_model_are_refused(run, refused, tiny):
    done = run("fnn-train", "--model", "vgg", "--data", tiny)
    refused(done, "--model vgg", "smaller than a block")


def test_batch_norm_is_tested_with_expectations(run, data):
    args = ("--model", "mlp", "--batch-norm", "--epochs", 1, "--data", data, "--hidden", 6)
    assert run("fnn-train", *args).returncode == 0
    content = checkpoint.load("params.npz")
    images, _ = load_mnist(data).train
    hidden = fnn.dense(6).apply(
        content["params"][1], {}, fnn.to_float(images).reshape(600, -1), False
    )[0]
    # means of equal batches average to that of all images; moving averages are not there yet
    np.testing.assert_allclose(content["state"][2]["mean"], hidden.mean(axis=0), atol=1e-4)


def test_a_reader_that_goes_away_does_not_end_the_training(start, data):
    with start("fnn-train", "--data", data, "--epochs", 3, "--hidden", 4) as process:
        process.stdout.close()
        assert process.stderr.read().endswith("\nparameters saved in params.npz\n")
        assert process.wait(60) == 0


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("more", [(), ("--validation", "0.1")])
def test_a_signal_saves_the_last_epoch_that_was_finished(start, data, kind, more):
    args = ("--data", data, "--epochs", 10000, "--hidden", 4, *more)
    with start("fnn-train", *args) as process:
        process.stdout.readline()
        process.send_signal(kind)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "parameters saved in params.npz" in err
    assert "Traceback" not in err
    origin = load_origin("params.npz")
    assert (origin.data, origin.test) == (Path(data).name, fingerprint(load_mnist(data).test))
    if not more and out:
        assert f"accuracy {origin.accuracy:.4f}" in out.splitlines()[-1]


def test_a_signal_saves_the_networks_that_are_done(start, data):
    args = ("--data", data, "--epochs", 40, "--hidden", 4, "--networks", 99)
    with start("fnn-train", *args, stdout=subprocess.DEVNULL) as process:
        while not process.stderr.readline().startswith("network 3 of 99"):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        err = process.communicate(timeout=60)[1]
    assert process.returncode == 130, err
    assert 2 <= load_recognizer("params.npz").spec.networks < 99


def test_a_signal_in_the_first_epoch_says_that_nothing_is_saved(start, tmp_path):
    process = start("fnn-train", "--data", "digits", "--model", "vgg", "--ranks", 1)
    assert " learns from " in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "nothing was saved" in err
    assert not (tmp_path / "params.npz").exists()


def test_a_signal_that_is_ignored_stays_ignored(start, data):
    ignore = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    args = ("--data", data, "--epochs", 300, "--hidden", 4)
    with start("fnn-train", *args, **ignore) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_the_old_network_is_kept_aside(run, data):
    args = ("--data", data, "--epochs", 1, "--hidden")
    for nodes in (4, 5, 6):
        done = run("fnn-train", *args, nodes)
        kept = f"the params.npz that was here is now params.{nodes - 4}.npz\n"
        assert (kept in done.stderr) == (nodes > 4)
    hidden = [load_recognizer(f"params{i}.npz").spec.options["hidden"] for i in ("", ".1", ".2")]
    assert hidden == [6, 4, 5]
    done = run("fnn-train", *args, 7, "--out", "params.npz")  # as asked for
    assert "is now" not in done.stderr
    assert not Path("params.3.npz").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("more", [(), ("--run", "r")])
def test_a_full_standard_output_does_not_end_the_training(start, data, more):
    with open("/dev/full", "w") as full:
        args = ("--data", data, "--epochs", 3, "--hidden", 4, *more)
        process = start("fnn-train", *args, stdout=full)
        err = process.communicate(timeout=60)[1]
    assert process.returncode == 0, err
    assert err.count("standard output cannot be written (No space left on device)") == 1
    assert load_recognizer("r/params.npz" if more else "params.npz").spec.options == {"hidden": 4}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            (),
            [
                "momentum (mlp's), rate 0.3 (mlp's), cosine (mlp's)",
                "of 6 steps of 100 images (mlp's)",
            ],
        ),
        (("--optimizer", "momentum"), ["momentum (given), rate 0.01 (the course's), constant (as"]),
        (("--optimizer", "muon"), ["muon (given), rate 0.02 (customary), constant (as"]),
        (("--lr", "0.1"), ["momentum (mlp's), rate 0.1 (given)", "constant (as --optimizer or"]),
        (("--optimizer", "adadelta"), ["adadelta (given); "]),
        (("--recipe", "mlp"), ["nesterov (the recipe's), rate 0.1 (the recipe's)", "600 images"]),
        (("--batch-size", "50", "--shards", "2"), ["12 steps of 50 images (given), in 2 shards"]),
    ],
)
def test_the_first_line_says_what_learns_how_and_why(run, data, args, words):
    done = run("fnn-train", *args, "--data", data, "--hidden", 4, "--epochs", 1)
    intro = done.stderr.splitlines()[0]
    for word in words:
        assert word in intro
    assert "1 epoch (given)" in intro


def test_a_network_that_has_learned_nothing_is_named(run, data):
    done = run("fnn-train", "--data", data, "--hidden", 4, "--epochs", 1, "--lr", "1e-12")
    assert "no better than a guess: its accuracy is 0." in done.stderr
    done = run("fnn-train", "--data", data, "--hidden", 20, "--epochs", 3)
    assert "guess" not in done.stderr


@pytest.mark.parametrize("model", ["mlp", "conv"])
def test_a_bad_number_of_threads_is_one_line(run, refused, data, model):
    args = ("--model", model, "--data", data, "--epochs", 1)
    refused(run("fnn-train", *args, FNN_THREADS="abc"), "FNN_THREADS is 'abc'", "whole number")


def test_a_file_name_with_a_line_break_gives_one_line(run, data):
    done = run("fnn-train", "--data", data, "--epochs", 1, "--hidden", 2, "--out", "a\nb.npz")
    assert done.returncode == 0
    assert done.stderr.endswith("\nparameters saved in a\\nb.npz\n")
    assert done.stderr.count("\n") == 2


def test_without_standard_error_training_goes_on(start, data):
    process = start(
        "fnn-train", "--data", data, "--epochs", 1, "--hidden", 2, preexec_fn=lambda: os.close(2)
    )
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert Path("params.npz").exists()
