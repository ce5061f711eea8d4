import csv
import json
import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

import fnn
from fnn.data.mnist import load_mnist
from fnn.data.synthetic import digits
from fnn.files import checkpoint
from fnn.recognizer.recognizer import model_of
from fnn.training.loop import held_out

BENCH = Path(__file__).resolve().parents[1] / "bench"
SMALL = ("--hidden", 6, "--epochs", 2)


def rows_of(run):
    with open(Path(run) / "metrics.csv", newline="") as file:
        return list(csv.DictReader(file))


def wait_for(path, seconds=60):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.01)


def test_killed_runs_end_with_the_same_bits():
    done = subprocess.run(
        [sys.executable, BENCH / "kill.py", "--kills", "2"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("killed 2 times") == 4


def test_a_run_keeps_options_metrics_checkpoints_and_parameters(run, data):
    done = run("fnn-train", "--data", data, *SMALL, "--run", "r", "--lr", 0.2, "--batch-size", 100)
    assert done.returncode == 0, done.stderr
    names = {"config.json", "metrics.csv", "last.npz", "params.npz"}
    assert {path.name for path in Path("r").iterdir()} - {"lock"} == names  # some filelocks keep it
    options = json.loads(Path("r/config.json").read_text())["options"]
    assert options["data"] == str(data)
    assert (options["lr"], options["optimizer"], options["epochs"]) == (0.2, "momentum", 2)
    first, second = rows_of("r")
    assert (first["epoch"], first["step"], second["step"]) == ("1", "6", "12")
    assert (first["lr"], first["validation_accuracy"]) == ("0.2", "")
    shown = [line.split() for line in done.stdout.splitlines()]
    assert [line[3] for line in shown] == [f"{float(row['loss']):.4f}" for row in (first, second)]
    for row in (first, second):
        assert all(0 <= float(row[name]) <= 1 for name in ("train_accuracy", "test_accuracy"))
        assert float(row["images_per_second"]) > 0 < float(row["seconds"])
    assert not Path("params.npz").exists()


def test_a_run_and_a_plain_training_end_alike(run, data):
    assert run("fnn-train", "--data", data, *SMALL).returncode == 0
    assert (
        run("fnn-train", "--data", data, *SMALL, "--run", "a/b", "--out", "o.npz").returncode == 0
    )
    plain = Path("params.npz").read_bytes()
    assert Path("a/b/params.npz").read_bytes() == plain == Path("o.npz").read_bytes()


def test_checkpoints_are_parameter_files(run, data):
    run("fnn-train", "--data", data, *SMALL, "--run", "r", "--validation", 0.2)
    for name in ("last", "best", "params"):
        done = run("fnn-predict", "--data", data, "--params", f"r/{name}.npz", stdin="0\n")
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_saves_and_says_how_to_continue(run, start, data, tmp_path, kind):
    args = ("--data", data, "--hidden", 6, "--epochs", 60, "--validation", 0.1)
    assert run("fnn-train", *args, "--run", "whole").returncode == 0
    process = start("fnn-train", *args, "--run", "r 1", "--save-every", 0)
    wait_for(tmp_path / "r 1" / "last.npz")
    process.send_signal(kind)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "continue with: fnn-train --resume 'r 1'\n" in err
    assert "Traceback" not in err
    done = run("fnn-train", "--resume", "r 1")
    assert done.returncode == 0, done.stderr
    for name in ("params.npz", "best.npz"):
        assert Path("r 1", name).read_bytes() == Path("whole", name).read_bytes()


def test_resume_of_a_finished_run_changes_nothing(run, data):
    run("fnn-train", "--data", data, *SMALL, "--run", "r")
    before = Path("r/params.npz").read_bytes()
    done = run("fnn-train", "--resume", "r")
    assert (done.returncode, done.stdout) == (0, "")
    assert Path("r/params.npz").read_bytes() == before


def test_resume_starts_over_if_there_is_no_checkpoint(run, data):
    run("fnn-train", "--data", data, *SMALL, "--run", "r")
    before = Path("r/params.npz").read_bytes()
    for name in ("last.npz", "params.npz", "metrics.csv"):
        Path("r", name).unlink()
    assert run("fnn-train", "--resume", "r").returncode == 0
    assert Path("r/params.npz").read_bytes() == before
    assert len(rows_of("r")) == 2


def test_rows_beyond_the_checkpoint_are_replaced(run, data):
    run("fnn-train", "--data", data, *SMALL, "--run", "r")
    with open("r/metrics.csv", "a") as file:
        file.write("3,18,0.1,1,1,,0.1,1,1,0.1,\n")
    assert run("fnn-train", "--resume", "r").returncode == 0
    assert [row["epoch"] for row in rows_of("r")] == ["1", "2"]


def test_a_run_from_before_the_columns_of_other_losses_goes_on(run, data):
    args = ("--data", data, *SMALL, "--validation", 0.2)
    run("fnn-train", *args, "--run", "r")
    path = Path("r/metrics.csv")
    whole = rows_of("r")
    for row in whole:
        assert all(0 < float(row[name]) < 9 for name in ("test_loss", "validation_loss"))
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line.rsplit(',', 2)[0]}\n" for line in lines))
    damage_text(Path("r/config.json"), '"epochs": 2', '"epochs": 3')
    done = run("fnn-train", "--resume", "r")
    assert done.returncode == 0, done.stderr
    *before, last = rows_of("r")
    assert before == [row | {"test_loss": "", "validation_loss": ""} for row in whole]
    assert float(last["test_loss"]) > 0
    assert run("fnn-plot", "r", "--out", "a.png").returncode == 0


def test_moved_data_is_accepted_and_other_data_is_not(run, refused, data, tiny):
    run("fnn-train", "--data", data, *SMALL, "--run", "r")
    data.rename("elsewhere")
    refused(run("fnn-train", "--resume", "r"), str(data), "there is no such directory")
    assert run("fnn-train", "--resume", "r", "--data", "elsewhere").returncode == 0
    labels = Path("elsewhere/train-labels-idx1-ubyte")
    content = bytearray(labels.read_bytes())
    content[-1] = (content[-1] + 1) % 10
    labels.write_bytes(content)
    refused(run("fnn-train", "--resume", "r", "--data", "elsewhere"), "other images")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--run", "r"], ["r: holds a run already", "--resume r"]),
        (["--run", "data"], ["data: is not empty"]),
        (["--run", "file"], ["file: cannot be the directory of a run"]),
        (["--run", "new", "--resume", "r"], ["--resume", "leave out one"]),
        (["--resume", "absent"], ["absent", "holds no run", "--run absent"]),
        (["--resume", "r", "--lr", "0.5"], ["--lr", "keeps its own options"]),
        *[
            (["--resume", "r", *words.split()], [words.split()[0], "keeps its own options"])
            for words in ("--batch-norm", "--seed 0", "--model mlp", "--views one", "--epochs 1")
        ],
        (["--patience", "2"], ["--patience", "--validation"]),
        (["--validation", "0.0001"], ["--validation 0.0001", "would be 0"]),
        (["--validation", "1"], ["--validation", "below 1"]),
        (["--augment", "shift,twirl"], ["--augment", "'twirl'", "names of shift, "]),
        (["--augment", "shift,none"], ["--augment", "'none'", "names of shift, "]),
        (["--augment", "shift/"], ["--augment", "''", "names of shift, "]),
        (["--augment", "shift/flip"], ["--augment", "2 networks or more", "--networks 1"]),
        (["--save-every", "-1"], ["--save-every", "0 or more"]),
        (["--save-every", "5"], ["--save-every", "--run"]),
    ],
)
def test_bad_options_of_a_run_are_refused(run, refused, data, args, words):
    Path("file").touch()
    run("fnn-train", "--data", data, "--hidden", 2, "--epochs", 1, "--run", "r")
    own = [] if "--resume" in args else ["--data", data]
    refused(run("fnn-train", *own, *args), *words)


