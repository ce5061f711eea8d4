"""What the programs share: every error is one line, whatever its text."""

import io
import sys

import numpy as np
import pytest

from fnn.cli import loss, program
from fnn.errors import InputError, say


def stop(error: BaseException):
    def body(argv):
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("a\nb: is bad"), r"p: a\nb: is bad"),
        (InputError("\x1b[31m\udcff"), r"p: \x1b[31m\udcff"),
        (OSError(28, "No space", "a\nb"), r"p: a\nb: No space"),
        (OSError("odd"), "p: input or output: odd"),
    ],
)
def test_an_error_is_one_line_that_shows_everything(capsys, error, line):
    assert program.run("p", stop(error), []) == 2
    assert capsys.readouterr() == ("", f"{line}\n")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["a\nb"], r"unrecognized arguments: a\nb"),
        (["--seed", "9" * 5000], f"found '{'9' * 40}'"),
        (["--seed=--"], "argument --seed: expected a value, found '--'"),
        (["--seed", "--"], "argument --seed: expected one argument"),
        (["--data=--"], "argument --data: expected a value"),
        (["--data="], "argument --data: is empty"),
        (["--data", ""], "argument '': is empty"),
    ],
)
def test_a_refused_argument_gives_one_short_line(capsys, argv, words):
    with pytest.raises(SystemExit) as caught:
        loss.main(argv)
    assert caught.value.code == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert len(err) < 200


def test_names_that_standard_output_cannot_encode_are_escaped(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert program.run("p", lambda argv: print("数"), []) == 0
    assert written.getvalue() == b"\\u6570\n"


def test_without_standard_error_nothing_goes_to_standard_output(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    say("a line")
    assert program.run("p", stop(InputError("bad")), []) == 2
    assert capsys.readouterr().out == ""


def test_the_work_goes_on_if_standard_error_is_full(monkeypatch):
    class Full:
        def write(self, _text):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stderr", Full())
    say("a line")
    assert program.run("p", lambda argv: say("another"), []) == 0
    assert program.run("p", stop(InputError("bad")), []) == 2


def test_overflow_gives_no_warnings(capsys):
    def body(argv):
        print(np.float32(1e38) * np.float32(1e38))

    assert program.run("p", body, []) == 0
    assert capsys.readouterr() == ("inf\n", "")


def test_what_reaches_the_terminal_is_printable_and_short(capsys):
    text = "\x1b[2J" + 60_000 * "A"
    say(text)
    assert program.run("p", stop(InputError(text)), []) == 2
    with pytest.raises(SystemExit):
        loss.main([f"--data={text}", f"--{text}"])
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 3
    assert all(line.isprintable() and len(line) < 2100 for line in err.splitlines())


@pytest.mark.parametrize("form", ["--run={}", "--run {}"])
def test_a_tilde_is_the_home_directory_in_every_path(run, data, tmp_path, monkeypatch, form):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    options = ("--data", data, "--epochs", 1, "--hidden", 2)
    done = run("fnn-train", *options, *form.format("~/a").split(), "--out=~/b.npz")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "home").iterdir()} == {"a", "b.npz"}
    assert not (tmp_path / "~").exists()
    assert run("fnn-eval", "--data", data, "--params", "~/b.npz").returncode == 0


def test_without_a_home_a_tilde_is_refused(run, refused, tmp_path, monkeypatch):
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    refused(run("fnn-train", "--run=~/a"), "~/a: there is no home directory")
    assert not (tmp_path / "~").exists()
