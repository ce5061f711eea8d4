"""Digits drawn as with a pen: points that move, curves through them, ink along the curves.

The pen's path is linear in a glyph's points, so one matrix per glyph makes all its paths. The ink
that a dab of the pen leaves on a pixel is a Gaussian of their distance, and a Gaussian in the plane
is the product of one in x and one in y, so the ink of a whole path is a product of two matrices.
Nothing here loops over images.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fnn.arrays import Shape
from fnn.data.synthetic.glyphs import GLYPHS, Glyph, Point
from fnn.keys import Key, generator

Floats: TypeAlias = NDArray[np.float32]

SIDE = 28
BOX = 20.0  # the longer side of a digit's path, before its size is varied
DAB = 1.1  # the longest distance between neighboring dabs of the pen, in a glyph's units


def draw_digits(rng: Key, labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Images, (N, 28, 28) uint8, for `labels`, (N,), digits 0..9; light on black."""
    random = generator(rng)
    return _ink(random, *_place(random, *_write(random, labels)))


def uniform(random: Generator, shape: int | Shape, low: float, high: float) -> Floats:
    """Uniform float32 numbers in low..high; Generator.uniform only gives float64."""
    return random.random(shape, np.float32) * np.float32(high - low) + np.float32(low)


def _write(random: Generator, labels: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """A random form of each digit with its points moved: the dabs' positions and steps."""
    places, steps, points, first, forms = _TABLES
    form = first[labels] + (random.random(len(labels)) * forms[labels]).astype(np.intp)
    moved = points[form]
    moved += np.float32(0.7) * random.standard_normal(moved.shape, np.float32)
    return places[form] @ moved, steps[form] @ moved


def _place(random: Generator, at: Floats, step: Floats) -> tuple[Floats, Floats]:
    """The dabs, (N, P, 2), in pixels, and the lengths of their steps, (N, P).

    As in MNIST, the path is rotated, sheared and stretched, scaled to fit a box, and placed with
    its center of mass near the middle of the image.
    """
    n = len(at)
    # Wider ranges make digits that people misread.
    turn = uniform(random, n, -0.3, 0.3)  # radians
    slant = uniform(random, n, -0.2, 0.36)
    width = np.exp(uniform(random, n, -0.22, 0.3))
    cos, sin = np.cos(turn), np.sin(turn)
    # Rows are (x, y): stretch x, then shear (up is -y), then rotate.
    rows = [width * cos, width * sin, -slant * cos - sin, -slant * sin + cos]
    linear = np.stack(rows, axis=1).reshape(n, 2, 2)
    at, step = at @ linear, step @ linear

    size = uniform(random, n, 0.78, 1.05) * np.float32(BOX)
    size /= (at.max(1) - at.min(1)).max(1)
    length = np.hypot(step[..., 0], step[..., 1]) * size[:, None]
    at *= size[:, None, None]
    at -= (at * length[..., None]).sum(1, keepdims=True) / length.sum(1)[:, None, None]
    at += np.float32((SIDE - 1) / 2) + uniform(random, (n, 1, 2), -2.0, 2.0)
    return at, length


def _ink(random: Generator, at: Floats, length: Floats) -> NDArray[np.uint8]:
    """The images, (N, 28, 28), of dabs at `at`, each with the ink of a line of its length."""
    n = len(at)
    radius = uniform(random, n, 0.75, 1.25)  # the Gaussian's standard deviation, in pixels
    hardness = uniform(random, n, 1.3, 2.6)
    light = uniform(random, n, 180.0, 255.0)
    # With this much ink, the middle of a long straight line has value 1.
    ink = length / (radius * np.float32(math.sqrt(2 * math.pi)))[:, None]

    unit = (radius * np.float32(math.sqrt(2)))[:, None, None]
    pixels = np.arange(SIDE, dtype=np.float32)[:, None] / unit
    dab = (at / unit).transpose(0, 2, 1)[:, :, None] - pixels[:, None]
    dab *= -dab
    # Far from the pen there is no ink; subnormal float32 numbers would only be slow.
    np.maximum(dab, np.float32(-30), out=dab)
    np.exp(dab, out=dab)  # (N, 2, 28, P)
    image: Floats = (dab[:, 1] * ink[:, None]) @ dab[:, 0].transpose(0, 2, 1)

    # Ink saturates, and a line's edge is where it is half.
    image -= np.float32(0.5)
    image *= hardness[:, None, None]
    image += np.float32(0.5)
    np.clip(image, 0, 1, out=image)
    image *= light[:, None, None]
    return image.round().astype(np.uint8)


def _tables() -> tuple[Floats, Floats, Floats, NDArray[np.intp], NDArray[np.intp]]:
    """All glyphs' matrices and points, and each digit's first glyph and number of glyphs.

    The matrices are (glyphs, P, K) and the points (glyphs, K, 2). A glyph with fewer dabs than P
    repeats its last one with a step of zero, which leaves no ink; missing points are zeros.
    """
    digits = [g.digit for g in GLYPHS]
    parts = [_paths(g) for g in GLYPHS]
    dabs = max(len(places) for places, _, _ in parts)
    knots = max(len(points) for _, _, points in parts)
    places, steps = np.zeros((2, len(parts), dabs, knots), np.float32)
    points = np.zeros((len(parts), knots, 2), np.float32)
    for i, (place, step, point) in enumerate(parts):
        places[i, :, : len(point)] = place[-1]
        places[i, : len(place), : len(point)] = place
        steps[i, : len(step), : len(point)] = step
        points[i, : len(point)] = point
    first = np.array([digits.index(d) for d in range(10)])
    forms = np.array([digits.count(d) for d in range(10)])
    return places, steps, points, first, forms


def _paths(glyph: Glyph) -> tuple[Floats, Floats, Floats]:
    """Matrices (P, K) from a glyph's K points to the dabs' positions and steps; the points."""
    points = list(dict.fromkeys(p for stroke in glyph.strokes for p in stroke))
    at = np.array(points, np.float32)
    edges = [_curve(stroke, points, at) for stroke in glyph.strokes]
    places = np.concatenate([(e[1:] + e[:-1]) / 2 for e in edges])
    steps = np.concatenate([e[1:] - e[:-1] for e in edges])
    return places, steps, at


def _curve(stroke: tuple[Point, ...], points: list[Point], at: Floats) -> Floats:
    """The matrix from the points to evenly spaced positions along a stroke.

    Points are joined by cubics whose slope at a point is half the difference between the next
    point and the previous one: Catmull and Rom, "A class of local interpolating splines", 1974.
    """
    eye = np.eye(len(points), dtype=np.float32)
    knots = eye[[points.index(p) for p in stroke]]
    before, after = (knots[-2], knots[1]) if stroke[0] == stroke[-1] else (knots[0], knots[-1])
    padded = np.concatenate([before[None], knots, after[None]])
    slopes = (padded[2:] - padded[:-2]) / 2
    ends = np.stack([knots[:-1], slopes[:-1], knots[1:], slopes[1:]], axis=1)  # (spans, 4, K)
    t = np.linspace(0, 1, 64, endpoint=False, dtype=np.float32)
    hermite = [2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t, 3 * t**2 - 2 * t**3, t**3 - t**2]
    cubics = np.stack(hermite, axis=1) @ ends  # (spans, 64, K)
    fine: Floats = np.concatenate([cubics.reshape(-1, len(points)), knots[-1:]])
    path = fine @ at
    way = np.append(0, np.hypot(*(path[1:] - path[:-1]).T).cumsum())
    even = np.linspace(0, way[-1], math.ceil(way[-1] / DAB) + 1)
    return fine[way.searchsorted(even)]


_TABLES = _tables()
