"""Pictures of digits become images like MNIST's, whatever kind of picture it was."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fnn
from fnn.data import mnist
from fnn.data.synthetic import digits
from fnn.handwriting.digit_image import BOX, SIDE, with_usual_strokes
from fnn.handwriting.raster import blurred, moving, pieces, resampled, shrunk

DIGITS = digits(5, 20).images
REAL = Path(os.environ.get("FNN_DATA", "")) / "mnist"


def enlarged(image, factor=8):
    """The image enlarged, and smooth like a drawing."""
    height, width = (factor * n for n in image.shape)
    return resampled(np.float32(image), height, width).astype(np.uint8)


def padded(image, pixels=60):
    return np.pad(image, pixels)


def photo(image, seed=0, paper=(110, 250), ink=0.25, noise=8):
    """Dark ink on paper that gets lighter from one side to the other; `image` is light on black."""
    random = fnn.keys.generator(seed)
    y, x = np.indices(image.shape) / max(image.shape)
    turn = random.uniform(0, 2 * np.pi)
    along = np.cos(turn) * x + np.sin(turn) * y
    light = np.interp(along, (along.min(), along.max()), paper)
    seen = light * (1 - (1 - ink) * image / 255)
    return (seen + random.normal(0, noise, image.shape)).clip(0, 255).astype(np.uint8)


def drawn(image, value, *corners):
    """The picture with rectangles (top, left, bottom, right) of one value."""
    image = image.copy()
    for top, left, bottom, right in corners:
        image[top:bottom, left:right] = value
    return image


def shaded(image):
    """A hand's shadow over the right side."""
    x = np.arange(image.shape[1]) / image.shape[1]
    return (image * (1 - 0.4 / (1 + np.exp(-(x - 0.6) / 0.03)))).astype(np.uint8)


def corners(image):
    """Darker corners, as a lens makes them."""
    y, x = (np.linspace(-1, 1, n) for n in image.shape)
    return (image * (1 - 0.3 * np.add.outer(y**4, x**4))).astype(np.uint8)


def cropped(image):
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


SPECKS = [(5, 9, 8, 12), (300, 20, 303, 23), (160, 310, 164, 314), (20, 180, 22, 182)]
KINDS = {
    "inverted": lambda i: 255 - i,
    "large": enlarged,
    "large in blocks": lambda i: np.kron(i, np.ones((9, 9), np.uint8)),
    "large and inverted": lambda i: 255 - enlarged(i),
    "very large": lambda i: np.kron(i, np.ones((50, 50), np.uint8)),
    "two tones": lambda i: np.uint8(255) * (enlarged(i, 15) > 127),
    "with margins": padded,
    "at the top left": lambda i: np.pad(enlarged(i), ((5, 250), (5, 150))),
    "without margins": lambda i: cropped(enlarged(i)),
    "faint": lambda i: 200 - padded(enlarged(i)) // 4,
    "photo": lambda i: photo(padded(enlarged(i))),
    "photo of chalk": lambda i: 255 - photo(padded(enlarged(i))),
    "photo in pencil": lambda i: photo(padded(enlarged(i)), ink=0.65, noise=4),
    "noisy photo": lambda i: photo(padded(enlarged(i)), noise=20),
    "small photo": lambda i: photo(padded(i, 6), noise=3),
    "small on a large page": lambda i: photo(
        np.pad(enlarged(i, 2), ((400, 1000), (900, 500))), noise=4
    ),
    "small on a tile on a large page": lambda i: np.pad(
        np.pad(enlarged(i, 3), 150), ((800, 300), (400, 800)), constant_values=240
    ),
    "with a shadow": lambda i: shaded(photo(padded(enlarged(i)), paper=(200, 240), noise=4)),
    "with dark corners": lambda i: corners(photo(padded(enlarged(i)))),
    "with specks": lambda i: drawn(photo(padded(enlarged(i))), 30, *SPECKS),
    "with dark edges": lambda i: drawn(
        photo(padded(enlarged(i))), 20, (0, 0, 12, 344), (0, 0, 344, 25)
    ),
    "on a dark table": lambda i: np.pad(photo(padded(enlarged(i))), 80, constant_values=30),
    "a tile on a page": lambda i: np.pad(padded(enlarged(i), 20), 100, constant_values=240),
}


