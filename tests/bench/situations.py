"""Pictures of digits as people make them, drawn from a key: pens, papers, light and surroundings.

A situation is a function from random numbers to a picture, (H, W, 3) uint8, and what it shows: a
digit, or None if there is none. Digits are MNIST's test images or outlines of European forms,
enlarged with crisp edges, so that a pen's width and a picture's size can be chosen freely.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import fnn
from fnn.data.synthetic.glyphs import glyph
from fnn.data.synthetic.strokes import _paths

EUROPEAN = (  # forms that training does not see
    (1, "0,7.5 4,4.5 7.5,0 | 7.5,0 7.8,9 7.2,20"),
    (1, "-1,10 3.5,6.5 8,0 | 8,0 7.5,11 6.5,20"),
    (1, "1,8 4.5,5.5 8,0.5 | 8,0.5 8.3,10 8.8,20 | 5,20 12,19.7"),
    (1, "0,5.5 4,3.2 7,0 | 7,0 6.6,10 6,20"),
    (4, "6,0 3.5,6 1,12.5 | 1,12.5 6,12 11.5,12.5 | 9,8.5 8.6,14 8.2,20"),
    (4, "3,0 1.5,8.5 6.5,8 11.5,7.5 | 10.5,2 9.8,11 9,20"),
    (7, "0,3 1,0.5 5,1.8 12,0.2 | 12,0.2 8,9 5.5,20 | 3,10 11.5,9.5"),
    (7, "0.5,0.8 6.5,0.6 12.5,0 | 12.5,0 9.5,9 7,20 | 4.5,11.5 12.5,10"),
    (9, "10.8,3.5 6.5,0 2,3.5 3,8.8 8,9.2 10.8,3.5 | 10.8,3.5 11.2,13 8.5,18.8 4,19.8 1.5,16.8"),
    (9, "10.5,3 6,0 2,4 4,8.6 9,7.8 10.5,3 | 10.5,3 10.8,11.5 10,18.5 6.5,20.5"),
    (0, "6.5,0 2,4 1,10 2.2,16.2 6.8,20 11.2,16 12.4,10 11,4 6.5,0 | 11.5,2 2,18"),
    (8, "10,2 6.5,0.3 3,2.5 5,7.5 9.5,12 10.5,17 6.5,20 2.8,17.5 3.5,12.5 8,8.5 11.5,3.5"),
)


class Made(NamedTuple):
    picture: np.ndarray
    digit: int | None


@cache
def mnist():
    return fnn.load_mnist()[1]


def soft(mask, blur):
    return mask.filter(ImageFilter.GaussianBlur(blur)) if blur else mask


def mnist_digit(random, side):
    """A digit, (side, side) in 0..1: crisp ink, and its label."""
    images, labels = mnist()
    i = int(random.integers(len(images)))
    large = Image.fromarray(np.asarray(images[i]).reshape(28, 28)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    ink = np.asarray(large, np.float32) / 255
    return np.clip((ink - 0.45) * side / 28 / 1.2 + 0.5, 0, 1), int(labels[i])


def european_digit(random, side):
    """A digit drawn with a pen along an outline."""
    digit, drawing = EUROPEAN[int(random.integers(len(EUROPEAN)))]
    return outline(random, side, drawing), digit


def outline(random, side, drawing, pen=None):
    places, _, points = _paths(glyph(0, drawing))
    at = places @ (points + random.normal(0, 0.3, points.shape))
    turn = random.uniform(-0.12, 0.12)
    at = at @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    size = 0.7 * side / np.ptp(at, axis=0).max()
    at = (at - (at.max(0) + at.min(0)) / 2) * size + side / 2
    big = Image.new("L", (2 * side, 2 * side))
    pen = 2 * (pen or side * random.uniform(0.05, 0.09)) / 2
    draw = ImageDraw.Draw(big)
    for x, y in 2 * at:
        draw.ellipse((x - pen, y - pen, x + pen, y + pen), fill=255)
    return np.asarray(big.resize((side, side), Image.Resampling.BOX), np.float32) / 255


def light(random, shape, low=0.75):
    """How brightly each place is lit, at most 1: it falls off in one direction, like a lamp's."""
    y, x = np.indices(shape, dtype=np.float32)
    turn = random.uniform(0, 2 * np.pi)
    along = math.cos(turn) * x / shape[1] + math.sin(turn) * y / shape[0]
    return np.interp(along, (along.min(), along.max()), (random.uniform(low, 1), 1)).astype(
        np.float32
    )


