"""Programs, called in this process or started, on a data set small enough to train in a second."""

import importlib
import importlib.util
import io
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from fnn.cli import program as programs
from fnn.cli import ranks
from fnn.cli.start import module_of
from fnn.data.dataset import Split
from fnn.data.synthetic import digits

settings.register_profile("fnn", deadline=None)  # nothing is judged by the clock
settings.load_profile("fnn")
collect_ignore = ["bench"]  # benchmarks are commands that people run
if not all(map(find_spec, ("pdoc", "markdown_it", "mdit_py_plugins", "latex2mathml"))):
    collect_ignore.append("docs")
if not all(map(find_spec, ("nbclient", "nbformat", "jupyter_client"))):
    collect_ignore.append("notebook/execute.py")


def pytest_collection_modifyitems(items):
    """Skip the examples of fnn.export where what they need is not installed."""
    missing = [n for n in ("onnx", "onnxruntime") if importlib.util.find_spec(n) is None]
    for item in items:
        if missing and item.nodeid.startswith("fnn/export/"):
            item.add_marker(pytest.mark.skip(reason=f"not installed: {' '.join(missing)}"))


BIN = Path(__file__).resolve().parents[1] / "bin"
Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@pytest.fixture
def empty(tmp_path, monkeypatch) -> Path:
    """An empty directory to work in, and no data but what the test makes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FNN_DATA", str(tmp_path / "root"))
    monkeypatch.setenv("MPLBACKEND", "agg")  # no windows, even where there is a screen
    return tmp_path


@pytest.fixture
def run(empty, monkeypatch) -> Run:
    """Call a program's `main` in this process, which spares it the start."""
    monkeypatch.setattr(programs, "keep_freed_memory", lambda: True)  # it would last
    monkeypatch.setattr(ranks, "usual", lambda shards: 1)  # others would not be in this process

    def go(program: str, *args: object, stdin: str | bytes = "", **settings: str) -> Done:
        if sys.modules.get("matplotlib") and "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].switch_backend("agg")
        main = importlib.import_module(module_of(program)).main
        given = io.BytesIO(stdin.encode() if isinstance(stdin, str) else stdin)
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", e) for e in STREAM_ERRORS)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            for name, stream in (
                ("stdin", io.TextIOWrapper(given)),
                ("stdout", out),
                ("stderr", err),
            ):
                patch.setattr(sys, name, stream)
            try:
                code = main([str(a) for a in args])
            except SystemExit as stop:  # argparse's
                code = stop.code
        out.flush()
        err.flush()
        told = (stream.buffer.getvalue().decode() for stream in (out, err))
        return Done([program, *args], code or 0, *told)

    return go


STREAM_ERRORS = ("strict", "backslashreplace")  # those of standard output and of standard error


@pytest.fixture
def start(empty) -> Callable[..., "subprocess.Popen[str]"]:
    """Start a program of bin/ as a process of its own."""

    def go(program: str, *args: object, **more: object) -> "subprocess.Popen[str]":
        settings = {name: more.pop(name) for name in list(more) if name.isupper()}
        env = {**os.environ, "PYTHONWARNINGS": "error", **settings}
        argv = [sys.executable, str(BIN / program), *map(str, args)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(argv, env=env, **{**pipes, **more})

    return go


@pytest.fixture
def process(start) -> Run:
    """Start a program of bin/ and wait for its end."""

    def go(program: str, *args: object, stdin: str = "", **settings: str) -> Done:
        running = start(program, *args, stdin=subprocess.PIPE, **settings)
        out, err = running.communicate(stdin, timeout=120)
        return Done(running.args, running.returncode, out, err)

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
        ticks = (*axis.get_major_ticks(), *axis.get_minor_ticks())
        yield from (tick for tick in ticks if not low <= tick.get_loc() <= high)


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
