"""Which backends open windows, and pictures under the user's settings of matplotlib."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from fnn.cli import figures
from fnn.plots import Card, Curves, confusion_matrix, curves, sheet

matplotlib = pytest.importorskip("matplotlib", reason="pictures need matplotlib")

TOOLKIT = """
from matplotlib.backends.backend_agg import FigureCanvasAgg
class FigureCanvas(FigureCanvasAgg):
    required_interactive_framework = {}
"""
NO_WINDOW = (
    *("agg", "pdf", "svg", "template", "nbagg", "module://matplotlib_inline.backend_inline"),
    *("module://plain", "module://json", "module://nonesuch", "module://", "module://failing"),
)
ASK = """
import matplotlib, sys
from matplotlib import cbook
cbook._get_running_interactive_framework = lambda: None  # as if there were a screen
from fnn.cli.figures import has_screen
found = []
for backend in sys.argv[1:]:
    matplotlib.rcParams["backend"] = backend
    found.append(has_screen())
print(*found)
"""


def test_only_backends_with_a_toolkit_open_windows(tmp_path):
    (tmp_path / "plain.py").write_text(TOOLKIT.format(None))
    (tmp_path / "failing.py").write_text("raise RuntimeError('requires something')")
    (tmp_path / "toolkit.py").write_text(TOOLKIT.format("'qt'"))
    path = os.pathsep.join([str(tmp_path), *sys.path])
    argv = [sys.executable, "-c", ASK, "module://toolkit", *NO_WINDOW]
    told = subprocess.check_output(argv, env={**os.environ, "PYTHONPATH": path}, text=True)
    assert told.split() == ["True"] + ["False"] * len(NO_WINDOW)


def test_in_a_notebooks_shell_a_file_is_asked_for(process, refused):
    backend = "module://matplotlib_inline.backend_inline"
    args = ("fnn-show", "--filters", "--params", "random")
    refused(process(*args, MPLBACKEND=backend), backend, "--out FILE.png")
    assert process(*args, "--out", "a.png", MPLBACKEND=backend).returncode == 0


SETTINGS = (
    "text.usetex: true",
    "text.parse_math: true\naxes.formatter.use_mathtext: true\nmathtext.fontset: custom",
    "font.family: Nonesuch\nfont.size: 40",
    "font.family: STIXGeneral",
    "savefig.bbox: tight\nsavefig.transparent: true\nsavefig.dpi: 10\nsavefig.pad_inches: 9",
    "figure.autolayout: true",
    "figure.constrained_layout.use: true\nfigure.subplot.left: 0.6",
    "axes.prop_cycle: cycler('linestyle', ['-', ':'])\nlines.linewidth: 9\nlines.marker: x",
    "image.origin: lower\nimage.aspect: auto\nimage.interpolation: bicubic",
    "axes.facecolor: black\nfigure.facecolor: black\ntext.color: white\naxes.grid: true",
    "axes.xmargin: 0.4\naxes.titlelocation: left\nxtick.labelsize: 40\nlegend.fontsize: 40",
    "path.sketch: 1, 100, 2\npath.simplify_threshold: 1",
    "figure.hooks: nonesuch:hook",
    "pdf.use14corefonts: true\npdf.fonttype: 42\nsvg.fonttype: none",
    "interactive: true",
)


@pytest.fixture(scope="module")
def drawn():
    """Draw a picture of each kind: the bytes of the PNGs, or of another format."""
    cards = [Card(np.eye(9) * 255, "a_b $\\c% 7", "said", "image 1")]
    run = Curves("a_b%", [1, 2, 3], {"loss": [1.0, 0.1, 1e-3], "test_accuracy": [0.1, 0.2, 0.4]})

    def draw(ending="png"):
        found = []
        for picture in (
            lambda: sheet(cards, "a_b % $\\x", (0, 1), "RdBu_r", "weight"),
            lambda: curves([run]),
            lambda: confusion_matrix(np.eye(2, dtype=int), ("a_b", "$\\c%"), "a_b % $\\x"),
        ):
            with tempfile.TemporaryDirectory() as directory:
                path = Path(directory, f"a.{ending}")
                figures.deliver(picture, str(path))
                found.append(path.read_bytes())
        return found

    return draw


@pytest.fixture(scope="module")
def usual(drawn):
    return drawn()


@pytest.mark.parametrize("settings", SETTINGS)
def test_pictures_do_not_depend_on_the_users_settings(tmp_path, drawn, usual, settings):
    path = tmp_path / "matplotlibrc"
    path.write_text(settings)
    read = matplotlib.rc_params_from_file(path, use_default_template=False)
    assert len(read) == len(settings.splitlines())
    with matplotlib.rc_context(read):
        assert drawn() == usual
        if "pdf" in settings or "usetex" in settings:
            assert all(map(len, [*drawn("pdf"), *drawn("svg")]))
        assert all(matplotlib.rcParams[name] == read[name] for name in read)


def test_a_program_draws_in_spite_of_the_users_settings(process, tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: true\nfont.family: Nonesuch\n")
    where = {"MATPLOTLIBRC": str(tmp_path)}
    done = process("fnn-show", "--filters", "--params", "random", "--out", "a.png", **where)
    told = "parameters: random, from seed 0\npicture written to a.png\n"
    assert (done.returncode, done.stderr) == (0, told)


def test_the_users_fonts_serve_for_characters_that_are_missing():
    for family, fonts in (
        (["STIXGeneral", "Nonesuch", "serif"], ["DejaVu Sans", "STIXGeneral"]),
        (["sans-serif"], ["DejaVu Sans"]),
    ):
        with matplotlib.rc_context({"font.family": family}), figures.own_style():
            assert matplotlib.rcParams["font.family"] == fonts
