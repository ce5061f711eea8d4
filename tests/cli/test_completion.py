"""Completion in real shells: what they offer for a word of a command line."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fnn.cli.programs import PROGRAMS, SHELLS

# Calls the function that `complete -p` names, as bash does, and prints what it offers.
BASH = """
source "$1"; shift
words=$(complete -p "$1") || exit 3
[[ $words =~ -F\\ ([^ ]+) ]] || exit 4
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
"${BASH_REMATCH[1]}" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """The file with a shell's completion."""
    pytest.importorskip("shtab")
    from fnn.cli.completion import script

    place = tmp_path_factory.mktemp("completion")
    for shell in SHELLS:
        (place / shell).write_text(script(shell))
    return place.joinpath


@pytest.fixture
def offered(script, tmp_path, monkeypatch):
    """A function: what bash offers for the last of some words, in a place with a few files."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    monkeypatch.chdir(tmp_path)
    for name in ("mine.npz", "two words.png"):
        Path(name).touch()
    Path("runs").mkdir()

    def ask(*words):
        done = subprocess.run(
            ["bash", "--norc", "-c", BASH, "bash", script("bash"), *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        assert done.stderr == ""
        return set(done.stdout.splitlines())

    return ask


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_reads_its_script(script, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    done = subprocess.run([shell, "-n", script(shell)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("form", ["fnn {}", "fnn-{}"])
def test_every_program_completes_its_options(offered, name, form):
    words = form.format(name).split()
    assert {"--help", "--version"} <= offered(*words, "--")
    assert offered(*words, "--vers") == {"--version"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("fnn ev", {"eval"}),
        ("fnn --print-completion z", {"zsh"}),
        ("fnn-train --optimizer ada", {"adagrad", "adadelta", "adam", "adamw"}),
        ("fnn train --optimizer adad", {"adadelta"}),
        ("fnn-train --model resnet", {"resnet", "resnet18"}),
        ("fnn-train --model mi", {"mine.npz"}),
        ("fnn-train --data cifar", {"cifar10", "cifar100"}),
        ("fnn-eval --data mnist --params pre", {"pretrained"}),
        ("fnn-eval --params m", {"mine.npz"}),
        ("fnn eval --plot m", {"mine.npz"}),
        ("fnn-train --batch-norm --run ", {"runs"}),
        ("fnn-train --resume r", {"runs"}),
        ("fnn-plot ", {"mine.npz", "two words.png", "runs"}),
        ("fnn-contest m", {"mine.npz"}),
        ("fnn-predict --image mine.npz two", {"two words.png"}),
        ("fnn-train --no-batch", {"--no-batch-norm"}),
    ],
)
def test_bash_offers_names_files_and_directories(offered, words, expected):
    assert offered(*words.split(" ")) == expected


def test_zsh_knows_all_programs(script):
    if shutil.which("zsh") is None:
        pytest.skip("there is no zsh")
    names = ["fnn", *(f"fnn-{name}" for name in PROGRAMS)]
    told = " ".join(f"$_comps[{name}]" for name in names)
    code = f'autoload -U compinit; compinit -u -D; eval "$(cat {script("zsh")})"; print {told}'
    done = subprocess.run(["zsh", "-f", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert len(set(done.stdout.split())) == len(names)


def test_without_shtab_one_line_says_what_to_install(run, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    refused(run("fnn", "--print-completion", "bash"), "shtab", "pip install 'fnn[completion]'")
