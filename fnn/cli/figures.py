"""Figures in a file or a window.

A program calls `check_target` before any work and `check_drawing` once its input is read: of
several mistakes, the one in the input is told first. It ends with `deliver` and a function that
draws, one of `fnn.plots`. A figure for a file does not touch pyplot's global state.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fnn.cli.program import Parser
from fnn.errors import InputError, say
from fnn.files.atomic import check_writable, write_atomically
from fnn.plots.style import DPI, check_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg")
ENDINGS = ".png, .pdf or .svg"


def add_out_argument(parser: Parser) -> None:
    parser.add_argument(
        "--out",
        metavar="FILE",
        help=f"the file to draw to, {ENDINGS}; by default a window, if there is a screen",
    )


def check_target(out: str | None, option: str = "--out") -> None:
    """Raise InputError if `out` is no name for a picture, or cannot be written."""
    if out is None:
        return
    if file_format(out) not in FORMATS:
        raise InputError(f"{option} {out}: expected a file name that ends in {ENDINGS}")
    check_writable(out)


def check_drawing(out: str | None, option: str = "--out") -> None:
    """Raise InputError if matplotlib cannot draw or, for `out` None, cannot open a window."""
    check_matplotlib()
    import matplotlib

    if out is None and not has_screen():
        raise InputError(
            f"there is no screen, or none that matplotlib's backend {matplotlib.get_backend()} "
            f"opens windows on: draw to a file with {option} FILE.png"
        )


def file_format(path: str) -> str:
    """The format of a picture file: the ending of its name.

    >>> file_format("a/b.PNG"), file_format("a.b/c")
    ('png', '')
    """
    return Path(path).suffix.lower().removeprefix(".")


def has_screen() -> bool:
    """Whether matplotlib can open a window. Asking makes it choose a backend."""
    from matplotlib import pyplot as plt

    with own_style():
        try:
            plt.switch_backend(plt.get_backend())
            figure = plt.figure()  # not shown; its canvas, until it is closed, knows the toolkit
            toolkit = figure.canvas.required_interactive_framework
            plt.close(figure)
        except Exception:  # any module may be named as a backend, and fail in its own way
            return False
    # A notebook's backends have no toolkit: they draw for a page that a program is not part of.
    return toolkit is not None or plt.get_backend().lower() == "webagg"  # that one is a server


@contextmanager
def own_style() -> Iterator[None]:
    """Matplotlib's defaults instead of the user's settings, which could break the pictures.

    LaTeX may be missing and chokes on names like a_b, and the sheets have their own layout, colors
    and sizes. The user's fonts serve for the characters that matplotlib's own font lacks.
    """
    import matplotlib
    from matplotlib.font_manager import fontManager

    user, usual = matplotlib.rcParams, matplotlib.rcParamsDefault["font.sans-serif"]
    named = [*user["font.family"], *user["font.sans-serif"]]
    present = {font.name for font in fontManager.ttflist}.difference(usual)
    fonts = [usual[0], *(font for font in named if font in present)]
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        # rcdefaults leaves this one: windows would close at once.
        matplotlib.rcParams.update({"interactive": False, "font.family": fonts})
        yield


def deliver(draw: Callable[[], Figure], out: str | None) -> None:
    """Write a figure to the file `out`, whole or not at all; or show it until it is closed."""
    with own_style(), warnings.catch_warnings():
        # Characters that the font lacks show as boxes, which says enough.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = draw()
        if out is None:
            show(figure)
        else:
            kind = file_format(out)
            write_atomically(out, lambda file: figure.savefig(file, format=kind, dpi=DPI))
            say(f"picture written to {out}")


def show(figure: Figure) -> None:
    """Open a window for a figure and wait until it is closed."""
    from matplotlib import pyplot as plt

    # pyplot makes windows only for figures that it has made: this is how it "makes" ours.
    made: Any = lambda *args, **kwargs: figure  # noqa: E731 - Any: pyplot asks for a class
    plt.figure(FigureClass=made)
    plt.show()
