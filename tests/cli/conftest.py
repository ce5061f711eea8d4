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
    monkeypatch.setenv("FNN_DATA", str(tmp_path / "root"))  # the test's own process reads sets too
    env = {
        **os.environ,
        "MPLBACKEND": "agg",  # no windows, even where there is a screen
        "PYTHONWARNINGS": "error",
        "OPENBLAS_NUM_THREADS": "1",  # two wait for one another where other programs are at work
    }

    def go(program: str, *args: object, stdin: str | bytes = "", **settings: str) -> Done:
        done = subprocess.run(
            [sys.executable, BIN / program, *map(str, args)],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env={**env, **settings},
            timeout=120,
        )
        return Done(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    return go


@pytest.fixture
def call(tmp_path, monkeypatch, capsys) -> Run:
    """Call a program's `main` in this process, which spares it the start; otherwise like `run`."""
    plt = pytest.importorskip("matplotlib.pyplot", reason="pictures need matplotlib")
    plt.switch_backend("agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FNN_DATA", str(tmp_path / "root"))

    def go(main: Callable[[list[str]], int], *args: object) -> Done:
        try:
            code = main([str(a) for a in args])
        except SystemExit as stop:  # argparse's
            code = stop.code
        out, err = capsys.readouterr()
        return Done(args, code, out, err)

    return go


@pytest.fixture
def overlaps() -> Callable[..., list[object]]:
    """Find the texts of a figure that stick out of it, and pairs of texts that overlap."""
    text = pytest.importorskip("matplotlib.text", reason="pictures need matplotlib")

    def find(figure) -> list[object]:
        figure.draw_without_rendering()
        unseen = {tick.label1 for axes in figure.axes for tick in ticks_beyond(axes)}
        found = figure.findobj(text.Text)
        texts = [t for t in found if t.get_text().strip() and t.get_visible() and t not in unseen]
        x0, y0, x1, y1 = np.array([t.get_window_extent().extents for t in texts]).T
        (width, height), names = figure.bbox.size, [t.get_text() for t in texts]
        out = np.flatnonzero((x0 < 0) | (y0 < 0) | (x1 > width) | (y1 > height))
        wide = np.minimum.outer(x1, x1) > np.maximum.outer(x0, x0)
        high = np.minimum.outer(y1, y1) > np.maximum.outer(y0, y0)
        pairs = np.argwhere(np.triu(wide & high, 1))
        return [names[i] for i in out] + [(names[i], names[j]) for i, j in pairs]

    return find


def ticks_beyond(axes):
    """Ticks outside the limits, which matplotlib makes but does not draw."""
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        yield from (t for t in axis.get_major_ticks() if not low <= t.get_loc() <= high)


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
    return of_ones(tmp_path / "tiny", 5)


@pytest.fixture
def small(tmp_path) -> Path:
    """A set of images of 8 x 8 pixels."""
    return of_ones(tmp_path / "small", 8)


def of_ones(directory: Path, side: int) -> Path:
    split = Split(np.ones((20, side, side), np.uint8), np.arange(20, dtype=np.uint8) % 2)
    return write_set(directory, split, split)


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