def damage_text(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def of_another_model(path):
    spec = fnn.Spec("mlp", (28, 28, 1), 10, {"hidden": 7})
    net = fnn.models.build(spec)
    content = checkpoint.load(path)
    checkpoint.save(path, {**content, **model_of(spec, net.init(0, spec.shape), {})})


def foreign(path):
    np.savez(path, weights=np.ones(3))


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fnn.npy", bytes(10**7))


def not_finite(path):
    content = checkpoint.load(path)
    content["params"][1]["W"][0, 0] = np.nan
    checkpoint.save(path, content)


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        ("last.npz", truncate, ["damaged"]),
        ("last.npz", flip_a_bit, ["damaged"]),
        ("last.npz", foreign, ["not a file that fnn wrote"]),
        ("last.npz", of_another_model, ["not a checkpoint of this run", "another model"]),
        ("last.npz", bomb, ["compressed"]),
        ("last.npz", not_finite, ["not finite"]),
        ("last.npz", lambda path: (path.unlink(), path.mkdir()), ["not a regular file"]),
        ("best.npz", truncate, ["damaged"]),
        ("best.npz", lambda path: path.unlink(), ["there is no such file"]),
        ("config.json", truncate, ["not the file that fnn-train wrote"]),
        ("config.json", lambda path: damage_text(path, '"format": 1', '"format": 9'), ["reads 1"]),
        ("config.json", lambda path: damage_text(path, '"mlp"', '"nonesuch"'), ["not fnn-train's"]),
        (
            "config.json",
            lambda path: damage_text(path, '"epochs": 2', '"epochs": 0'),
            ["fnn-train's"],
        ),
        ("config.json", lambda path: damage_text(path, '"hidden"', '"help"'), ["fnn-train's"]),
        ("config.json", lambda path: (path.unlink(), os.mkfifo(path)), ["not a regular file"]),
        ("config.json", lambda path: path.unlink(), ["holds no run"]),
        ("metrics.csv", lambda path: path.unlink(), ["missing, though 2 epochs"]),
        ("metrics.csv", lambda path: damage_text(path, "epoch,", "era,"), ["no column epoch"]),
        ("metrics.csv", lambda path: damage_text(path, "\n2,", "\n3,"), ["the epochs 1 to 2"]),
    ],
)
def test_a_damaged_file_of_a_run_is_named_in_one_line(run, refused, data, name, damage, words):
    run("fnn-train", "--data", data, *SMALL, "--run", "r", "--validation", 0.2)
    damage(Path("r", name))
    refused(run("fnn-train", "--resume", "r"), f"r/{name}" if name in words else "r", *words)


