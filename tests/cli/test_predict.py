import os
import pty
import re
import subprocess
import sys

import numpy as np
import pytest

import fnn
from fnn import tree
from fnn.cli import predict
from fnn.data.mnist import load_mnist
from fnn.data.synthetic import digits
from fnn.files import checkpoint
from fnn.models import Spec
from fnn.recognizer.recognizer import save_recognizer, untrained

TOLD = r"parameters: params.npz \(mlp, trained on data, \d\d.\d\d%, just now\)\n"


@pytest.fixture
def trained(run, data):
    run("fnn-train", "--data", data, "--epochs", 6, "--batch-size", 20)
    return data


def test_other_data_than_those_of_the_training_are_named(run, trained):
    done = run("fnn-eval", "--data", "digits", "--params", "params.npz")
    assert "fnn: params.npz has learned from data, not from digits\n" in done.stderr
    done = run("fnn-eval", "--data", trained)
    assert "has learned from" not in done.stderr


def test_a_file_that_does_not_say_what_it_learned_from(run, trained):
    content = checkpoint.load("params.npz")
    checkpoint.save("old.npz", {k: content[k] for k in content if k != "origin"})
    done = run("fnn-predict", "--params", "old.npz", "--data", trained, stdin="1\n")
    assert done.stderr == "parameters: old.npz (mlp, just now)\n"


@pytest.mark.parametrize(
    "origin",
    [3, {}, {"data": 1, "test": ""}, {"data": "", "test": "", "accuracy": 2.0}, {"more": 1}],
)
def test_a_damaged_origin_is_refused(run, refused, trained, origin):
    checkpoint.save("params.npz", {**checkpoint.load("params.npz"), "origin": origin})
    refused(run("fnn-predict", "--data", trained, stdin="1\n"), "params.npz: not the parameters")


def test_the_directory_of_a_run_stands_for_its_network(run, data):
    run("fnn-train", "--data", data, "--epochs", 1, "--hidden", 3, "--run", "runs/a")
    by_name, by_file = (
        run("fnn-eval", "--params", name, "--data", data).stdout
        for name in ("runs/a", "runs/a/params.npz")
    )
    assert by_name == by_file != ""


def test_digits_are_recognized(run, trained):
    labels = load_mnist(trained).test.labels
    done = run("fnn-predict", "--data", trained, stdin="".join(f"{i}\n" for i in range(100)))
    assert done.returncode == 0
    assert re.fullmatch(TOLD, done.stderr)
    answers = np.array([int(line) for line in done.stdout.splitlines()])
    assert len(answers) == 100
    assert (answers == labels).mean() > 0.6


def test_random_parameters_answer_the_same_every_time(run, data):
    args = ("fnn-predict", "--params", "random", "--data", data)
    first, second = (run(*args, stdin="3\n1\n4") for _ in range(2))
    assert first.returncode == 0
    assert first.stdout == second.stdout
    assert all(line in map(str, range(10)) for line in first.stdout.splitlines())
    assert len(first.stdout.splitlines()) == 3


def test_top_prints_probabilities_in_order(run, trained):
    done = run("fnn-predict", "--data", trained, "--top", 10, stdin="5\n")
    pairs = [pair.split() for pair in done.stdout.strip().split("  ")]
    p = [float(pair[1]) for pair in pairs]
    assert sorted(int(pair[0]) for pair in pairs) == list(range(10))
    assert p == sorted(p, reverse=True)
    assert sum(p) == pytest.approx(1, abs=1e-3)
    assert run("fnn-predict", "--data", trained, stdin="5\n").stdout.strip() == pairs[0][0]


@pytest.mark.parametrize(
    ("stdin", "answers", "words"),
    [
        ("", 0, ["standard input is empty", "0..99"]),
        ("seven\n", 0, ["line 1", "expected an integer in 0..99, found 'seven'"]),
        ("1\n2\n100\n3\n", 2, ["line 3", "found 100"]),
        ("-1\n", 0, ["line 1", "found -1"]),
        ("1\n\n", 1, ["line 2", "found ''"]),
        ("1.5\n", 0, ["found '1.5'"]),
        ("1 2\n", 0, ["found '1 2'"]),
        ("1_0\n", 0, ["found '1_0'"]),
        ("٣\n", 0, ["found"]),
        ("9" * 5000, 0, ["found '999"]),
        ("x" * 5000 + "\n3\n", 0, ["line 1", "found 'xxx"]),
        (" " * 100 + "7\n-", 1, ["line 2", "found '-'"]),
        (b"\xff\xfe\n", 0, ["line 1", "found"]),
        (b"\0\n", 0, ["line 1", "found"]),
    ],
)
def test_the_first_bad_line_ends_it_after_the_earlier_answers(
    run, refused, data, stdin, answers, words
):
    done = run("fnn-predict", "--params", "random", "--data", data, stdin=stdin)
    refused(done, "fnn-predict", *words)
    assert len(done.stdout.splitlines()) == answers


