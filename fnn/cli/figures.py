"""Where pictures go: a file, or a window on the screen. matplotlib is imported only for that.

A program calls `check_target` before any work is done, draws on a `new_figure`, and ends with
`deliver`. A figure for a file knows nothing of pyplot's global state; only a window needs that.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from fnn.cli.program import Parser
from fnn.errors import InputError, one_line, say
from fnn.files.atomic import check_writable, write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg")
ENDINGS = ".png, .pdf or .svg"
DPI = 150  # dots per inch of a PNG

# Colours that are told apart with any kind of colour vision, and in grey by their lightness.
# Source: Okabe and Ito, "Color universal design", 2008.
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#000000"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
GREY = "#5F5F5F"


def add_out_argument(parser: Parser) -> None:
    parser.add_argument(
        "--out",
        metavar="FILE",
        help=f"the file to draw into, {ENDINGS}; by default a window, where there is a screen",
    )


def check_target(out: str | None, option: str = "--out") -> None:
    """Raise InputError unless a picture can be drawn into the file `out`, or for None, a window."""
    try:
        import matplotlib  # noqa: F401 - to see whether it is there
    except ImportError as error:
        raise InputError(f"pictures need matplotlib ({error}): pip install matplotlib") from None
    except ValueError as error:  # an MPLBACKEND that means nothing
        raise InputError(f"matplotlib does not start: {' '.join(str(error).split())}") from None
    if out is None:
        if not has_screen():
            raise InputError(
                f"there is no screen for a window: name a file to draw into, {option} FILE.png"
            )
        return
    if file_format(out) not in FORMATS:
        raise InputError(f"{option} {out}: expected a file name that ends in {ENDINGS}")
    check_writable(out)


def file_format(path: str) -> str:
    """The name's ending, which says the format.

    >>> file_format("a/b.PNG"), file_format("a.b/c")
    ('png', '')
    """
    return Path(path).suffix.lower().removeprefix(".")


def has_screen() -> bool:
    """Whether matplotlib can open a window; asking makes it choose how."""
    from matplotlib import pyplot as plt

    try:
        plt.switch_backend(plt.get_backend())
    except ImportError:  # a toolkit that was asked for by name, and is not there
        return False
    return plt.get_backend().lower() not in {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}


def new_figure(out: str | None, width: float, height: float, arranged: bool = False) -> "Figure":
    """An empty figure of a size in inches, for the file `out`, or for a window.

    matplotlib arranges its axes so that nothing overlaps where that is asked for.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1) if arranged else None
    if out is not None:
        return Figure(figsize=(width, height), layout=layout)
    from matplotlib import pyplot as plt

    return plt.figure(figsize=(width, height), layout=layout)


def deliver(figure: "Figure", out: str | None) -> None:
    """Write the figure into the file `out`, whole or not at all; or show it until it is closed."""
    with warnings.catch_warnings():
        # A name in a script that the font lacks shows as boxes, which says enough.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        if out is None:
            from matplotlib import pyplot as plt

            plt.show()
        else:
            kind = file_format(out)
            write_atomically(out, lambda file: figure.savefig(file, format=kind, dpi=DPI))
            say(one_line(f"picture written to {out}"))