def test_a_run_that_is_in_progress_cannot_be_resumed(run, start, refused, data, tmp_path):
    args = ("--data", data, "--hidden", 6, "--epochs", 10**6)
    with start("fnn-train", *args, "--run", "r", "--save-every", 0) as process:
        wait_for(tmp_path / "r" / "last.npz")
        refused(run("fnn-train", "--resume", "r"), "r: another training is at work")
        process.kill()
    (tmp_path / "r" / "last.npz").unlink()
    process = start("fnn-train", "--resume", "r", "--save-every", 0)
    wait_for(tmp_path / "r" / "last.npz")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[1].count("stopped after") == 1


@pytest.mark.parametrize(
    "error", [OSError(95, "Operation not supported"), OSError(37, "No locks available"),
              NotImplementedError("FileSystem does not appear to support flock")],
    ids=str,
)  # fmt: skip
def test_a_file_system_without_locks_is_named(run, refused, data, monkeypatch, error):
    def fail(*args):
        raise error

    monkeypatch.setattr("filelock.FileLock.acquire", lambda self, **how: fail())
    done = run("fnn-train", "--data", data, "--hidden", 6, "--run", "r")
    refused(done, "r: cannot be locked (", str(getattr(error, "strerror", error)), "another disk")


def test_a_diverging_run_keeps_its_last_checkpoint(run, refused, data):
    args = ("--data", data, "--hidden", 6, "--epochs", 30, "--optimizer", "sgd", "--lr", 10)
    done = run("fnn-train", *args, "--weight-decay", 0.9, "--run", "r", "--save-every", 0)
    refused(done, "diverges", "r keeps what was saved", "smaller --lr")
    assert np.isfinite(checkpoint.load("r/last.npz")["params"][1]["W"]).all()