def test_parameters_that_are_missing_or_broken(run, refused, data, tiny, tmp_path):
    refused(run("fnn-predict", "--data", tiny, stdin="1"), "no params.npz", "fnn-train", "--params")
    refused(
        run("fnn-predict", "--data", data, "--params", "absent.npz", stdin="1"),
        "absent.npz: there is no such file",
    )
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 not really")
    refused(
        run("fnn-predict", "--data", data, "--params", "broken.npz", stdin="1"),
        "broken.npz: not a file that fnn wrote",
    )


@pytest.mark.parametrize("scale", [1e30, 3e38])
def test_parameters_that_are_finite_but_meaningless_are_refused(
    run, refused, data, tmp_path, scale
):
    spec = Spec("mlp", (28, 28, 1), 10, {"hidden": 4, "activation": "relu"})
    fresh = untrained(spec)
    params = tree.map(lambda p: np.full_like(p, scale), fresh.params)
    save_recognizer(tmp_path / "params.npz", spec, params, fresh.state)
    refused(run("fnn-predict", "--data", data, stdin="1"), "outputs", "diverged", "--lr")
    refused(run("fnn-loss", "--data", data), "outputs", "diverged", "--lr")
    np.save(tmp_path / "x.npy", load_mnist(data).test.images)
    refused(run("fnn-contest", "x.npy", "out.txt"), "outputs", "diverged", "--lr")
    assert not (tmp_path / "out.txt").exists()


def test_parameters_for_other_images_are_refused(run, refused, data):
    run("fnn-train", "--data", data, "--epochs", 1, "--hidden", 4)
    refused(run("fnn-predict", "--data", "colors", stdin="1"), "(28, 28, 1)", "(32, 32, 3)")


def test_more_classes_than_there_are(run, refused, data):
    args = ("fnn-predict", "--params", "random", "--data", data)
    refused(run(*args, "--top", 11, stdin="1"), "--top 11", "10 classes")
    refused(run(*args, "--top", 0, stdin="1"), "--top")


def test_at_a_terminal_it_prompts_and_asks_again(start, data):
    master, slave = pty.openpty()
    process = start("fnn-predict", "--params", "random", "--data", data, stdin=slave)
    os.close(slave)
    os.write(master, b"seven\n" + b"x" * 2500 + b"\n200\n7\n\x04")
    out, err = process.communicate(timeout=60)
    os.close(master)
    assert process.returncode == 0
    assert len(out.splitlines()) == 1
    assert err.count("index of a test image, 0..99: ") == 5
    assert "found 'seven'" in err
    assert "found 200" in err


def test_a_reader_that_goes_away_is_not_an_error(start, data):
    args = ("--params", "random", "--data", data)
    with start("fnn-predict", *args, stdin=subprocess.PIPE) as process:
        process.stdout.close()
        process.stdin.write("1\n" * 1000)
        process.stdin.close()
        assert "Traceback" not in process.stderr.read()
        assert process.wait(60) == 1


def test_it_answers_like_the_functions(run, trained):
    images, _ = load_mnist(trained).test
    content = fnn.load("params.npz")
    net = fnn.models.mlp()
    logits = fnn.predict(net, content["params"], content["state"], images, prepare=fnn.to_float)
    done = run("fnn-predict", "--data", trained, stdin="".join(f"{i}\n" for i in range(100)))
    assert [int(line) for line in done.stdout.splitlines()] == logits.argmax(axis=1).tolist()


def test_data_with_more_classes_than_the_network_is_refused(run, refused, data, tiny):
    run("fnn-train", "--data", tiny, "--epochs", 1)
    done = run("fnn-predict", "--data", tiny, stdin="1")
    assert done.returncode == 0
    run("fnn-train", "--data", data, "--epochs", 1, "--hidden", 4)
    refused(run("fnn-predict", "--data", tiny, stdin="1"), "(28, 28, 1)", "(5, 5, 1)")


# image files


def write_image(path, image, **more):
    picture = pytest.importorskip("PIL.Image", reason="reading images needs pillow")
    picture.fromarray(image).save(path, **more)


@pytest.fixture
def pictures(tmp_path):
    """A test image as it is, and one inverted, enlarged and padded in a file with an odd name."""
    image = digits(2, 100).images[3]
    write_image(tmp_path / "a.png", image)
    large = np.pad(np.kron(image, np.ones((7, 7), np.uint8)), 40)
    write_image(tmp_path / "b\nc.jpg", 255 - large)
    write_image(tmp_path / "blank.png", np.full((30, 30), 255, np.uint8))
    (tmp_path / "broken.png").write_bytes((tmp_path / "a.png").read_bytes()[:-80])
    return "a.png", "b\nc.jpg"


