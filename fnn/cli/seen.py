"""fnn-predict --seen: pictures beside what the network saw of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fnn.arrays import Array
from fnn.files.atomic import write_atomically
from fnn.files.picture import upright, use_picture

if TYPE_CHECKING:
    from PIL import Image

HEIGHT, GAP = 224, 8  # pixels of a row, and between its pictures


def write_seen(path: str, pairs: Sequence[tuple[str, Array]]) -> None:
    """Write a PNG with a row for each file: its picture, then the network's inputs, (N, H, W[, C]).

    Raises InputError if a file cannot be read any more, or `path` not be written.
    """
    from PIL import Image

    rows = [[use_picture(file, as_tile), *map(input_tile, images)] for file, images in pairs]
    width = max(sum(tile.width + GAP for tile in row) for row in rows) + GAP
    page = Image.new("RGB", (width, len(rows) * (HEIGHT + GAP) + GAP), "lightgrey")
    for i, row in enumerate(rows):
        left = GAP
        for tile in row:
            page.paste(tile, (left, GAP + i * (HEIGHT + GAP)))
            left += tile.width + GAP
    write_atomically(path, lambda file: page.save(file, "PNG"))


def as_tile(picture: Image.Image) -> Image.Image:
    """A picture as it is seen, upright and as high as a row."""
    whole = upright(picture).convert("RGB")
    width = round(whole.width * HEIGHT / whole.height)
    return whole.resize((min(max(width, 1), 4 * HEIGHT), HEIGHT))


def input_tile(image: Array) -> Image.Image:
    """A network's input, its pixels as squares."""
    from PIL import Image

    tile = Image.fromarray(np.squeeze(image, 2) if image.shape[2:] == (1,) else image)
    width = max(1, round(tile.width * HEIGHT / tile.height))
    return tile.convert("RGB").resize((width, HEIGHT), Image.Resampling.NEAREST)
