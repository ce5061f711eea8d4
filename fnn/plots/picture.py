"""A figure as a PNG that a notebook shows, with an alternative text."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import TYPE_CHECKING, Any, NamedTuple

from fnn.errors import InputError
from fnn.plots.style import DPI

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INCH = 96  # pixels of CSS


class Picture(NamedTuple):
    """The bytes of a PNG, its alternative text, and the width in CSS pixels to show it at.

    As the last value of a cell, or by `display`, a notebook shows it. The text is in the output's
    metadata, where nbconvert finds it for `<img alt=...>`.
    """

    data: bytes
    alt: str
    width: int

    def __repr__(self) -> str:
        return f"Picture({self.alt!r})"

    def _repr_mimebundle_(self, **chosen: object) -> tuple[dict[str, str], dict[str, Any]]:
        """What Jupyter asks an object for: its data by kind, and their metadata."""
        data = {"image/png": b64encode(self.data).decode(), "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt, "width": self.width}}


def png(figure: Figure, alt: str, dpi: int = DPI) -> Picture:
    """A figure as a PNG of `dpi` dots per inch, which is shown as wide as the figure is.

    `alt` says in a sentence or two what the picture shows, to those who cannot see it.

    >>> from fnn import plots
    >>> plots.png(plots.lines({"loss": ([1, 2], [2.3, 1.1])}), "The loss falls from 2.3 to 1.1.")
    Picture('The loss falls from 2.3 to 1.1.')

    Raises InputError if `alt` is empty.
    """
    if not alt.strip():
        raise InputError("alt: expected a sentence that says what the picture shows, found none")
    file = io.BytesIO()
    # Without the version of matplotlib, the same figure is more often the same bytes.
    figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
    return Picture(file.getvalue(), " ".join(alt.split()), round(figure.get_figwidth() * INCH))
