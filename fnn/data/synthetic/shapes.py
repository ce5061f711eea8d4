"""Ten kinds of shapes and patterns, in any two colors, at any position, size and angle.

A shape is a function of a point (u, v) in its own plane: the point's signed distance from the edge
(negative inside), where 1 is the shape's radius. How much of a pixel a shape covers follows from
that distance, so edges are smooth. Colors and classes are drawn independently.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fnn.data.synthetic.strokes import Floats, uniform
from fnn.keys import Key, generator

Shape: TypeAlias = Callable[[Floats, Floats], Floats]

SIDE = 32


def _disc(u: Floats, v: Floats) -> Floats:
    return np.hypot(u, v) - np.float32(1)


def _ring(u: Floats, v: Floats) -> Floats:
    return abs(np.hypot(u, v) - np.float32(0.75)) - np.float32(0.25)


def _square(u: Floats, v: Floats) -> Floats:
    return np.maximum(abs(u), abs(v)) - np.float32(0.85)


def _triangle(u: Floats, v: Floats) -> Floats:
    side = abs(u) * np.float32(math.sqrt(3) / 2) - v / 2
    return np.maximum(side, v) - np.float32(0.6)


def _cross(u: Floats, v: Floats) -> Floats:
    u, v = abs(u), abs(v)
    return np.maximum(np.minimum(u, v) - np.float32(0.3), np.maximum(u, v) - np.float32(1))


def _star(u: Floats, v: Floats) -> Floats:
    """Five points: all ten half points are folded onto one, whose edge is a straight line."""
    tip, notch = 1.2, 0.5  # distances from the center
    turn = np.arctan2(u, v) * np.float32(5 / math.tau)
    angle = abs(turn - turn.round()) * np.float32(math.tau / 5)  # from the nearest tip
    along, across = np.cos(angle), np.sin(angle)
    run = tip - notch * math.cos(math.pi / 5)
    rise = notch * math.sin(math.pi / 5)
    scale = 1 / math.hypot(run, rise)
    toward = along * np.float32(rise * scale) + across * np.float32(run * scale)
    reach: Floats = np.hypot(u, v) * toward
    return reach - np.float32(tip * rise * scale)


def _fold(x: Floats, period: float) -> Floats:
    """The distance from x to the nearest multiple of the period."""
    return abs(x - (x / np.float32(period)).round() * np.float32(period))


def _stripes(u: Floats, v: Floats) -> Floats:
    return _fold(u, 0.8) - np.float32(0.2)


def _waves(u: Floats, v: Floats) -> Floats:
    sway = np.float32(0.25) * np.sin(v * np.float32(math.tau / 1.6))
    return _stripes(u + sway, v)


def _checks(u: Floats, v: Floats) -> Floats:
    a, b = _fold(u, 1.2) - np.float32(0.3), _fold(v, 1.2) - np.float32(0.3)
    outside: Floats = np.maximum(np.minimum(a, b), np.minimum(-a, -b))
    return outside


def _dots(u: Floats, v: Floats) -> Floats:
    return np.hypot(_fold(u, 0.9), _fold(v, 0.9)) - np.float32(0.27)


_ALL = (_disc, _ring, _square, _triangle, _cross, _star, _stripes, _waves, _checks, _dots)
SHAPES: dict[str, Shape] = {shape.__name__[1:]: shape for shape in _ALL}


def draw_shapes(rng: Key, labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Images, (N, 32, 32, 3) uint8, for `labels`, (N,), indices into SHAPES."""
    random = generator(rng)
    return _paint(random, _cover(random, labels))


def _cover(random: np.random.Generator, labels: NDArray[np.integer]) -> Floats:
    """The fraction of each pixel that the shape covers, 0..1: (N, 32, 32)."""
    n = len(labels)
    turn = uniform(random, (n, 1, 1), -0.4, 0.4)  # radians
    radius = uniform(random, (n, 1, 1), 8, 12)  # pixels
    width = np.exp(uniform(random, (n, 1, 1), -0.2, 0.2))
    shift = uniform(random, (2, n, 1, 1), -4, 4) + np.float32((SIDE - 1) / 2)
    pixels = np.arange(SIDE, dtype=np.float32)
    x, y = pixels - shift[0], pixels[:, None] - shift[1]
    cos, sin = np.cos(turn) / radius, np.sin(turn) / radius
    u, v = (x * cos + y * sin) * width, (y * cos - x * sin) / width

    outside = np.empty((n, SIDE, SIDE), np.float32)
    for label, shape in enumerate(SHAPES.values()):
        which = np.flatnonzero(labels == label)
        outside[which] = shape(u[which], v[which])
    outside *= radius
    return (np.float32(0.5) - outside).clip(0, 1)


def _paint(random: np.random.Generator, cover: Floats) -> NDArray[np.uint8]:
    """The images, in two random colors, lit from one side, with noise."""
    n = len(cover)
    ground = uniform(random, (n, 1, 1, 3), 0, 256)
    # About half the scale away, wrapped around: every channel has contrast, of either sign.
    shape = (ground + uniform(random, (n, 1, 1, 3), 80, 176)) % np.float32(256)

    slope = uniform(random, (2, n, 1, 1), -0.01, 0.01)  # per pixel
    pixels = np.arange(SIDE, dtype=np.float32) - np.float32((SIDE - 1) / 2)
    light = 1 + pixels * slope[0] + pixels[:, None] * slope[1]
    grain = np.float32(8) * random.standard_normal((n, SIDE, SIDE), np.float32)

    image = cover[..., None] * (shape - ground)
    image += ground
    image *= light[..., None]
    image += grain[..., None]
    return image.round().clip(0, 255).astype(np.uint8)