def test_the_digit_in_an_image_file(run, trained, pictures):
    expected = str(load_mnist(trained).test.labels[3])
    for file in pictures:
        done = run("fnn-predict", "--image", file)
        assert done.returncode == 0
        assert re.fullmatch(TOLD, done.stderr)
        assert done.stdout == f"{expected}\n"
    done = run("fnn-predict", "--top", 2, "--image", "a.png")
    assert done.stdout.startswith(f"{expected} 0.")
    assert len(done.stdout.split()) == 4


def test_several_files_get_one_line_each(run, pictures):
    done = run("fnn-predict", "--params", "random", "--image", *pictures, stdin=b"not read")
    assert done.returncode == 0
    first, second = done.stdout.splitlines()
    assert first.startswith("a.png: ")
    assert second.startswith("b\\nc.jpg: ")
    assert first[-2:].strip().isdigit()


def test_files_may_be_given_one_by_one(run, pictures):
    args = [word for name in pictures for word in ("--image", name)]
    one_by_one = run("fnn-predict", "--params", "random", *args)
    together = run("fnn-predict", "--params", "random", "--image", *pictures)
    assert one_by_one.stdout == together.stdout != ""


def test_bad_files_are_reported_and_the_others_answered(run, pictures):
    files = ("absent.png", "a.png", "blank.png", "broken.png", "x\ny", ".", "a.png")
    done = run("fnn-predict", "--params", "random", "--image", *files)
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 2
    lines = done.stderr.splitlines()
    assert lines.pop(0).startswith("parameters: ")
    for line, name in zip(lines, [files[0], *files[2:4], "x\\ny", "."], strict=True):
        assert line.startswith(f"fnn-predict: {name}: ")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--image", "absent.png"], ["absent.png: there is no such file"]),
        (["--image", "blank.png"], ["blank.png: the picture is blank or its ink too faint"]),
        (["--image", "broken.png"], ["broken.png: cannot be read or is damaged"]),
        (["--image", "."], ["is a directory"]),
        (["--image"], ["--image: expected at least one argument"]),
        (["--image", "a.png", "--data", "digits"], ["--image", "--data"]),
        (["--image", "a.png", "--top", "11"], ["--top 11", "10 classes"]),
    ],
)
def test_bad_image_files_are_refused(run, refused, pictures, args, words):
    done = run("fnn-predict", "--params", "random", *args)
    refused(done, "fnn-predict", *words)
    assert done.stdout == ""


def test_a_network_for_other_images_gets_pictures_in_its_own_size_and_colors(
    run, pictures, tmp_path
):
    names = tuple("abcdefghij")
    fresh = untrained(Spec("conv", (32, 20, 3), 10, {}, names=names))
    save_recognizer(tmp_path / "params.npz", fresh.spec, fresh.params, fresh.state)
    done = run("fnn-predict", "--image", "a.png", "--top", 10)
    assert done.returncode == 0, done.stderr
    picture = fnn.read_images(["a.png"], (32, 20), "rgb")
    best = fnn.recognize(fresh, picture).argmax()
    assert done.stdout.startswith(f"{names[best]} 0.")


def test_without_pillow_one_line_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert predict.main(["--params", "random", "--image", "a.png"]) == 2
    assert "pip install pillow" in capsys.readouterr().err


def test_each_index_is_answered_when_the_input_pauses(start, run, trained):
    expected = run("fnn-predict", "--data", trained, stdin="1\n2\n3\n").stdout.split()
    process = start("fnn-predict", "--data", trained, stdin=subprocess.PIPE)
    for i in (1, 2, 3):
        process.stdin.write(f"{i}\n")
        process.stdin.flush()
        assert process.stdout.readline().strip() == expected[i - 1]
    process.stdin.write("99\nx\n1\n")
    out, err = process.communicate(timeout=60)
    assert len(out.split()) == 1  # what came before the bad line
    assert "standard input, line 5: expected an integer in 0..99, found 'x'" in err
    assert process.returncode == 2


@pytest.mark.parametrize("ending", ["\n", ""])
def test_many_indices_are_answered_in_order(run, trained, ending):
    images = load_mnist(trained).test.images
    wanted = [i % len(images) for i in range(1234)]
    done = run("fnn-predict", "--data", trained, stdin="\n".join(map(str, wanted)) + ending)
    one_by_one = run("fnn-predict", "--data", trained, stdin="\n".join(map(str, range(100))))
    answers = one_by_one.stdout.split()
    assert done.stdout.split() == [answers[i] for i in wanted]


@pytest.mark.parametrize("bad", ["9" * 2000, "x" * 200_000])
def test_a_long_line_is_refused_without_waiting_for_its_end(run, trained, bad):
    done = run("fnn-predict", "--data", trained, stdin=f"1\n{bad}")
    assert done.returncode == 2
    assert "line 2: expected an integer" in done.stderr
    assert len(done.stdout.split()) == 1
