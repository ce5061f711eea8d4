"""Programs run as processes, on a data set small enough to train in a second."""

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fnn.data.dataset import Split
from fnn.data.synthetic import digits

BIN = Path(__file__).resolve().parents[2] / "bin"
Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    """Run a program of bin/ in an empty directory; no network, no data but what the test makes."""
    monkeypatch.chdir(tmp_path)
    env = {**os.environ, "FNN_DATA": str(tmp_path / "root"), "PYTHONWARNINGS": "error"}

    def go(program: str, *args: object, stdin: str | bytes = "") -> Done:
        done = subprocess.run(
            [sys.executable, BIN / program, *map(str, args)],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env=env,
            timeout=120,
        )
        return Done(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    return go


def write_idx(path: Path, array: np.ndarray) -> None:
    head = struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape)
    path.write_bytes(head + array.tobytes())


def write_set(directory: Path, train: Split, test: Split) -> Path:
    directory.mkdir()
    for stem, (images, labels) in (("train", train), ("t10k", test)):
        write_idx(directory / f"{stem}-images-idx3-ubyte", images)
        write_idx(directory / f"{stem}-labels-idx1-ubyte", labels)
    return directory


@pytest.fixture
def data(tmp_path) -> Path:
    """A directory in the format of MNIST: 600 training and 100 test images."""
    return write_set(tmp_path / "data", digits(1, 600), digits(2, 100))


@pytest.fixture
def tiny(tmp_path) -> Path:
    """A set of images of 5 x 5 pixels."""
    split = Split(np.ones((20, 5, 5), np.uint8), np.arange(20, dtype=np.uint8) % 2)
    return write_set(tmp_path / "tiny", split, split)


@pytest.fixture
def refused() -> Callable[..., None]:
    """Check for exit status 2 and one clear line, without a traceback."""

    def check(done: Done, *words: str) -> None:
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        lines = [line for line in done.stderr.splitlines() if not line.startswith("parameters:")]
        assert len(lines) == 1, done.stderr
        for word in words:
            assert word in lines[0]

    return check
