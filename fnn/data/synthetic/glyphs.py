"""The forms of the built-in digits: the pen's path, as tables of points."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

Point: TypeAlias = tuple[float, float]


class Glyph(NamedTuple):
    """One way to write a digit, as strokes: tuples of points (x, y), y pointing down.

    A stroke is a smooth curve through its points, closed if it ends where it began. Equal points
    of a glyph are the same point: strokes that share it stay joined when the points move.
    """

    digit: int
    strokes: tuple[tuple[Point, ...], ...]


def glyph(digit: int, drawing: str) -> Glyph:
    """The glyph of a drawing: points are `x,y`, separated by spaces; bars separate strokes.

    >>> glyph(7, "0,0 12,0 | 12,0 5,20").strokes
    (((0.0, 0.0), (12.0, 0.0)), ((12.0, 0.0), (5.0, 20.0)))
    """
    return Glyph(digit, tuple(tuple(map(_point, s.split())) for s in drawing.split("|")))


def _point(text: str) -> Point:
    x, y = text.split(",")
    return float(x), float(y)


# Ordered by digit, each about 12 wide and 20 high. All forms of a digit are equally likely.
GLYPHS = (
    # 0: round; narrow; with ends that cross at the top.
    glyph(0, "7,0 2.5,3.5 1,10 2.5,16.5 7,20 11.5,16.5 13,10 11.5,3.5 7,0"),
    glyph(0, "6,0 2.5,5 2,12 4,19 7,20 10,15 10.5,8 9,2 6,0"),
    glyph(0, "9,1 5,1 1.5,6 1.5,14 5,19.5 10,18 12.5,12 12,5 8.5,0.5 5.5,2"),
    # 1: a line; bowed a little; with a flag; with a flag and a foot.
    glyph(1, "5,0 5,10 5,20"),
    glyph(1, "6,0 4.5,7 4.5,14 5,20"),
    glyph(1, "2,5 4.5,3 6,0 | 6,0 6,10 6,20"),
    glyph(1, "2,5 6,0 | 6,0 6,10 6,20 | 1.5,20 10.5,20"),
    # 2: with a flat base; with a small loop at the corner; with a wavy base.
    glyph(2, "1,5 3,1 7,0 11,2 11,7 7,13 1,20 | 1,20 7,20 13,20"),
    glyph(2, "1,4 5,0 10,2 10,8 6.5,14 3,19 0.5,18 2,15.5 6,17.5 13,19.5"),
    glyph(2, "0.5,3 5,0 10,2 10,7 6,13 0,19.5 | 0,19.5 4,17.5 8,19.5 13,18"),
    # 3: two bows that meet at a point; with a small loop in the middle; with a flat top.
    glyph(3, "1,3 5,0 10,2 10,7 4.5,9.5 | 4.5,9.5 10.5,11.5 11.5,16.5 6.5,20 0,17.5"),
    glyph(3, "1.5,2 6,0 10.5,3 8.5,7.5 5,9.5 5,10.8 9,10.5 11.5,15 7.5,20 0.5,18.5"),
    glyph(3, "1,0.5 11,0 | 11,0 5,8 | 5,8 10.5,10.5 11,16.5 6,20 0,18"),
    # 4: open, with an upright; open and slanting, with a soft corner; closed.
    glyph(4, "2,0 1.5,5 1,11 | 1,11 13.5,11 | 11,1 10.8,10 10.5,20"),
    glyph(4, "2.5,0 0.5,6 2,10.5 7.5,11 12,9 | 12.5,0 11.5,9 10,20"),
    glyph(4, "9,0 5,6.5 0,13 | 0,13 13,13 | 9,0 9,10 9,20"),
    # 5: with a corner and a straight top; in one sweep; with a bowl that closes a little.
    glyph(5, "11.5,0 3,0.5 | 3,0.5 2,8.5 | 2,8.5 6,7 11,9.5 11.5,15 7,20 0,18.5"),
    glyph(5, "12,0 6,0.5 3,3 4,8 9,11 10.5,15.5 7,19.5 1,19.5"),
    glyph(5, "2.5,1 2,9 | 2,9 7,7.5 11,11 10.5,17 6,20 1,17 | 2.5,1 7,1 12,0"),
    # 6: with a bent stem; with an upright stem and a round bowl; with a small loop.
    glyph(6, "9.5,0 4.5,4.5 1,12 3,18.5 7,20 11,16.5 10,11.5 6,10.5 2,15"),
    glyph(6, "4,0 1.5,7 1,14 4,19.5 9,19.5 11.5,15 9,11 5,11 1,14"),
    glyph(6, "8,0 3.5,6 1.5,13 3,19 7,20 9.5,17 8,13.5 5,14 3,17.5"),
    # 7: plain; with a bent stem; with a serif; with a bar.
    glyph(7, "0,0.5 13,0 | 13,0 8.5,10 5,20"),
    glyph(7, "0,2 6,1.5 13,0.5 | 13,0.5 12,5 8,11 6.5,20"),
    glyph(7, "0,4.5 0.5,0.5 | 0.5,0.5 6,1 13,0 | 13,0 9.5,7 5.5,20"),
    glyph(7, "0.5,0.5 13,0 | 13,0 8.5,10 4.5,20 | 4,10.5 13,10"),
    # 8: one crossed line; the same, slimmer and open at the top; two rings.
    glyph(8, "6,0 2,2 2,6 6,9.5 10.5,13.5 10,18 6,20 2,18 1.5,13.5 6,9.5 10,6 10.5,2 6,0"),
    glyph(8, "10,1.5 6,0 2.5,3 4,7.5 8.5,12 9.5,17 6,20 2.5,17.5 3,13 7,9 10.5,4.5 10.5,2"),
    glyph(8, "6,0 2.5,2 2.5,7 6,9 9.5,7 9.5,2 6,0 | 6,9 1.5,12 1.5,18 6,20 10.5,18 10.5,12 6,9"),
    # 9: with an upright stem; with a bent one; with a hook; with an angle at the top.
    glyph(9, "11,4 7,0 1.5,3 2.5,8.5 7.5,9.5 11,4 | 11,4 10.7,12 10,20"),
    glyph(9, "10,1.5 5.5,0 1,4.5 3,9 8,8 10.5,2 | 10.5,2 9.5,10 6,20"),
    glyph(9, "11,3.5 6.5,0 1.5,4 3.5,9.5 9,8.5 11,3.5 | 11,3.5 11.5,12 8.5,19 2.5,19.5"),
    glyph(9, "10.5,1 5,0.5 1,5 4,9.5 10,6 | 10.5,1 10,6 9.5,20"),
)