def photographed(random, rgb, blur=(0, 1.5), noise=(1, 6), low=0.75):
    """A scene, (H, W, 3) in 0..1, as a photo."""
    scene = rgb * light(random, rgb.shape[:2], low)[..., None]
    image = Image.fromarray((255 * scene.clip(0, 1)).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(random.uniform(*blur)))
    pixels = np.asarray(image, np.float32) + random.normal(0, random.uniform(*noise), rgb.shape)
    return pixels.round().clip(0, 255).astype(np.uint8)


def on_paper(ink, paper, color):
    """Ink, (H, W) in 0..1, of a color on paper, both three shares or one."""
    paper, color = (np.broadcast_to(np.float32(c), 3) for c in (paper, color))
    return paper + ink[..., None] * (color - paper)


def placed(ink, shape, top, left):
    page = np.zeros(shape, np.float32)
    page[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return page


def somewhere(random, ink, shape):
    return placed(
        ink,
        shape,
        *(int(random.integers(0, n - m + 1)) for n, m in zip(shape, ink.shape, strict=True)),
    )


def grown(ink, pixels):
    """Thicker (or thinner) strokes."""
    image = Image.fromarray((255 * ink).astype(np.uint8))
    size = 2 * abs(pixels) + 1
    kind = ImageFilter.MaxFilter if pixels > 0 else ImageFilter.MinFilter
    return np.asarray(image.filter(kind(size)), np.float32) / 255 if pixels else ink


def tablet(random):
    side = int(random.integers(60, 300))
    ink, digit = mnist_digit(random, side)
    ink = grown(ink, int(random.integers(-side // 100, side // 28 + 1)))
    return Made((255 * on_paper(ink, 1, 0)).astype(np.uint8), digit)


def pen_photo(random):
    side = int(random.integers(60, 250))
    ink, digit = mnist_digit(random, side)
    ink = somewhere(
        random, ink, (int(side * random.uniform(1.1, 2.5)), int(side * random.uniform(1.1, 2.5)))
    )
    color = random.choice([(0.1, 0.1, 0.15), (0.1, 0.15, 0.5), (0.6, 0.1, 0.1), (0.1, 0.4, 0.15)])
    return Made(photographed(random, on_paper(ink, random.uniform(0.75, 0.95), color)), digit)


def pencil(random):
    side = int(random.integers(50, 130))
    ink, digit = mnist_digit(random, side)
    paper = random.uniform(0.7, 0.95)
    grain = 1 - 0.35 * random.random(ink.shape, np.float32)
    tone = paper * (1 - random.uniform(0.09, 0.3))
    return Made(photographed(random, on_paper(ink * grain, paper, tone), noise=(0.5, 3)), digit)


def faint_pencil(random):
    side = int(random.integers(28, 100))
    ink, digit = mnist_digit(random, side)
    paper = random.uniform(0.75, 0.95)
    tone = paper * (1 - random.uniform(0.06, 0.14))
    return Made(photographed(random, on_paper(ink, paper, tone), noise=(0.3, 1.5), low=0.9), digit)


def tiny(random):
    """A few pixels of a photo, as in a form that was photographed whole."""
    ink, digit = mnist_digit(random, 160)
    paper = random.uniform(0.7, 0.95)
    tone = paper * (1 - random.uniform(0.15, 0.8))
    page = on_paper(np.pad(ink, 60), paper, tone)
    image = Image.fromarray((255 * page).astype(np.uint8))
    side = int(random.integers(18, 34))
    small = np.asarray(image.resize((side, side), Image.Resampling.BOX), np.float32) / 255
    return Made(photographed(random, small, blur=(0, 0.6), noise=(0.5, 2)), digit)


def cell(random, ink, lines, margin):
    """Ink with the lines of a cell at the edges, of which some are cut away, slightly turned."""
    side = ink.shape[0]
    whole = np.pad(ink, int(side * margin))
    n = whole.shape[0]
    page = Image.fromarray((255 * whole).astype(np.uint8))
    draw = ImageDraw.Draw(page)
    width = max(1, round(n * random.uniform(0.015, 0.06)))
    for edge in range(4):
        if random.random() < lines:
            place = int(n * random.uniform(0, 0.07))
            slant = int(n * random.uniform(-0.03, 0.03))
            ends = [(-n, place), (2 * n, place + slant)]
            if edge % 2:
                ends = [(x, n - 1 - y) for x, y in ends]
            if edge > 1:
                ends = [(y, x) for x, y in ends]
            draw.line(ends, fill=255, width=width)
    return np.asarray(page, np.float32) / 255


def sudoku(random, digit=True):
    side = int(random.integers(28, 60))
    ink, label = mnist_digit(random, side) if digit else (np.zeros((side, side), np.float32), None)
    ink = cell(random, ink, 0.75, random.uniform(0, 0.2))
    paper = random.uniform(0.6, 0.95)
    tone = paper * random.uniform(0.15, 0.6)
    return Made(photographed(random, on_paper(ink, paper, tone), blur=(0.3, 1.2)), label)


def form(random):
    side = int(random.integers(50, 110))
    ink, digit = mnist_digit(random, side)
    return Made(
        photographed(random, on_paper(cell(random, ink, 0, 0.15), 0.93, 0.15), noise=(0, 3)), digit
    )


def form_with_frame(random):
    side = int(random.integers(50, 110))
    ink, digit = mnist_digit(random, side)
    ink = cell(random, ink, 1, random.uniform(0.02, 0.25))
    return Made(photographed(random, on_paper(ink, 0.93, 0.15), noise=(0, 3)), digit)


def ruled(random):
    """On ruled or checked paper, whose lines go through the digit."""
    side = int(random.integers(100, 250))
    ink, digit = mnist_digit(random, side)
    ink = np.pad(ink, side // 3)
    n = ink.shape[0]
    lines = Image.new("L", (n, n))
    draw = ImageDraw.Draw(lines)
    gap, start = int(side * random.uniform(0.3, 0.9)), int(random.integers(0, 40))
    slant = int(n * random.uniform(-0.03, 0.03))
    checked = random.random() < 0.4
    for y in range(start, 2 * n, gap):
        draw.line([(0, y), (n, y + slant)], fill=255, width=max(1, n // 150))
        if checked:
            draw.line([(y, 0), (y - slant, n)], fill=255, width=max(1, n // 150))
    page = on_paper(
        np.asarray(lines, np.float32) / 255,
        (0.95,) * 3,
        random.choice([(0.6, 0.75, 0.9), (0.75, 0.75, 0.78)]),
    )
    page = page + ink[..., None] * (np.float32((0.12, 0.12, 0.3)) - page)
    return Made(photographed(random, page), digit)


def marker(random):
    ink, digit = mnist_digit(random, 64)
    ink = grown(ink, int(random.integers(1, 5)))
    rows, columns = (np.flatnonzero((ink > 0.5).any(axis=a)) for a in (1, 0))
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = max(crop.shape)
    square = np.pad(crop, [((side - n) // 2, side - n - (side - n) // 2) for n in crop.shape])
    small = np.asarray(Image.fromarray(square).resize((14, 14), Image.Resampling.BOX)) > 0.5
    bits = np.pad(small, 1)
    return Made(np.repeat(np.uint8(255) * ~bits[..., None], 3, axis=2), digit)


def page(random):
    height, width = 1000, 750
    ink, digit = mnist_digit(random, int(random.integers(60, 300)))
    ink = somewhere(random, ink, (height, width))
    return Made(photographed(random, on_paper(ink, 0.85, 0.2)), digit)


TABLES = ((51, 38, 25, 255), (25, 25, 25, 255), (90, 64, 38, 255))


def askew(random, digit=True):
    """A sheet that lies turned on a dark table."""
    side = int(random.integers(80, 160))
    ink, label = mnist_digit(random, side)
    sheet = on_paper(
        somewhere(
            random, ink, (int(side * random.uniform(1.5, 2.5)), int(side * random.uniform(1.3, 2)))
        ),
        0.9,
        0.15,
    )
    turn = random.uniform(8, 25) * random.choice([-1, 1])
    rgba = np.dstack([sheet, np.ones(sheet.shape[:2], np.float32)])
    turned = Image.fromarray((255 * rgba).astype(np.uint8), "RGBA").rotate(
        turn, Image.Resampling.BICUBIC, expand=True
    )
    color = TABLES[int(random.integers(len(TABLES)))]
    table = Image.new("RGBA", (turned.width + 60, turned.height + 60), color)
    table.alpha_composite(turned, (30, 30))
    return Made(photographed(random, np.asarray(table.convert("RGB"), np.float32) / 255), label)


def enclosed(random):
    """In a drawn circle or box."""
    side = int(random.integers(80, 160))
    ink, digit = mnist_digit(random, side)
    ink = np.pad(ink, side // 2)
    n = ink.shape[0]
    image = Image.fromarray((255 * ink).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    half = side * random.uniform(0.55, 0.75)
    middle = n / 2
    around = [middle - half * random.uniform(0.95, 1.05) for _ in range(2)] + [
        middle + half * random.uniform(0.95, 1.05) for _ in range(2)
    ]
    (draw.ellipse if random.random() < 0.5 else draw.rectangle)(
        around, outline=255, width=max(2, side // 25)
    )
    return Made(
        photographed(random, on_paper(np.asarray(image, np.float32) / 255, 0.9, 0.15)), digit
    )


def two_colors(random):
    """Ink and paper of one brightness."""
    side = int(random.integers(60, 200))
    ink, digit = mnist_digit(random, side)
    ink = np.pad(ink, side // 6)
    pairs = [
        ((0.25, 0.4, 0.95), (0.85, 0.2, 0.2)),
        ((0.98, 0.98, 0.97), (0.97, 0.95, 0.2)),
        ((0.2, 0.6, 0.25), (0.75, 0.33, 0.25)),
        ((0.95, 0.6, 0.7), (0.5, 0.75, 0.95)),
    ]
    paper, color = pairs[int(random.integers(len(pairs)))]
    if random.random() < 0.5 and paper[1] < 0.9:
        paper, color = color, paper
    return Made(photographed(random, on_paper(ink, paper, color), noise=(1, 4), low=0.9), digit)


def chalk(random):
    side = int(random.integers(80, 200))
    ink, digit = mnist_digit(random, side)
    ink = np.pad(ink, side // 4)
    rough = ink * (0.6 + 0.4 * random.random(ink.shape, np.float32))
    return Made(photographed(random, on_paper(rough, (0.15, 0.25, 0.2), 0.85)), digit)


def shaded(random):
    """A hand's shadow with a soft edge over a part."""
    made = pen_photo(random)
    width = made.picture.shape[1]
    x = np.arange(width) / width
    shade = 1 - random.uniform(0.2, 0.45) / (1 + np.exp(-(x - random.uniform(0.3, 0.8)) / 0.02))
    return Made((made.picture * shade[:, None]).astype(np.uint8), made.digit)


def no_margin(random):
    side = int(random.integers(40, 120))
    ink, digit = mnist_digit(random, side)
    rows, columns = (np.flatnonzero((ink > 0.5).any(axis=a)) for a in (1, 0))
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Made(photographed(random, on_paper(crop, 0.9, 0.15), blur=(0, 0.6)), digit)


def european(random):
    side = int(random.integers(60, 250))
    ink, digit = european_digit(random, side)
    return Made(photographed(random, on_paper(ink, 0.9, 0.15)), digit)


def empty_paper(random):
    shape = (int(random.integers(40, 300)), int(random.integers(40, 300)))
    return Made(
        photographed(random, np.full((*shape, 3), random.uniform(0.6, 0.95), np.float32)), None
    )


def empty_cell(random):
    return sudoku(random, digit=False)


LETTERS = (  # and signs, of which training sees some in other forms, and some not at all
    "1,20 6.5,0 | 6.5,0 11,20 | 3,12.5 9.5,12",
    "0,0 1,20 | 9,0.5 0.5,9 | 0.5,9 10,19",
    "0,20 0.5,1 | 0.5,1 6,11 | 6,11 11.5,0 | 11.5,0 12,20",
    "1,0 11,19.5 | 11.5,1 0,20",
    "0,0 3,19.5 | 3,19.5 6.5,7 | 6.5,7 9.5,20 | 9.5,20 13,0.5",
    "0,0.5 0,20 | 10,0 10.5,19 | 0,9 10,10",
    "10.5,0.5 0.5,0 | 0.5,0 0,19.5 | 0,19.5 10,20 | 0.3,9.5 8.5,10",
    "0,20 0,0 | 0,0 9.5,19.5 | 9.5,19.5 10,0.5",
    "9,9 5,7 3,11 6,14 9,9 | 9,9 10,13 13,9 9,2 3,3 0,10 3,17 10,18",
    "0,4 12,4 | 0,13 12,13",
    "2,0 0,10 2,20 | 9,0 11,10 9,20",
    "0,20 7,0 | 7,0 14,20",
)


def letter(random):
    side = int(random.integers(80, 200))
    ink = outline(random, side, LETTERS[int(random.integers(len(LETTERS)))])
    return Made(photographed(random, on_paper(ink, 0.9, 0.15)), None)


def two_digits(random):
    side = int(random.integers(60, 150))
    inks = [mnist_digit(random, side)[0] for _ in range(2)]
    trimmed = []
    for ink in inks:
        columns = np.flatnonzero((ink > 0.5).any(axis=0))
        trimmed.append(
            np.pad(ink[:, columns[0] : columns[-1] + 1], [(0, 0), (side // 12, side // 12)])
        )
    return Made(
        photographed(random, on_paper(np.pad(np.hstack(trimmed), side // 4), 0.9, 0.15)), None
    )


Situation = Callable[[np.random.Generator], Made]
SITUATIONS: dict[str, Situation] = {
    "tablet": tablet,
    "pen": pen_photo,
    "pencil": pencil,
    "faint pencil": faint_pencil,
    "few pixels": tiny,
    "sudoku cell": sudoku,
    "form": form,
    "form with frame": form_with_frame,
    "ruled paper": ruled,
    "marker, 16 x 16": marker,
    "whole page": page,
    "askew on a table": askew,
    "circle or box": enclosed,
    "two colors": two_colors,
    "chalk": chalk,
    "shadow": shaded,
    "no margin": no_margin,
    "European": european,
    "empty paper": empty_paper,
    "empty cell": empty_cell,
    "letter": letter,
    "two digits": two_digits,
}


def pictures(name, n, seed=0):
    """The first n pictures of a situation."""
    return [SITUATIONS[name](np.random.default_rng([seed, i])) for i in range(n)]
