"""What each step from a photo to a digit does: python tests/bench/stages.py OUT.png [FILE ...]

Each row of the sheet is a picture: as it is, in grey, on its sheet, its ink, the ink without a
frame, the ink of the digits, and the network's input. Without files, the pictures are one of each
situation of situations.py.
"""

import sys

import numpy as np
from PIL import Image
from situations import SITUATIONS, pictures

import fnn
from fnn.handwriting.choose import digit_masks
from fnn.handwriting.color import as_grey
from fnn.handwriting.digit_image import block_side, central, digit_images
from fnn.handwriting.frame import without_frame
from fnn.handwriting.image_file import read_colors
from fnn.handwriting.ink import ink_is_dark, ink_on_paper
from fnn.handwriting.raster import otsu, shrunk
from fnn.handwriting.sheet import on_its_sheet

TILE, GAP = 120, 6


def stages(picture):
    """The results of all steps up to the first that finds nothing, as uint8 arrays."""
    yield picture
    grey = as_grey(picture)
    yield grey
    sheet = on_its_sheet(grey)
    yield sheet
    try:
        small = shrunk(sheet, block_side(sheet.shape))
        weights = central(small.shape)
        ink = ink_on_paper(small if ink_is_dark(small) else 255 - small)
        yield (255 * ink).astype(np.uint8)
        ink = without_frame(ink, weights)
        yield (255 * ink).astype(np.uint8)
        masks = digit_masks(ink > otsu(ink, weights), weights)
        yield sum(np.uint8(255 - 90 * (i % 2)) * mask for i, mask in enumerate(masks))
        yield np.hstack(digit_images(grey))
    except (fnn.InputError, ValueError):
        return


def main():
    out, files = sys.argv[1], sys.argv[2:]
    shown = [read_colors(file) for file in files]
    shown = shown or [pictures(name, 1, seed=3)[0].picture for name in SITUATIONS]
    page = Image.new("RGB", (7 * (TILE + GAP) + GAP, len(shown) * (TILE + GAP) + GAP), "steelblue")
    for row, picture in enumerate(shown):
        for column, stage in enumerate(stages(picture)):
            tile = Image.fromarray(np.asarray(stage))
            scale = TILE / max(tile.size)
            size = [max(1, round(scale * n)) for n in tile.size]
            place = GAP + column * (TILE + GAP), GAP + row * (TILE + GAP)
            page.paste(tile.convert("RGB").resize(size), place)
    page.save(out)


if __name__ == "__main__":
    main()
