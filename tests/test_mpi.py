"""Several processes by mpiexec: the same bits, and an end together whatever happens."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fnn import mpi
from fnn.cli import ranks as launcher
from fnn.cli.call import without_ranks
from fnn.errors import InputError
from fnn.shards import ALONE

BESIDE = str(Path(sys.executable).parent)
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([BESIDE, os.environ.get("PATH", "")]))


def missing() -> str:
    """Why MPI cannot be tested here; empty if it can."""
    if MPIEXEC is None or importlib.util.find_spec("mpi4py") is None:
        return "needs fnn[mpi]"
    command = [MPIEXEC, "-n", "2", sys.executable, "-c", "from mpi4py import MPI"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return f"MPI does not start here: {done.stderr[-300:]}" if done.returncode else ""


WHY = missing()
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY)
RANKS = str(Path(__file__).with_name("ranks.py"))
DIGITS = ("--data", "digits", "--shards", "4", "--hidden", "8")
ENV = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


def mpiexec(size: int, *argv: str) -> "subprocess.CompletedProcess[str]":
    command = [str(MPIEXEC), "-n", str(size), sys.executable, *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=ENV)


def test_the_bits_do_not_depend_on_the_number_of_processes():
    outputs = [mpiexec(size, "-m", "mpi4py", RANKS) for size in (1, 2, 4, 8)]
    assert {done.returncode for done in outputs} == {0}
    assert len({done.stdout for done in outputs}) == 1
    assert len(outputs[0].stdout.splitlines()) == 11


SUMS = """
import sys, numpy as np
from fnn import mpi
from fnn.shards import tree_sum
group = mpi.group()
for n in (1, 5, 1 << 14, (1 << 14) + 3, 100003):
    rngs = [np.random.default_rng((r, n)) for r in range(group.size)]
    parts = [rng.standard_normal(n).astype("f4") for rng in rngs]
    mine = parts[group.rank].copy()
    assert np.array_equal(group.add(mine), tree_sum(parts)), n
    assert np.array_equal(mine, parts[group.rank])
"""


@pytest.mark.parametrize("size", [2, 4, 8])
def test_long_and_short_sums_are_those_of_the_tree(size, tmp_path):
    (tmp_path / "sums.py").write_text(SUMS)
    done = mpiexec(size, "-m", "mpi4py", str(tmp_path / "sums.py"))
    assert (done.returncode, done.stderr) == (0, "")


LOST = (
    "fnn-train: one of the processes ended unexpectedly (Killed (signal 9)), and so did the "
    "others\n"
)


def bits(directory: Path) -> tuple[bytes, list[list[str]]]:
    rows = [line.split(",")[:7] for line in (directory / "metrics.csv").read_text().splitlines()]
    return (directory / "params.npz").read_bytes(), rows


def begun(start, directory: Path, *argv: object):
    """A training on several processes that has done its first epoch."""
    process = start("fnn-train", *argv)
    end = time.monotonic() + 120
    while not (directory / "last.npz").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    return process


def workers(process) -> list[int]:
    """The processes that mpiexec started."""
    own = Path("/proc")
    found = []
    for entry in own.iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                pairs = (entry / "environ").read_bytes()
            except OSError:
                continue
            if b"PMI_RANK=" in pairs and any(w.endswith(b"start.py") for w in words):
                parent = process.pid
                found += [int(entry.name)] if parent in ancestors(int(entry.name)) else []
    return sorted(found)


def ancestors(pid: int) -> list[int]:
    found = []
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            break
        found.append(pid)
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc")
def test_killed_stopped_and_resumed_on_other_numbers_the_run_ends_with_the_same_bits(
    start, process, empty
):
    run, whole = empty / "run", empty / "whole"
    assert process("fnn-train", *DIGITS, "--epochs", 8, "--run", whole).returncode == 0
    killed = begun(start, run, *DIGITS, "--epochs", 8, "--run", run, "--ranks", 4)
    os.kill(workers(killed)[-1], signal.SIGKILL)
    told = killed.communicate(timeout=60)[1]
    assert killed.returncode != 0
    assert told.splitlines(keepends=True)[1:] == [LOST]  # after what learns and how
    stopped = start("fnn-train", "--resume", run, "--ranks", 2)
    rows = (run / "metrics.csv").read_text()
    end = time.monotonic() + 120
    while (run / "metrics.csv").read_text() == rows and stopped.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    stopped.send_signal(signal.SIGTERM)
    told = stopped.communicate(timeout=60)[1]
    if stopped.returncode:  # it may have ended before
        assert stopped.returncode == 130
        assert told.count("continue with: fnn-train --resume") == 1
    assert process("fnn-train", "--resume", run).returncode == 0
    assert bits(run) == bits(whole)


def test_several_networks_with_validation_are_trained_on_two_processes(process, empty):
    options = (*DIGITS, "--epochs", 2, "--networks", 2, "--validation", "0.2", "--batch-size", 99)
    for name, more in (("one", ()), ("two", ("--ranks", 2))):
        done = process("fnn-train", *options, *more, "--run", empty / name)
        assert done.returncode == 0, done.stderr
    assert bits(empty / "one" / "2") == bits(empty / "two" / "2")
    assert (empty / "one/params.npz").read_bytes() == (empty / "two/params.npz").read_bytes()


def test_by_default_processes_share_out_the_shards_with_the_same_bits(process, empty):
    options = ("--data", "digits", "--hidden", 4, "--epochs", 1, "--shards", 2)
    for name, more in (("usual", {}), ("alone", {"FNN_THREADS": "1"})):
        done = process("fnn-train", *options, "--run", empty / name, **more)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("epoch 1")
    assert bits(empty / "usual") == bits(empty / "alone")


@pytest.mark.parametrize(
    ("shards", "cores", "expected"),
    [(1, 8, 1), (2, 1, 1), (2, 2, 2), (2, 16, 2), (8, 3, 2), (8, 4, 4), (8, 7, 4), (16, 64, 16)],
)
def test_as_many_processes_as_shards_and_cores_allow(monkeypatch, shards, cores, expected):
    monkeypatch.setenv("FNN_THREADS", str(cores))
    assert launcher.usual(shards) == expected
    assert launcher.settings(expected)["FNN_THREADS"] == str(cores // expected)
    monkeypatch.setattr(launcher, "find_spec", lambda name: None)
    assert launcher.usual(shards) == 1


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--ranks", "2", "--lr", "-1"), "--lr"),
        (("--ranks", "3"), "--ranks: expected a power of two in 1..1024, found 3"),
        (("--shards", "6"), "--shards: expected a power of two in 1..1024, found 6"),
        (("--ranks", "2", "--data", "nonesuch"), "nonesuch"),
        (("--ranks", "4", "--shards", "2", "--data", "digits"), "the 2 shards, found 4"),
        (("--ranks", "2", "--data", "digits", "--out", "absent/x.npz"), "absent"),
    ],
)
def test_bad_input_is_one_line_of_one_process(process, argv, words):
    done = process("fnn-train", *argv)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_number_of_processes_that_is_no_power_of_two_is_refused_in_a_line():
    done = mpiexec(3, str(launcher.start.__file__), "fnn-train", "--data", "digits")
    assert done.returncode == 2
    line = "fnn-train: expected 1, 2, 4, 8, ... processes, found 3: choose mpiexec -n\n"
    assert done.stderr == line


RAISES = """
import numpy as np
from fnn import mpi
group = mpi.group()
if group.rank == 1:
    raise RuntimeError("rank 1 is broken")
