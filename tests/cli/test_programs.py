"""What all programs have in common."""

import importlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fnn
from fnn.cli import start
from fnn.cli.call import GROUPS, Call, parse
from fnn.cli.listing import TRAINING, options_of, words
from fnn.cli.programs import PROGRAMS as COMMANDS
from fnn.data.catalogue import KNOWN
from fnn.models import MODELS
from fnn.training.choices import AUGMENTS, DEFAULTS
from fnn.training.options import Options
from fnn.training.recipes import RECIPES

ROOT = Path(__file__).resolve().parents[2]
READS_DATA = ["fnn-train", "fnn-predict", "fnn-loss", "fnn-eval", "fnn-show"]
PROGRAMS = ["fnn", *(f"fnn-{name}" for name in COMMANDS)]
every_program = pytest.mark.parametrize("program", PROGRAMS)


@every_program
def test_help_shows_defaults_an_example_and_the_data_sets(run, program):
    done = run(program, "--help")
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    assert program in text.split("example: ")[1] or program == "fnn"
    assert "None" not in text
    if program in READS_DATA:
        assert all(word in text for word in ("mnist (", "cifar10 (", "digits (", "./NAME"))
        assert all(f" {name}" in text for name in KNOWN)
        assert "FNN_DATA" in text
    if program != "fnn-plot":
        assert "FNN_THREADS" in text


@every_program
def test_version(run, program):
    assert run(program, "--version").stdout == f"{program} {fnn.__version__}\n"


@pytest.mark.parametrize("program", READS_DATA)
def test_unknown_options_and_data_are_one_line(run, refused, program):
    refused(run(program, "--nonesuch"), "unrecognized arguments: --nonesuch", "--help")
    where = ("--out", "x.png") if program == "fnn-show" else ()  # without a screen it needs a file
    done = run(program, "--data", "nonesuch", *where)
    refused(done, "'nonesuch'", "mnist", "cifar10", "directory")


def test_the_list_of_programs_is_what_there_is():
    names = {f"fnn-{name}" for name in COMMANDS}
    assert {path.name for path in (ROOT / "bin").iterdir()} == {"fnn", *names}
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {name: f"{start.module_of(name)}:main" for name in ("fnn", *names)}
    for name in ("fnn", *names):
        module = importlib.import_module(start.module_of(name))
        assert callable(module.main)
        assert module.arguments().prog == name


@pytest.mark.parametrize("args", [(), ("--help",)])
def test_fnn_lists_the_programs_with_a_line_each(run, args):
    done = run("fnn", *args, COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.strip() for line in done.stdout.splitlines()]
    for name, about in COMMANDS.items():
        assert sum(line == f"{name:{max(map(len, COMMANDS))}}  {about}" for line in lines) == 1


@pytest.mark.parametrize("words", [["-m", "fnn"], [str(ROOT / "bin" / "fnn")]], ids=["-m", "bin"])
def test_fnn_runs_a_program(words, tmp_path):
    def said(*args):
        done = subprocess.run(
            [sys.executable, "-W", "error", *words, *args], capture_output=True, text=True,
            check=False, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    assert said("--version") == (0, f"fnn {fnn.__version__}\n", "")
    assert said("eval", "--version") == (0, f"fnn-eval {fnn.__version__}\n", "")
    status, out, _ = said("loss", "--params", "random", "--data", "digits")
    assert (status, bool(re.fullmatch(r"\d\.\d+\n", out))) == (0, True)
    status, out, err = said("loss", "--nonesuch")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("fnn-loss: ")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["trian"], ["'trian'", "did you mean train?"]),
        (["fnn-eval"], ["did you mean eval?"]),
        (["nonesuch"], ["'nonesuch'", "lists them"]),
        ([""], ["''", "lists them"]),
        (["\x1b[31m\n"], ["'\\x1b[31m\\n'"]),
        (["--nonesuch"], ["unrecognized arguments: --nonesuch"]),
        (["--print-completion", "csh"], ["'csh'", "did you mean tcsh"]),
        (["--print-completion", "bash", "train"], ["--print-completion", "leave the command out"]),
    ],
)
def test_what_fnn_does_not_know_is_one_line(run, refused, args, words):
    refused(run("fnn", *args), "fnn: ", *words)


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("args", [[], *(["--model", model] for model in MODELS)], ids=str)
def test_help_of_fnn_train_is_short_and_in_groups(run, columns, args):
    lines = run("fnn-train", *args, "--help", COLUMNS=str(columns)).stdout.splitlines()
    assert len(lines) < 80
    assert max(map(len, lines)) <= columns
    heads = [line for line in lines if line.endswith(":") and line[:1].isalpha()]
    groups = ["data:", "network:", "optimization:", "augmentation:", "output:"]
    assert heads == ["options:", *groups, "environment:"]


def test_every_option_of_fnn_train_is_in_one_group():
    names = [name for group in GROUPS.values() for name in group]
    assert sorted(names) == sorted((*Options._fields, *Call._fields))


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        ([], {"epochs": "by model", "lr": "by model", "hidden": "by model", "networks": "1"}),
        (["--model", "conv"], {"epochs": "3", "shards": "2", "activation": "relu"}),
        (["--model=conv"], {"hidden": "none", "lr": "0.1", "schedule": "one-cycle"}),
        (["--model", "mlp"], {"hidden": "200", "batch-norm": "no", "lr": "0.3"}),
        (["--model", "mlp", "--optimizer", "adam"], {"lr": "0.001", "schedule": "constant"}),
        (["--recipe", "contest"], {"networks": "3", "width": "32", "dropout": "0.4"}),
        (["--model", "absent.py:net"], {"optimizer": "adam", "width": "none"}),
    ],
)
def test_help_shows_the_defaults_of_what_is_chosen(run, args, shown):
    for argv in ([*args, "--help"], ["-h", *args]):
        text = " ".join(run("fnn-train", *argv, COLUMNS="80").stdout.split())
        for name, value in shown.items():
            after = re.split(rf"--(?:\[no-\])?{name} ", text)[1].partition(" --")[0]
            assert after.endswith(f"({value})"), after


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "words",
    [["fnn"], ["fnn", "--version"], ["fnn", "eval", "-h"], ["fnn-train", "--list"]],
    ids=str,
)
def test_what_cannot_be_written_is_an_error(start, words):
    with open("/dev/full", "w") as full:
        process = start(*words, stdout=full)
        err = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert "No space left on device" in err
    assert err.count("\n") == 1


def test_help_for_a_model_that_there_is_not(run, refused):
    refused(run("fnn-train", "--model", "cnov", "--help"), "did you mean conv?")


def test_the_list_of_fnn_train_tells_all_there_is_to_choose(run):
    done = run("fnn-train", "--list", COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    for name, usual in DEFAULTS.items():
        told = [line.split() for line in lines if line.split()[:1] == [name]]
        assert told[0][1:] == [str(getattr(usual, field)) for field in TRAINING]
        assert set(map(str, options_of(name).values())) - {"False", "small"} <= set(told[1])
    for name in (*RECIPES, *KNOWN, *AUGMENTS):
        assert any(line.startswith(f"  {name}  ") for line in lines)


@pytest.mark.parametrize("name", RECIPES)
def test_the_options_of_a_listed_recipe_are_the_recipe(name):
    argv = shlex.split(words(RECIPES[name].options))
    assert parse(argv)[0] == parse(["--recipe", name])[0]._replace(recipe=None)


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
