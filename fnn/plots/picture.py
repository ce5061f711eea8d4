"""A figure as a PNG that a notebook shows, with an alternative text."""

from __future__ import annotations

import io
from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from fnn.errors import InputError
from fnn.plots.style import DPI

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INCH = 96  # pixels of CSS
COLORS = 256  # of a PNG with a palette


class Picture(NamedTuple):
    """The bytes of a PNG, its alternative text, and the width in CSS pixels to show it at.

    As the last value of a cell, or by `display`, a notebook shows it: Jupyter and nbconvert as
    HTML, which alone gives the text to those who cannot see the picture, others as a PNG.
    """

    data: bytes
    alt: str
    width: int

    def __repr__(self) -> str:
        return f"Picture({self.alt!r})"

    def _repr_mimebundle_(self, **chosen: object) -> tuple[dict[str, str], dict[str, Any]]:
        """What Jupyter asks an object for: its data by kind, and their metadata."""
        code, alt = b64encode(self.data).decode(), escape(self.alt)
        image = f'<img alt="{alt}" width="{self.width}" src="data:image/png;base64,{code}">'
        data = {"text/html": image, "image/png": code, "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt, "width": self.width}}


def png(figure: Figure, alt: str, dpi: int = DPI) -> Picture:
    """A figure as a PNG of `dpi` dots per inch, which is shown as wide as the figure is.

    `alt` says in a sentence or two what the picture shows, to those who cannot see it. The PNG has
    at most 256 colors, which makes it less than half as large.

    >>> from fnn import plots
    >>> plots.png(plots.lines({"loss": ([1, 2], [2.3, 1.1])}), "The loss falls from 2.3 to 1.1.")
    Picture('The loss falls from 2.3 to 1.1.')

    Raises InputError if `alt` is empty.
    """
    if not alt.strip():
        raise InputError("alt: expected a sentence that says what the picture shows, found none")
    from PIL import Image  # matplotlib needs it, too

    drawn, file = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})
    with Image.open(drawn) as image:
        few = image.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    few.save(file, "png", optimize=True)
    return Picture(file.getvalue(), " ".join(alt.split()), round(figure.get_figwidth() * INCH))