group.add(np.zeros(3, np.float32))
"""
SILENT = """
import time, numpy as np
from fnn import mpi
group = mpi.group(patience=0.5)
if group.rank == 1:
    time.sleep(60)
group.add(np.zeros(3, np.float32))
"""


@pytest.mark.parametrize(
    ("code", "word"), [(RAISES, "rank 1 is broken"), (SILENT, "heard nothing from process 1")]
)
def test_a_process_that_fails_or_is_silent_ends_them_all(tmp_path, code, word):
    (tmp_path / "broken.py").write_text(code)
    done = mpiexec(2, "-m", "mpi4py", str(tmp_path / "broken.py"))
    assert done.returncode != 0
    assert word in done.stderr


@pytest.mark.parametrize("missing", ["mpi4py", "mpiexec"])
def test_without_mpi_one_line_says_what_to_install(monkeypatch, missing):
    if missing == "mpi4py":
        monkeypatch.setattr(launcher, "find_spec", lambda name: None)
    else:
        monkeypatch.setattr(launcher.shutil, "which", lambda name, path: None)
    with pytest.raises(InputError, match=rf"{missing} is not installed: pip install 'fnn\[mpi\]'"):
        launcher.start_ranks("fnn-train", 2, [])


def test_a_script_that_runs_alone_needs_no_mpi(monkeypatch):
    monkeypatch.setattr(mpi, "find_spec", lambda name: None)
    assert mpi.group() is ALONE


def test_an_mpiexec_of_another_mpi_is_found_out():
    code = "from fnn import mpi; mpi.group()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**ENV, "OMPI_COMM_WORLD_SIZE": "2"},
        capture_output=True,
        text=True,
    )
    assert "mpi4py's MPI finds one: take the mpiexec of" in done.stderr


def test_an_mpiexec_within_an_mpiexec_is_refused(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "2")
    assert mpi.started()
    with pytest.raises(InputError, match="mpiexec has started this process already"):
        launcher.start_ranks("fnn-train", 2, [])


@pytest.mark.parametrize("given", [["--ranks", "2"], ["--ranks=2"]])
def test_each_process_is_told_everything_but_ranks(given):
    assert without_ranks(["--lr", "1", *given, "--quiet"]) == ["--lr", "1", "--quiet"]
