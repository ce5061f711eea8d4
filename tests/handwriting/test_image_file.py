import io
import sys
import warnings

import numpy as np
import pytest

from fnn.errors import InputError
from fnn.handwriting.image_file import MOST, read_grey

Image = pytest.importorskip("PIL.Image", reason="reading images needs pillow")

# tones that every mode and format can hold, in areas large enough for JPEG
TONES = np.kron(np.uint8([[0, 255, 255], [255, 255, 0]]), np.ones((16, 16), np.uint8))
GREY = Image.fromarray(TONES)
WAYS = {
    "grey": ("L", "png"),
    "bits": ("1", "png"),
    "palette": ("P", "png"),
    "color": ("RGB", "png"),
    "jpeg": ("RGB", "jpg"),
    "grey jpeg": ("L", "jpg"),
    "four inks": ("CMYK", "jpg"),
    "gif": ("L", "gif"),
    "bmp": ("RGB", "bmp"),
    "webp": ("RGB", "webp"),
    "opaque": ("RGBA", "png"),
}


def close(path, expected=TONES):
    found = read_grey(path)
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    assert abs(found.astype(int) - expected).max() < 12


@pytest.mark.parametrize(("mode", "ending"), WAYS.values(), ids=WAYS)
def test_modes_and_formats(tmp_path, mode, ending):
    path = tmp_path / f"x.{ending}"
    GREY.convert(mode).save(path, quality=95)
    close(path)


def test_the_file_name_does_not_matter(tmp_path):
    GREY.save(tmp_path / "x", "PNG")
    close(tmp_path / "x")


def test_sixteen_bits_are_scaled(tmp_path):
    Image.fromarray(np.uint16([[0, 257 * 100, 65535]])).save(tmp_path / "x.png")
    assert read_grey(tmp_path / "x.png").tolist() == [[0, 100, 255]]


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_turned_photo_is_upright(tmp_path, ending):
    exif = Image.Exif()
    exif[0x112] = 6  # rotate by 90 degrees clockwise to see it upright
    GREY.rotate(90, expand=True).save(tmp_path / f"x.{ending}", exif=exif, quality=95)
    close(tmp_path / f"x.{ending}")


def test_an_animation_gives_its_first_frame(tmp_path):
    GREY.save(tmp_path / "x.gif", save_all=True, append_images=[GREY.rotate(180)])
    close(tmp_path / "x.gif")


@pytest.mark.parametrize("tone", [0, 255])
def test_ink_without_paper_is_light_on_black(tmp_path, tone):
    ink = Image.new("LA", GREY.size, tone)
    ink.putalpha(Image.fromarray(255 - TONES))
    ink.save(tmp_path / "x.png")
    close(tmp_path / "x.png", 255 - TONES)


def test_round_corners_take_the_tone_of_the_paper(tmp_path):
    alpha = np.full(TONES.shape, 255, np.uint8)
    alpha[:5, :5] = 0
    picture = Image.merge("LA", [GREY, Image.fromarray(alpha)])
    picture.save(tmp_path / "x.png")
    expected = TONES.copy()
    expected[:5, :5] = 255
    close(tmp_path / "x.png", expected)


def png_of(width, height):
    """A PNG whose header claims this size."""
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG")
    data = file.getvalue()
    head = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + data[24:29]
    import zlib

    return data[:12] + head + zlib.crc32(head).to_bytes(4, "big") + data[33:]


@pytest.mark.parametrize(
    "size", [(8001, 8000), (9500, 9500), (60_000, 60_000), (1, MOST + 1), (2**31 - 1, 2**31 - 1)]
)
def test_more_pixels_than_there_is_memory_for(tmp_path, size):
    (tmp_path / "x.png").write_bytes(png_of(*size))
    with warnings.catch_warnings(), pytest.raises(InputError, match=r"x\.png: .* pixels"):
        read_grey(tmp_path / "x.png")


def test_damaged_files(tmp_path):
    path = tmp_path / "x.jpg"
    noise = np.random.Generator(np.random.Philox(0)).integers(0, 256, (90, 90), np.uint8)
    for ending in ("png", "jpg", "gif", "bmp", "webp"):
        file = io.BytesIO()
        Image.fromarray(noise).convert("RGB").save(file, {"jpg": "jpeg"}.get(ending, ending))
        path.write_bytes(file.getvalue()[: len(file.getvalue()) // 2])
        with pytest.raises(InputError, match=r"x\.jpg: (cannot be read|not an image)"):
            read_grey(path)


@pytest.mark.parametrize("data", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\x89PNG\r\n"])
def test_not_an_image(tmp_path, data):
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(InputError, match="not an image that can be read; expected PNG, JPEG"):
        read_grey(tmp_path / "x.png")


def test_not_a_file(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_grey(tmp_path / "absent.png")
    with pytest.raises(InputError, match="is a directory"):
        read_grey(tmp_path)
    with pytest.raises(InputError, match="not a regular file"):
        read_grey("/dev/null")


def test_without_pillow_one_line_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(InputError, match=r"needs pillow \(.*\): pip install pillow"):
        read_grey(tmp_path / "x.png")
