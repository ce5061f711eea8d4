"""Any command line gives status 0, or status 2 and one line; nothing is written but here."""

import importlib
import io
import os
import pickle
import shutil
import struct
import sys
import tempfile
import zlib
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limits import limited
from packing import png_checked
from readers import idx

from fnn.cli import (
    command,
    contest,
    export,
    figures,
    loss,
    plot,
    predict,
    ranks,
    serve,
    show,
    train,
)
from fnn.cli import eval as evaluate
from fnn.cli import program as programs
from fnn.cli.programs import PROGRAMS as NAMES
from fnn.cli.start import module_of
from fnn.data import mirrors, mnist
from fnn.data.synthetic import digits
from fnn.models import Spec
from fnn.plots import Card, sheet
from fnn.recognizer.recognizer import save_recognizer, untrained

NOWHERE = ("http://127.0.0.1:9/",)  # discard: nothing listens there
# what programs tell besides an error
TOLD = ("parameters: ", "parameters saved in ", "fnn: ", "epoch ", "network ", "the network, ",
        "2 networks", "all ", "picture written to ", "events of ",
        "network written to ")  # fmt: skip

PATHS = ["set", "root", "run", "params.npz", "other.npz", "broken.npz", "images.npy", "images.dump",
         "digit.png", "blank.png", "photos", "set.npz",
         "empty", "pipe", "dangling", "absent", "absent/x", "empty/x", ".", "..", "/", "/dev/null",
         "/dev/zero", "/dev/full", "new.npz", "x" * 300, "x" * 5000, "a\nb", "a\0b", "\udcff",
         "\x1b[31m", "-x"]  # fmt: skip
WORDS = ["", " ", "0", "1", "-1", "+2", "1.5", "1e400", "nan", "inf", "-0.0", "٣", "1_0", "0x10",
         "9" * 30, "9" * 5000, "random", "mnist", "fashion-mnist", "digits ", "-", "--", "-h", "é",
         "x=y", "%s", "{}", "🖼"]  # fmt: skip

# good values of options that name something, by what --help shows in their place
GOOD = {
    "NAME|DIR|FILE": ["set", "mnist", "./set/", "photos", "set.npz"],
    "FILE|random|pretrained": ["random", "params.npz"],
    "DIR": ["new", "run"],
    "PNG": ["new.png", "digit.png"],
    "FILE": ["new.npz", "new.png", "new.svg", "params.npz", "digit.png", "blank.png"],
}


def options_of(program: str) -> dict[str, list[str] | None]:
    """Each option of a program with good values, as its parser has them; None for a flag."""
    parser = importlib.import_module(module_of(program)).arguments()
    found: dict[str, list[str] | None] = {}
    for action in parser._actions:
        for option in action.option_strings:
            if action.nargs == 0:
                found[option] = None
            elif isinstance(action.type, partial):  # fnn.cli.program.argument(kind)
                found[option] = list(GOOD.get(action.metavar) or action.type.args[0].examples)
            else:
                found[option] = list(action.choices or GOOD[action.metavar])
    return found


OPTIONS = {program: options_of(program) for program in ("fnn", *(f"fnn-{n}" for n in NAMES))}
FIRST = {  # a later one counts
    "fnn-loss": ["--batch-size", "6"],  # as many as there are
    "fnn-show": ["--out", "new.png"],
    "fnn-plot": ["--out", "new.png"],
    "fnn-serve": ["--site", "page"],  # it would serve for good
}
MAINS = {
    "fnn": command.main,
    "fnn-train": train.main,
    "fnn-predict": predict.main,
    "fnn-loss": loss.main,
    "fnn-contest": contest.main,
    "fnn-export": export.main,
    "fnn-serve": serve.main,
}
DRAWING = {"fnn-eval": evaluate.main, "fnn-show": show.main, "fnn-plot": plot.main}
FILES = {
    "fnn-contest": (["images.npy", "images.dump", "out.txt", "new.npz"], 2, 2),
    "fnn-plot": (["run", "run/metrics.csv", "run/../run/"], 1, 3),
    "fnn-export": (["new.onnx", "out", "params.npz"], 1, 1),
}


