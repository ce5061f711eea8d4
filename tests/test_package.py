"""The package as users get it: built, checked, installed from its wheel into an empty place."""

import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import fnn
from fnn.cli.programs import PROGRAMS

ROOT = Path(__file__).resolve().parents[1]
DATA = {
    "recognizer/mnist.npz",
    "py.typed",
    "web/page.html",
}  # what the library needs besides its modules


def python(*args: object, **more: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *map(str, args)], capture_output=True, text=True, check=False, **more
    )


def offline(said: str) -> bool:
    """Whether pip could reach no index, from what it says."""
    signs = "Temporary failure", "Network is unreachable", "Connection refused", "NewConnection"
    return any(sign in said for sign in (*signs, "ConnectTimeout", "Name or service not known"))


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The folder with the sdist of this tree and the wheel that is made from it."""
    pytest.importorskip("build", reason="needs build")
    place = tmp_path_factory.mktemp("dist")
    alone = [] if importlib.util.find_spec("hatchling") is None else ["--no-isolation"]
    done = python("-m", "build", *alone, "--outdir", place, ROOT)
    if done.returncode and not alone and offline(done.stdout + done.stderr):
        pytest.skip("hatchling is not installed and cannot be downloaded")
    assert done.returncode == 0, done.stdout + done.stderr
    return place


@pytest.fixture(scope="module")
def wheel(built) -> Path:
    (found,) = built.glob("*.whl")
    return found


def files_of(folder: str) -> set[str]:
    """The files of a folder of this tree, apart from those that .gitignore names."""
    left = {"__pycache__", ".ipynb_checkpoints", ".hypothesis", ".pytest_cache"}
    found = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file())
    return {
        path.as_posix()
        for path in found
        if not left & {*path.parts} and (path.suffix != ".npz" or path.match("fnn/recognizer/*"))
    }


def test_the_wheel_is_the_library_and_its_commands(wheel):
    assert wheel.name == f"fnn-{fnn.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        inner = {name for name in names if not name.startswith(f"fnn-{fnn.__version__}.dist-info/")}
        assert inner == files_of("fnn")
        assert {f"fnn/{name}" for name in DATA} <= inner
        (meta,) = (archive.read(n).decode() for n in names if n.endswith("/METADATA"))
        (entries,) = (archive.read(n).decode() for n in names if n.endswith("/entry_points.txt"))
    assert re.search(rf"^Version: {re.escape(fnn.__version__)}$", meta, re.MULTILINE)
    assert re.search("^Keywords: .*MNIST", meta, re.MULTILINE)
    for version in ("3.11", "3.12", "3.13"):
        assert f"Classifier: Programming Language :: Python :: {version}\n" in meta
    commands = re.findall(r"^(\S+) = fnn\.cli", entries, re.MULTILINE)
    assert sorted(commands) == sorted(["fnn", *(f"fnn-{name}" for name in PROGRAMS)])


def test_the_sdist_holds_what_tests_need(built):
    (found,) = built.glob("*.tar.gz")
    with tarfile.open(found) as archive:
        members = {m.name.partition("/")[2]: m for m in archive.getmembers()}
    whole = {name for folder in ("fnn", "bin", "tests", ".ci") for name in files_of(folder)}
    extra = {"README.md", "pyproject.toml", ".gitignore", "PKG-INFO"}
    assert members.keys() == whole | extra
    for name in ("bin/fnn", "bin/fnn-train", ".ci/run"):
        assert members[name].mode & 0o111 == 0o111


def test_an_index_would_take_both(built):
    pytest.importorskip("twine", reason="needs twine")
    done = python("-m", "twine", "check", "--strict", *built.iterdir())
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The folder with the commands of a new environment that holds the wheel alone."""
    place = tmp_path_factory.mktemp("venv")
    venv.create(place, with_pip=True, symlinks=os.name != "nt")
    scripts = place / ("Scripts" if os.name == "nt" else "bin")
    install = [scripts / "python", "-m", "pip", "install", "--disable-pip-version-check", wheel]
    # warnings, which are errors for the tests, are pip's own affair
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONWARNINGS")}
    done = subprocess.run(install, capture_output=True, text=True, check=False, env=env)
    if done.returncode and offline(done.stdout + done.stderr):
        pytest.skip("the packages that fnn needs cannot be downloaded")
    assert done.returncode == 0, done.stdout + done.stderr
    return scripts


@pytest.mark.parametrize(
    ("words", "stdin", "out"),
    [
        (["fnn-predict", "--data", "digits"], "7", r"7\n"),
        (["fnn", "predict", "--data", "digits", "--json"], "7", r'\{"index": 7, "class.*\n'),
        (["python", "-m", "fnn"], "", r"usage: fnn COMMAND (.|\n)*"),
        (["python", "-W", "error", "-c", "import fnn; print(fnn.__version__)"], "",
         rf"{re.escape(fnn.__version__)}\n"),
        (["fnn-train", "--data", "digits", "--epochs", "1", "--hidden", "4"], "", r"epoch 1 .*\n"),
    ],
    ids=["fnn-predict", "fnn predict", "python -m fnn", "import", "fnn-train"],
)  # fmt: skip
def test_what_is_installed_works_in_an_empty_directory(installed, tmp_path, words, stdin, out):
    names = {"PATH", "SYSTEMROOT", "HOME", "TMPDIR", "TEMP"}
    done = subprocess.run(
        [installed / words[0], *words[1:]],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k in names} | {"FNN_DATA": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(out, done.stdout)


@pytest.mark.parametrize("name", ["fnn", *(f"fnn-{name}" for name in PROGRAMS)])
def test_every_command_is_installed(installed, tmp_path, name):
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    told = subprocess.check_output(
        [installed / name, "--version"], text=True, cwd=tmp_path, env=env
    )
    assert told == f"{name} {fnn.__version__}\n"


def test_the_changes_begin_with_this_version():
    text = (ROOT / "tests" / "docs" / "changes.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)$", text, re.MULTILINE)[0] == fnn.__version__
