"""What all programs have in common."""

import subprocess
import sys

import pytest

import fnn
from fnn.cli import start

READS_DATA = ["fnn-train", "fnn-predict", "fnn-loss", "fnn-eval", "fnn-show"]
PROGRAMS = [*READS_DATA, "fnn-contest", "fnn-plot", "fnn-export"]
every_program = pytest.mark.parametrize("program", PROGRAMS)


@every_program
def test_help_shows_defaults_an_example_and_the_data_sets(run, program):
    done = run(program, "--help")
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    assert program in text.split("example: ")[1]
    assert "None" not in text
    if program in READS_DATA:
        assert all(word in text for word in ("mnist (", "cifar10 (", "digits (", "./NAME"))


@every_program
def test_version(run, program):
    assert run(program, "--version").stdout == f"{program} {fnn.__version__}\n"


@pytest.mark.parametrize("program", READS_DATA)
def test_unknown_options_and_data_are_one_line(run, refused, program):
    refused(run(program, "--nonesuch"), "unrecognized arguments: --nonesuch", "--help")
    where = ("--out", "x.png") if program == "fnn-show" else ()  # without a screen it needs a file
    done = run(program, "--data", "nonesuch", *where)
    refused(done, "'nonesuch'", "mnist", "cifar10", "directory")


def test_import_brings_in_nothing_heavy():
    heavy = ["pooch", "requests", "mnist", "tqdm", "platformdirs", "argparse", "pickletools"]
    heavy += ["matplotlib", "PIL", "onnx"]
    code = f"import sys, fnn; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_ctrl_c_while_modules_are_imported_is_quiet(monkeypatch, capsys):
    monkeypatch.setattr(sys, "path", [*sys.path])

    def interrupted(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(start, "import_module", interrupted)
    assert start.start("fnn-train") == 130
    assert capsys.readouterr() == ("", "")
