"""The answer to pixels is that to a file with these pixels, and what the page is told is JSON."""

import io
import json
from base64 import b64decode

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import fnn
from fnn.data.pictures import read_picture
from fnn.data.synthetic import digits
from fnn.errors import InputError
from fnn.files.picture import without_transparency
from fnn.handwriting.color import brightness
from fnn.handwriting.image_file import read_grey
from fnn.losses import softmax
from fnn.models import Spec
from fnn.recognizer.picture import input_from_file, input_from_pixels, reads_digits
from fnn.recognizer.recognizer import untrained
from fnn.serve.answer import MOST, about, loaded, png, reply

Image = pytest.importorskip("PIL.Image", reason="compared with pillow")

FOUND = untrained(Spec("mlp", (28, 28, 1), 10, {}))
COLORS = untrained(Spec("mlp", (6, 5, 3), 3, {}, names=("cat", "dog", "a horse")))
GREYS = untrained(Spec("mlp", (6, 5, 1), 2, {}, names=("no", "yes")))


def drawn(side=60, dark=True):
    """A picture of a digit, (H, W, 4)."""
    image = np.kron(digits(1, 4).images[2].reshape(28, 28), np.ones((side // 28, side // 28)))
    tone = (255 - image if dark else image).astype(np.uint8)
    return np.dstack([tone, tone, tone, np.full_like(tone, 255)])


def told(found, pixels):
    return json.loads(reply(found, *pixels.shape[:2], pixels.tobytes()))


@given(arrays(np.uint8, st.tuples(*[st.integers(1, 6)] * 2, st.just(3))))
def test_brightness_is_that_of_pillow(pixels):
    expected = np.asarray(Image.fromarray(pixels, "RGB").convert("L"))
    np.testing.assert_array_equal(brightness(pixels), expected)


def test_a_faint_opaque_picture_is_not_taken_for_ink_without_paper(tmp_path):
    tone = np.full((40, 40), 230, np.uint8)
    tone[10:30, 18:22] = 205
    pixels = np.dstack([tone, tone, tone, np.full_like(tone, 255)])
    Image.fromarray(pixels, "RGBA").save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_grey(tmp_path / "x.png"), tone)
    np.testing.assert_array_equal(without_transparency(pixels), pixels[..., :3])


@pytest.mark.parametrize("found", [FOUND, COLORS, GREYS], ids=["digits", "colors", "greys"])
@pytest.mark.parametrize("mode", ["RGBA", "RGB"])
def test_pixels_are_as_good_as_their_file(tmp_path, found, mode):
    pixels = drawn(84)
    pixels[..., 0] //= 2
    if mode == "RGBA":
        pixels[:3, :, 3] = 0
    Image.fromarray(pixels, "RGBA").convert(mode).save(tmp_path / "x.png")
    np.testing.assert_array_equal(
        input_from_pixels(found.spec, pixels), input_from_file(found.spec, str(tmp_path / "x.png"))
    )


@pytest.mark.parametrize("found", [FOUND, COLORS, GREYS], ids=["digits", "colors", "greys"])
def test_an_answer_is_what_the_library_says(found):
    pixels = drawn()
    images = input_from_pixels(found.spec, pixels)
    answer = told(found, pixels)
    expected = softmax(fnn.recognize(found, images).astype(float))[0]
    np.testing.assert_array_equal(answer["probabilities"], expected)
    kind, data = answer["seen"].split(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(b64decode(data))) as seen:
        np.testing.assert_array_equal(np.asarray(seen), np.squeeze(images))


@given(
    st.sampled_from([(1, 1), (5, 3), (2, 9, 1), (4, 7, 3)]).flatmap(lambda s: arrays(np.uint8, s))
)
def test_png(image):
    with Image.open(io.BytesIO(png(image))) as seen:
        seen.load()
        np.testing.assert_array_equal(
            np.asarray(seen),
            np.squeeze(image, tuple(range(2, 3)) if image.shape[2:] == (1,) else ()),
        )


def test_what_is_no_digit_is_refused_in_words():
    blank = np.full((50, 50, 4), 255, np.uint8)
    assert "the picture is blank" in told(FOUND, blank)["refused"]


def test_a_network_that_diverged_is_refused_in_words():
    broken = FOUND._replace(params=fnn.tree.map(lambda w: w * np.float32(np.nan), FOUND.params))
    assert "diverged" in told(broken, drawn())["refused"]


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(0, 5, 0), (5, 0, 0), (2, 2, 15), (2, 2, 17), (-1, -4, 16), (2**30, 2**30, 16),
     (1449, 1449, 4 * 1449**2)],
)  # fmt: skip
def test_wrong_sizes(height, width, size):
    with pytest.raises(InputError, match=rf"{height} x {width} pixels in {size} bytes"):
        reply(FOUND, height, width, bytes(size))


def test_the_largest_picture_is_answered():
    side = 1448
    assert 4 * side**2 <= MOST < 4 * (side + 1) ** 2
    assert "refused" in json.loads(reply(FOUND, side, side, bytes(4 * side**2)))


def test_what_the_page_is_told():
    assert json.loads(about(FOUND, "So.")) == {
        "digits": True, "names": list("0123456789"), "about": "So."}  # fmt: skip
    assert json.loads(about(COLORS))["names"] == ["cat", "dog", "a horse"]
    assert not json.loads(about(COLORS))["digits"]
    assert not reads_digits(GREYS.spec)


def test_the_reply_of_a_file(tmp_path):
    path = tmp_path / "x.npz"
    fnn.save_recognizer(path, FOUND.spec, FOUND.params, FOUND.state)
    pixels = drawn()
    again = loaded(str(path))(*pixels.shape[:2], memoryview(pixels.tobytes()))
    assert json.loads(again) == told(FOUND, pixels)


def test_read_picture_and_pixels_agree_on_scaling(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (31, 17, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    Image.fromarray(pixels, "RGBA").save(tmp_path / "x.png")
    np.testing.assert_array_equal(
        input_from_pixels(COLORS.spec, pixels)[0], read_picture(tmp_path / "x.png", (6, 5, 3))
    )
