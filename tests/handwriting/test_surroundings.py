"""What surrounds a digit is taken away, its colors count, and what is no digit is refused."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from test_digit_image import DIGITS, drawn, enlarged, likeness, padded, photo

import fnn
from fnn.data import mnist
from fnn.handwriting.color import as_grey, brightness, grey_of_colors
from fnn.handwriting.sheet import on_its_sheet, rectangle
from fnn.kernels.raster import box, resampled

EXPECTED = [fnn.digit_image(enlarged(image)) for image in DIGITS[:10]]
PAPER = 230


def on_paper(image, margin=60):
    """Dark ink on paper, (H, W)."""
    return (PAPER - padded(enlarged(image), margin) * (200 / 255)).astype(np.uint8)


def turned(picture, degrees, table):
    """The picture turned and on a table, by nearest neighbors."""
    height, width = picture.shape
    side = int(1.5 * max(height, width))
    y, x = np.indices((side, side)) - side / 2
    angle = np.deg2rad(degrees)
    v = np.cos(angle) * y - np.sin(angle) * x + height / 2
    u = np.sin(angle) * y + np.cos(angle) * x + width / 2
    inside = (v >= 0) & (v < height) & (u >= 0) & (u < width)
    v, u = v.clip(0, height - 1).astype(int), u.clip(0, width - 1).astype(int)
    return np.where(inside, picture[v, u], table).astype(np.uint8)


def from_one_side(picture, table):
    """The picture seen from one side: the upper rows are shorter."""
    height, width = picture.shape
    seen = np.full((height + 80, width + 80), table, np.uint8)
    for i in range(height):
        n = int(width * (0.75 + 0.25 * i / height))
        left = 40 + (width - n) // 2
        seen[40 + i, left : left + n] = picture[i, np.arange(n) * width // n]
    return seen


def framed(picture, width=6, at=3, slant=0):
    """Lines at all four sides, from edge to edge."""
    picture = picture.copy()
    n = len(picture)
    for axis in (0, 1):
        side = picture if axis == 0 else picture.T
        for i in range(side.shape[1]):
            place = at + slant * i // n
            side[place : place + width, i] = 30
            side[side.shape[0] - place - width : side.shape[0] - place, i] = 30
    return picture


def ring(picture, inner, thick=5):
    y, x = (np.arange(n) - n / 2 for n in picture.shape)
    far = np.hypot(y[:, None], x)
    return np.where((far > inner) & (far < inner + thick), 30, picture).astype(np.uint8)


def boxed(picture, away, thick=4):
    n, m = picture.shape
    out = picture.copy()
    out[away : n - away, away : m - away] = 30
    inside = slice(away + thick, n - away - thick), slice(away + thick, m - away - thick)
    out[inside] = picture[inside]
    return out


SURROUNDINGS = {
    "a cell": framed,
    "a thin cell": lambda p: framed(p, 2, 0),
    "a slanting cell": lambda p: framed(p, 5, 4, 12),
    "two lines": lambda p: drawn(p, 30, (0, 0, 7, 400), (0, 0, 400, 7)),
    "a circle": lambda p: ring(p, 150),
    "a box": lambda p: boxed(p, 20),
    "a box in a circle": lambda p: ring(np.pad(boxed(p, 20), 120, constant_values=PAPER), 250),
    "a dark table": lambda p: np.pad(p, 70, constant_values=40),
    "a dark table, askew": lambda p: turned(p, 12, 50),
    "a dark table, more askew": lambda p: turned(p, -27, 30),
    "a dark table, from one side": lambda p: from_one_side(p, 45),
    "ruled paper": lambda p: np.where(
        (np.arange(len(p)) % 60 < 2)[:, None] & (p > 200), 195, p
    ).astype(np.uint8),
}


@pytest.mark.parametrize("surround", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_the_digit_is_the_same_with_surroundings(surround):
    found = [fnn.digit_image(surround(on_paper(image))) for image in DIGITS[:10]]
    alike = [likeness(a, b) for a, b in zip(EXPECTED, found, strict=True)]
    assert np.mean(alike) > 0.9, alike
    assert sorted(alike)[1] > 0.8, alike  # one may suffer


@pytest.mark.parametrize("contrast", [0.05, 0.08, 0.12])
def test_faint_ink_is_read_where_the_paper_is_calm(contrast):
    for image, expected in zip(DIGITS[:6], EXPECTED, strict=False):
        ink = padded(enlarged(image, 4)) / 255
        noise = fnn.keys.generator(1).normal(0, 0.7, ink.shape)
        faint = (PAPER * (1 - contrast * ink) + noise).astype(np.uint8)
        assert likeness(fnn.digit_image(faint), expected) > 0.85


@pytest.mark.parametrize(
    ("paper", "ink"),
    [
        ((40, 60, 230), (200, 30, 30)),
        ((252, 252, 250), (250, 240, 60)),
        ((60, 150, 70), (180, 90, 70)),
        ((235, 150, 170), (120, 190, 240)),
        ((20, 20, 20), (20, 20, 200)),
    ],
)
def test_colors_of_one_brightness(paper, ink):
    random = fnn.keys.generator(2)
    for image, expected in zip(DIGITS[:6], EXPECTED, strict=False):
        share = padded(enlarged(image), 30)[..., None] / 255
        picture = np.array(paper) * (1 - share) + np.array(ink) * share
        picture = (picture + random.normal(0, 2, picture.shape)).clip(0, 255).astype(np.uint8)
        assert likeness(fnn.digit_image(grey_of_colors(picture)), expected) > 0.9


def test_grey_stays_grey_and_brightness_counts_where_it_tells_the_ink():
    picture = on_paper(DIGITS[0])
    assert as_grey(picture) is picture
    colored = np.dstack([picture, picture, (picture * 0.8).astype(np.uint8)])
    np.testing.assert_array_equal(grey_of_colors(colored), brightness(colored))
    for shape in ((1, 1, 3), (2, 400, 3), (3, 3, 3)):
        assert grey_of_colors(np.full(shape, 7, np.uint8)).shape == shape[:2]


@pytest.mark.parametrize("degrees", [-40, -13, 0, 5, 22])
def test_the_smallest_rectangle(degrees):
    mask = turned(np.full((60, 90), 255, np.uint8), degrees, 0) > 0
    found = rectangle(mask)
    assert found.height == pytest.approx(60, abs=3)
    assert found.width == pytest.approx(90, abs=3)
    assert np.rad2deg(found.angle) == pytest.approx(degrees, abs=1.5)
    assert found.center == pytest.approx((mask.shape[0] / 2, mask.shape[1] / 2), abs=1.5)


def test_without_a_sheet_a_picture_stays_as_it_is():
    for image in DIGITS[:6]:
        for picture in (
            image,
            enlarged(image),
            255 - padded(enlarged(image)),
            photo(padded(image)),
        ):
            assert on_its_sheet(picture) is picture


def test_two_digits_are_two():
    a, b = DIGITS[3], DIGITS[4]
    both = np.hstack([enlarged(a), enlarged(b)])
    for picture in (padded(both, 9), 255 - padded(both), photo(padded(both))):
        with pytest.raises(fnn.InputError, match="2 digits side by side"):
            fnn.digit_image(picture)
        found = fnn.digit_images(picture)
        assert found.shape == (2, 28, 28)
        assert likeness(found[0], EXPECTED[3]) > 0.9
        assert likeness(found[1], EXPECTED[4]) > 0.9


def test_a_number_is_read_from_left_to_right():
    picture = 255 - np.pad(np.hstack([enlarged(image) for image in DIGITS[:5]]), 40)
    found = fnn.digit_images(picture)
    assert [likeness(a, b) > 0.85 for a, b in zip(found, EXPECTED, strict=False)] == [True] * 5
    np.testing.assert_array_equal(
        fnn.digit_images(255 - enlarged(DIGITS[0]))[0], fnn.digit_image(255 - enlarged(DIGITS[0]))
    )


def test_strokes_one_above_the_other_are_one_digit():
    """A 5 whose flag is apart, and a 4 in two strokes."""
    five = drawn(np.full((300, 300), 255, np.uint8), 0, (60, 120, 72, 210), (84, 110, 160, 122),
                 (150, 110, 162, 190), (150, 180, 240, 192), (230, 110, 242, 192))  # fmt: skip
    assert len(fnn.digit_images(five)) == 1
    four = drawn(np.full((300, 300), 255, np.uint8), 0, (60, 100, 160, 112), (150, 100, 162, 200),
                 (166, 160, 260, 172), (60, 160, 146, 172))  # fmt: skip
    assert len(fnn.digit_images(four)) == 1


def grain(shape, noise):
    return np.clip(fnn.keys.generator(4).normal(200, noise, shape), 0, 255).astype(np.uint8)


EMPTY = {
    "paper": grain((200, 150), 3),
    "rough paper": grain((90, 90), 15),
    "a cell": framed(grain((60, 60), 4), 3, 1),
    "a cell with half its lines": drawn(grain((50, 50), 4), 40, (0, 0, 3, 50), (0, 0, 50, 3)),
    "a dark corner": drawn(grain((80, 80), 2), 60, (0, 0, 14, 14)),
    "a dark edge": drawn(grain((80, 80), 2), 60, (0, 0, 80, 20)),
    "a half": drawn(grain((80, 80), 2), 60, (0, 0, 80, 40)),
}


@pytest.mark.parametrize("picture", EMPTY.values(), ids=EMPTY)
def test_empty_papers_and_cells_are_refused(picture):
    with pytest.raises(fnn.InputError, match="blank or its ink too faint"):
        fnn.digit_images(picture)


def test_digits_without_a_margin_are_not_taken_for_frames():
    alike = []
    for image, expected in zip(DIGITS[:10], EXPECTED, strict=True):
        large = enlarged(image)
        close = large[box(large > 127)]
        alike.append(likeness(fnn.digit_image(255 - close), expected))
    assert sorted(alike)[1] > 0.85, alike


@pytest.mark.skipif(
    not mnist.has_mnist(Path(os.environ.get("FNN_DATA", "absent")) / "mnist"),
    reason="FNN_DATA names no directory with the real MNIST",
)
def test_photos_layers_cost_little_on_mnist():
    from fnn.recognizer.photos import for_photos

    images, labels = (a[:2000] for a in fnn.load_mnist()[1])
    shipped = fnn.pretrained()
    before, after = (
        fnn.accuracy(fnn.recognize(one, images), labels) for one in (shipped, for_photos(shipped))
    )
    assert after > before - 0.002


@pytest.mark.parametrize("side", [20, 24, 27])
def test_a_digit_of_few_pixels_keeps_its_form(side):
    alike = [
        likeness(fnn.digit_image(255 - resampled(np.float32(i), side, side).astype(np.uint8)), e)
        for i, e in zip((padded(enlarged(i), 20) for i in DIGITS[:10]), EXPECTED, strict=True)
    ]
    assert np.mean(alike) > 0.9, alike


@settings(max_examples=100)
@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90), st.just(3)).flatmap(
        lambda shape: hnp.arrays(np.uint8, shape, elements=st.sampled_from([0, 9, 128, 250, 255]))
    )
)
def test_any_colored_picture_gives_images_or_is_refused(picture):
    try:
        images = fnn.digit_images(as_grey(picture))
    except fnn.InputError:
        return
    assert images.shape[1:] == (28, 28)
    assert images.any(axis=(1, 2)).all()