def likeness(a, b):
    """The cosine of the angle between two images as vectors, shifted by up to a pixel."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    moves = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return max(float((np.roll(a, move, (0, 1)) * b).sum()) for move in moves)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_digit_is_the_same_in_any_picture(kind):
    """Two digits have a likeness of 0.47 on average; soft and sharp strokes, 0.9 and more."""
    large = [fnn.digit_image(enlarged(image)) for image in DIGITS[:6]]
    found = [fnn.digit_image(kind(image)) for image in DIGITS[:6]]
    alike = [likeness(a, b) for a, b in zip(large, found, strict=True)]
    assert min(alike) > 0.85, alike
    assert np.mean(alike) > 0.94, alike


@pytest.mark.parametrize("kind", ["large", "photo", "inverted"])
def test_the_form_is_that_of_mnist(kind):
    for digit in DIGITS:
        image = fnn.digit_image(KINDS[kind](digit))
        assert (image.shape, image.dtype) == ((SIDE, SIDE), np.uint8)
        assert max(cropped(image).shape) == BOX
        assert image.max() > 200
        assert (image == 0).mean() > 0.5
        mass = image.sum(dtype=float)
        for axis in (0, 1):
            assert image.sum(axis=axis) @ np.arange(SIDE) / mass == pytest.approx(14, abs=0.6)


def test_proportions_are_kept():
    picture = drawn(np.zeros((300, 400), np.uint8), 255, (50, 20, 60, 220), (60, 20, 150, 30))
    assert cropped(fnn.digit_image(picture)).shape == (10, 20)
    assert cropped(fnn.digit_image(np.ascontiguousarray(picture.T))).shape == (20, 10)


@pytest.mark.parametrize("width", [1, 2, 5, 20, 60, 90])
def test_strokes_of_any_width_become_as_wide_as_those_of_mnist(width):
    """An L, 400 pixels high: the ink in a row of its upright is the stroke width in pixels."""
    picture = np.full((600, 600), 255, np.uint8)
    picture = drawn(picture, 0, (100, 200, 500, 200 + width), (500 - width, 200, 500, 420))
    image = fnn.digit_image(picture)
    across = image[8:14].sum(axis=1) / 255
    assert across.min() > 1.2
    assert across.max() < 5.2


@pytest.mark.parametrize("ink", [0, 255])
def test_more_ink_than_paper_is_ink_where_the_border_is_paper(ink):
    ring = drawn(np.full((112, 92), 255 - ink, np.uint8), ink, (6, 6, 106, 86))
    ring = drawn(ring, 255 - ink, (28, 28, 84, 64))
    assert (ring == ink).mean() > 0.55
    image = fnn.digit_image(ring)
    assert image[13:16, 13:16].max() == 0
    assert cropped(image).shape == (20, 16)


@pytest.mark.parametrize(
    "more",
    [(150, 60, 158, 68), (0, 0, 400, 80), (0, 0, 30, 400)],
    ids=["a speck", "a dark side", "a dark top"],
)
def test_what_is_near_but_not_part_of_the_digit_is_left_out(more):
    seven = [(100, 100, 120, 260), (100, 240, 300, 260)]
    whole = drawn(np.full((400, 400), 255, np.uint8), 0, *seven)
    image = fnn.digit_image(whole)
    np.testing.assert_array_equal(fnn.digit_image(drawn(whole, 60, more)), image)


def test_a_broken_stroke_is_kept_and_a_distant_one_is_not():
    seven = [(100, 100, 112, 220), (120, 208, 300, 220)]  # a gap below the bar
    paper = np.full((400, 400), 255, np.uint8)
    whole = drawn(paper, 0, *seven)
    image = fnn.digit_image(whole)
    assert cropped(image).shape == (20, 12)
    assert cropped(image)[0].min() > 150
    far = drawn(whole, 0, (380, 10, 392, 24))
    np.testing.assert_array_equal(fnn.digit_image(far), image)


BLANK = {
    "black": np.zeros((28, 28), np.uint8),
    "white": np.full((50, 80), 255, np.uint8),
    "a pixel": np.full((1, 1), 7, np.uint8),
    "a photo": photo(np.zeros((300, 400))),
    "a noisy photo": photo(np.zeros((300, 400)), noise=20),
    "nearly black": photo(np.full((300, 300), 255), ink=0.02, noise=3),
    "only a shadow": shaded(photo(np.zeros((300, 400)), paper=(200, 240), noise=4)),
    "dark corners": corners(photo(np.zeros((300, 400)), paper=(220, 250), noise=2)),
    "a grey step": np.repeat(np.uint8([[200, 190]]), 30, axis=1).repeat(40, axis=0),
}


@pytest.mark.parametrize("picture", BLANK.values(), ids=BLANK)
def test_a_blank_picture_is_refused(picture):
    with pytest.raises(fnn.InputError, match=r"^the picture is blank or its ink too faint"):
        fnn.digit_image(picture)


@pytest.mark.parametrize(
    "picture",
    [np.zeros((5, 5)), np.zeros((5, 5, 3), np.uint8), np.zeros((0, 5), np.uint8), np.uint8([1])],
)
def test_a_wrong_type_or_shape_is_refused(picture):
    with pytest.raises(fnn.InputError, match=r"expected a grey picture, \(H, W\) of uint8, found"):
        fnn.digit_image(picture)


@settings(max_examples=150)
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
        lambda shape: hnp.arrays(np.uint8, shape, elements=st.sampled_from([0, 9, 128, 250, 255]))
    )
)
def test_any_picture_gives_an_image_or_is_refused_and_is_not_changed(picture):
    before = picture.copy()
    picture.flags.writeable = False
    try:
        image = fnn.digit_image(picture)
    except fnn.InputError:
        return
    finally:
        np.testing.assert_array_equal(picture, before)
    assert (image.shape, image.dtype) == ((SIDE, SIDE), np.uint8)
    assert image.any()
    assert max(cropped(image).shape) <= BOX


def test_a_patch_without_strokes_is_kept():
    """A patch so wide that 6 pixels would be taken off, with a hole in every 7 x 7 pixels."""
    patch = np.ones((20, 20), np.float32)
    patch[6::7, 6::7] = 0
    np.testing.assert_array_equal(with_usual_strokes(patch), patch)


@pytest.mark.parametrize("shape", [(1, 3000), (3000, 1), (2, 5000), (700, 3)])
def test_narrow_pictures(shape):
    random = fnn.keys.generator(1)
    try:
        assert fnn.digit_image(random.integers(0, 256, shape, np.uint8)).any()
    except fnn.InputError as error:
        assert "blank" in str(error)  # noqa: PT017 - both are right


needs_mnist = pytest.mark.skipif(
    "FNN_DATA" not in os.environ or not mnist.has_mnist(REAL),
    reason="FNN_DATA names no directory with the real MNIST",
)


@pytest.fixture(scope="module")
def nearest():
    """Percent of the first n test images, changed by f, that a nearest neighbor recognizes."""
    train, test = mnist.load_mnist(REAL)
    known = train.images[:20000].reshape(-1, 784).astype(np.float32)
    labels, lengths = train.labels[:20000], (known * known).sum(axis=1)

    def right(f, n):
        x = np.stack([f(image) for image in test.images[:n]]).reshape(-1, 784).astype(np.float32)
        answers = labels[(lengths - 2 * x @ known.T).argmin(axis=1)]
        return 100 * float((answers == test.labels[:n]).mean())

    return right


@needs_mnist
def test_images_of_mnist_stay_almost_the_same():
    images = mnist.load_mnist(REAL).test.images[:500]
    apart = [abs(np.int32(fnn.digit_image(image)) - image).mean() for image in images]
    assert np.quantile(apart, 0.95) < 1  # of 255; few images get thinner or thicker strokes


@needs_mnist
@pytest.mark.parametrize(
    ("kind", "n", "points"),
    [("inverted", 1000, 0.3), ("large and inverted", 100, 2), ("photo", 100, 2)],
)
def test_digits_of_mnist_are_recognized_as_well_as_before(nearest, kind, n, points):
    before = nearest(lambda image: image, n)
    assert before > 93
    assert nearest(lambda image: fnn.digit_image(KINDS[kind](image)), n) >= before - points


# the tools


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 6), st.integers(1, 6), st.integers(0, 9)
)
def test_moving_extremes_equal_those_of_loops(height, width, rows, columns, seed):
    x = fnn.keys.generator(seed).integers(0, 50, (height, width))
    for extreme in (np.maximum, np.minimum):
        found = moving(extreme, x, rows, columns)
        for i, j in np.ndindex(height, width):
            top, left = i - rows // 2, j - columns // 2
            window = x[max(top, 0) : top + rows, max(left, 0) : left + columns]
            assert found[i, j] == extreme.reduce(window, axis=None)


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_pieces_equal_those_of_a_flood_fill(mask):
    expected, count = np.zeros(mask.shape, int), 0
    for start in np.argwhere(mask):
        if expected[tuple(start)] == 0:
            count += 1
            wet = [start]
            while wet:
                i, j = wet.pop()
                if mask[i, j] and expected[i, j] == 0:
                    expected[i, j] = count
                    near = np.argwhere(mask[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2])
                    wet += list(near + np.array([max(i - 1, 0), max(j - 1, 0)]))
    np.testing.assert_array_equal(pieces(mask), expected)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30), st.integers(1, 30))
def test_resizing_keeps_a_constant_and_shrinking_keeps_the_mean(height, width, rows, columns):
    np.testing.assert_allclose(
        resampled(np.full((height, width), 3, np.float32), rows, columns), 3, rtol=1e-5
    )
    x = fnn.keys.generator(height).random((height, width), np.float32)
    if rows <= height and columns <= width:
        assert resampled(x, rows, columns).mean() == pytest.approx(x.mean(), rel=1e-4)
    np.testing.assert_allclose(resampled(x, height, width), x, rtol=1e-6)


@pytest.mark.parametrize("shape", [(7, 10), (10, 7), (1, 11), (4, 4)])
def test_blocks_are_means(shape):
    x = fnn.keys.generator(2).integers(0, 256, shape, np.uint8)
    side = -(-max(shape) // 4)
    found = shrunk(x, side)
    for i, j in np.ndindex(found.shape):
        block = x[i * side : (i + 1) * side, j * side : (j + 1) * side]
        assert found[i, j] == pytest.approx(block.mean(), rel=1e-5)
    assert max(found.shape) <= 4


def test_a_blur_is_the_mean_of_nine():
    x = np.arange(12, dtype=np.float32).reshape(3, 4) ** 2
    assert blurred(x)[1, 1] == pytest.approx(x[:3, :3].mean())
    assert blurred(x).shape == x.shape