def write_png(path: Path, image: np.ndarray) -> None:
    """A grey PNG, (H, W) uint8, without pillow."""
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    size = struct.pack(">IIBBBBB", *image.shape[::-1], 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    packed = b"".join(
        struct.pack(">I", len(data)) + name + data + bytes(4) for name, data in chunks
    )
    path.write_bytes(png_checked(b"\x89PNG\r\n\x1a\n" + packed))


@pytest.fixture(scope="module", autouse=True)
def _no_mpiexec():
    """--ranks is tested in test_mpi.py: here the programs would take too long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks, "start_ranks", lambda *argv: sys.exit(0))
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Sets, parameters and dumps, good ones and others."""
    place = tmp_path_factory.mktemp("place")
    for name in ("set", "root/mnist"):
        (place / name).mkdir(parents=True)
        for split, n in (("train", 12), ("test", 6)):
            images, labels = digits(1, n)
            arrays = np.ascontiguousarray(images[:, 8:20, 8:20]), labels % 3
            for stem, array in zip(mnist.FILES[split], arrays, strict=True):
                (place / name / stem).write_bytes(idx(array))
    for name, shape in (("params.npz", (12, 12, 1)), ("other.npz", (5, 5, 1))):
        spec = Spec("mlp", shape, 3, {"hidden": 2})
        fresh = untrained(spec)
        save_recognizer(place / name, spec, fresh.params, fresh.state)
    (place / "broken.npz").write_bytes((place / "params.npz").read_bytes()[:-9])
    images = digits(2, 3).images
    np.save(place / "images.npy", images)
    for name, image in (("digit.png", images[0]), ("blank.png", images[0] * 0)):
        write_png(place / name, image)
    for i in range(12):
        (place / "photos" / f"{i % 3}").mkdir(parents=True, exist_ok=True)
        write_png(place / "photos" / f"{i % 3}" / f"{i}.png", images[i % 3][8:20, 8:20])
    x, y = images[:, 8:20, 8:20], np.arange(3)
    np.savez_compressed(place / "set.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    (place / "images.dump").write_bytes(pickle.dumps(images.reshape(3, 784), 2))
    (place / "empty").write_bytes(b"")
    (place / "dangling").symlink_to("absent")
    options = f"--data {place / 'set'} --run {place / 'run'} --epochs 1 --hidden 2 --quiet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FNN_DATA", str(place / "root"))
        patch.setattr(programs, "keep_freed_memory", lambda: True)
        assert train.main(options.split()) == 0
    return place


@pytest.fixture
def offline(monkeypatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("FNN_DATA", "root")
    for name, remote in mirrors.SETS.items():
        monkeypatch.setitem(mirrors.SETS, name, remote._replace(mirrors=NOWHERE))
    monkeypatch.setattr(figures, "has_screen", lambda: False)
    monkeypatch.setattr(programs, "keep_freed_memory", lambda: True)  # it would last


@pytest.fixture(scope="module")
def warm() -> None:
    """What matplotlib does once, in the user's folders."""
    pytest.importorskip("matplotlib")
    cards = [Card(np.zeros((2, 2)), "")]
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.chdir(name)
        for ending in ("png", "svg"):
            out = f"x.{ending}"
            figures.deliver(partial(sheet, cards), out)


@st.composite
def command_lines(draw, program: str) -> list[str]:
    """Mostly options and values that are good, among them some that are not."""
    options = OPTIONS[program]
    argv = FIRST.get(program, [])[:]
    for name in draw(st.lists(st.sampled_from(list(options)), max_size=5)):
        good = options[name]
        value = draw(st.sampled_from(good or [None]) if draw(st.integers(0, 5)) else ANYTHING)
        if value is None:
            argv.append(name)
        elif draw(st.booleans()):
            argv += [name, value]
        else:
            argv.append(f"{name}={value}")
    if program in FILES:
        good, fewest, most = FILES[program]
        argv += draw(st.lists(st.sampled_from(good) | ANYTHING, min_size=fewest, max_size=most))
    for _ in range(draw(st.sampled_from([0] * 8 + [1, 2]))):
        argv.insert(draw(st.integers(0, len(argv))), draw(ANYTHING))
    return argv


# without a slash, since a file that a user names elsewhere may be written
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="/"), max_size=5)
ANYTHING = st.sampled_from(PATHS + WORDS) | TEXT
LINES = [b"", b"0\n5\n", b"7", b"-1\n", b"x\n", b"\xff\0", b"9" * 5000]
INPUT = st.sampled_from(LINES) | st.binary(max_size=5)


def outcome(program: str, argv: list[str], stdin: bytes, place: Path) -> tuple[int, str]:
    """Exit status and standard error of a program in a copy of `place`."""
    err = io.BytesIO()
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as name:
        here = Path(name) / "here"
        shutil.copytree(place, here, symlinks=True)
        os.mkfifo(here / "pipe")
        os.chdir(here)
        try:
            with (
                redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")),
                redirect_stderr(io.TextIOWrapper(err, "utf-8", "backslashreplace")),
                pytest.MonkeyPatch.context() as patch,
                limited(here),
            ):
                patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
                try:
                    status = (MAINS | DRAWING)[program](argv)
                except SystemExit as stop:  # argparse's
                    status = stop.code
                sys.stdout.flush()
                sys.stderr.flush()
                return status, err.getvalue().decode()
        finally:
            os.chdir(before)


def check(program: str, argv: list[str], stdin: bytes, place: Path) -> None:
    """Fail unless the program ends with 0, or with 2 and one line, or as many as image files."""
    if program == "fnn-train" and not any(arg.startswith("--resume") for arg in argv):
        argv = [*argv, "--epochs", "1"]  # the last counts
    status, err = outcome(program, argv, stdin, place)
    told = tuple(start for start in TOLD if start != f"{program}: ")
    lines = [line for line in err.splitlines() if not line.startswith(told)]
    lines = [line for line in lines if not line.endswith(": there is nothing to show")]
    if program == "fnn-contest" and status == 0 and lines:  # --help has none
        assert lines.pop().startswith("3 answers written to ")
    assert status in (0, 2), (status, err)
    most = len(argv) if any(arg.startswith("--image") for arg in argv) else 1
    assert (1 <= len(lines) <= most) if status == 2 else not lines, err
    assert all(line.startswith(f"{program}: ") and len(line) > len(program) + 3 for line in lines)


quick = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("program", MAINS)
@quick
@given(data=st.data())
def test_any_command_line(offline, place, program, data):
    check(program, data.draw(command_lines(program)), data.draw(INPUT), place)


def test_what_several_networks_tell_is_no_error(offline, place):
    argv = ["--data", "set", "--hidden", "2", "--networks", "2", "--views", "shifted"]
    check("fnn-train", argv, b"", place)


@pytest.mark.parametrize("program", DRAWING)
@settings(quick, max_examples=60)  # a picture takes a tenth of a second and more
@given(data=st.data())
def test_any_command_line_that_draws(offline, warm, place, program, data):
    check(program, data.draw(command_lines(program)), data.draw(INPUT), place)