@pytest.mark.skipif(sys.platform != "linux", reason="limits of file sizes are set as on Linux")
def test_a_full_disk_leaves_the_last_checkpoint_whole(run, start, data):
    run("fnn-train", "--data", data, *SMALL, "--run", "r")
    before = {path: path.read_bytes() for path in Path("r").iterdir()}
    damage_text(Path("r/config.json"), '"epochs": 2', '"epochs": 4')
    limit = os.path.getsize("r/last.npz") // 2

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = start("fnn-train", "--resume", "r", preexec_fn=small_files)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 2, err
    assert len(err.splitlines()) == 1
    assert "r/last.npz: File too large" in err
    assert Path("r/last.npz").read_bytes() == before[Path("r/last.npz")]
    assert {path.name for path in Path("r").iterdir()} == {path.name for path in before}
    assert run("fnn-train", "--resume", "r").returncode == 0
    assert [row["epoch"] for row in rows_of("r")] == ["1", "2", "3", "4"]


def test_the_best_epoch_on_the_validation_images_is_kept(run, data):
    args = ("--data", data, "--hidden", 9, "--epochs", 8, "--validation", 0.2, "--lr", 2)
    done = run("fnn-train", *args, "--run", "r")
    rows = rows_of("r")
    scores = [float(row["validation_accuracy"]) for row in rows]
    best = checkpoint.load("r/last.npz")["best"]
    assert best["accuracy"] == max(scores) == scores[best["epoch"] - 1]
    assert f"epoch {best['epoch']} was best" in done.stderr
    assert Path("r/best.npz").read_bytes() == Path("r/params.npz").read_bytes()
    assert run("fnn-train", *args).returncode == 0
    assert Path("params.npz").read_bytes() == Path("r/params.npz").read_bytes()


def test_the_best_epoch_is_kept_as_it_was_measured(run, data):
    args = ("--data", data, "--hidden", 6, "--epochs", 3, "--validation", 0.2, "--batch-norm")
    assert run("fnn-train", *args, "--run", "r").returncode == 0
    assert Path("r/best.npz").read_bytes() == Path("r/params.npz").read_bytes()
    best = rows_of("r")[checkpoint.load("r/last.npz")["best"]["epoch"] - 1]
    found, test = fnn.load_recognizer("r/params.npz"), load_mnist(data).test
    logits = fnn.predict(found.net, found.params, found.state, test.images, prepare=fnn.to_float)
    assert fnn.accuracy(logits, test.labels) == float(best["test_accuracy"])


def test_patience_ends_a_training_that_does_not_improve(run, data):
    args = ("--data", data, "--hidden", 6, "--epochs", 50, "--validation", 0.2, "--lr", 1e-9)
    done = run("fnn-train", *args, "--patience", 3, "--run", "r")
    assert done.returncode == 0, done.stderr
    best = checkpoint.load("r/last.npz")["best"]["epoch"]
    assert len(rows_of("r")) == best + 3 < 50


def test_held_out_images_depend_on_the_seed_and_none_is_lost():
    split = digits(1, 50)
    others, part = held_out(split, 0.2, seed=3)
    assert (len(others.labels), len(part.labels)) == (40, 10)
    both = np.concatenate([others.images, part.images])
    assert sorted(map(bytes, both)) == sorted(map(bytes, split.images))
    assert np.array_equal(held_out(split, 0.2, seed=3)[1].images, part.images)
    assert not np.array_equal(held_out(split, 0.2, seed=4)[1].images, part.images)


def test_summary_prints_the_layers_and_trains_nothing(run, data):
    done = run("fnn-train", "--data", data, "--hidden", 6, "--summary")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2].split() == ["1", "dense(6)", "6", "4,710", "4,704"]
    assert done.stdout.splitlines()[-1].split() == ["total", "4,780", "4,764"]
    assert not Path("params.npz").exists()


def test_summary_counts_every_network(run, data):
    done = run("fnn-train", "--data", data, "--hidden", 6, "--networks", 3, "--summary")
    assert done.stdout.splitlines()[-1].split() == ["total", f"{3 * 4780:,}", f"{3 * 4764:,}"]


def test_quiet_prints_nothing(run, data):
    for more in ([], ["--run", "r", "--validation", 0.1]):
        done = run("fnn-train", "--data", data, *SMALL, "--quiet", *more)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_two_trainings_can_parse_a_set_at_the_same_time(start, data):
    args = ("--data", data, "--hidden", 2, "--epochs", 1, "--quiet")
    processes = [start("fnn-train", *args, "--out", f"{i}.npz") for i in range(2)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "", "")
    assert Path("0.npz").read_bytes() == Path("1.npz").read_bytes()
