"""Picture files of any mode and size as images of one size."""

import numpy as np
import pytest

import fnn
from fnn.data.pictures import read_picture, usual_shape
from fnn.errors import InputError

Image = pytest.importorskip("PIL.Image", reason="reading images needs pillow")

RNG = np.random.default_rng(0)
COLOR = RNG.integers(0, 256, (6, 8, 3), np.uint8)
GREY = COLOR[..., 0]
HALVES = np.kron(np.uint8([[0, 255]]), np.ones((16, 16), np.uint8))


def save(path, array, mode=None, **options):
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "webp"])
def test_a_picture_of_that_size_keeps_every_bit(tmp_path, ending):
    path = save(tmp_path / f"x.{ending}", COLOR, **({"lossless": True} if ending == "webp" else {}))
    np.testing.assert_array_equal(read_picture(path, (6, 8, 3)), COLOR, strict=True)
    np.testing.assert_array_equal(fnn.read_images([path, path]), np.stack([COLOR] * 2))


def test_grey_is_stored_or_made(tmp_path):
    grey, color = save(tmp_path / "g.png", GREY), save(tmp_path / "c.png", COLOR)
    np.testing.assert_array_equal(read_picture(grey, (6, 8, 1))[..., 0], GREY)
    np.testing.assert_array_equal(read_picture(grey, (6, 8, 3))[..., 2], GREY)
    assert fnn.read_images([grey]).shape == (1, 6, 8)
    assert fnn.read_images([grey, color]).shape == (2, 6, 8, 3)
    assert fnn.read_images([color], colors="grey").shape == (1, 6, 8)
    made = read_picture(color, (6, 8, 1))[..., 0]
    assert abs(made - COLOR @ [0.299, 0.587, 0.114]).max() <= 1


# the same halves, black and white, in every mode that a file can have
MODES = {
    "bits": ("1", "png"), "palette": ("P", "png"), "grey and alpha": ("LA", "png"),
    "alpha": ("RGBA", "png"), "four inks": ("CMYK", "jpg"), "jpeg": ("RGB", "jpg"),
    "gif": ("L", "gif"), "tiff of inks": ("CMYK", "tif"), "16 bits": ("I;16", "png"),
}  # fmt: skip


@pytest.mark.parametrize(("mode", "ending"), MODES.values(), ids=MODES)
@pytest.mark.parametrize("channels", [1, 3])
def test_modes(tmp_path, mode, ending, channels):
    if mode == "I;16":
        path = save(tmp_path / "x.png", HALVES.astype(np.uint16) * 257)
    else:
        path = save(tmp_path / f"x.{ending}", HALVES, mode)
    found = read_picture(path, (16, 32, channels))
    assert found.shape == (16, 32, channels)
    assert abs(found - HALVES[..., None].astype(int)).max() < 8
    assert usual_shape([path], None, None, pytest.fail) == (16, 32, 1)


def test_a_grey_palette_and_equal_channels_are_grey_one_color_is_not(tmp_path):
    same = save(tmp_path / "a.png", np.stack([GREY] * 3, axis=-1))
    assert fnn.read_images([same]).shape == (1, 6, 8)
    one = np.stack([GREY] * 3, axis=-1)
    one[5, 7, 1] ^= 1
    assert fnn.read_images([same, save(tmp_path / "b.png", one)]).shape == (2, 6, 8, 3)


def test_transparent_parts_are_white(tmp_path):
    alpha = np.dstack([COLOR, np.full((6, 8), 255, np.uint8)])
    alpha[:3, :, 3] = 0
    found = read_picture(save(tmp_path / "x.png", alpha), (6, 8, 3))
    assert (found[:3] == 255).all()
    np.testing.assert_array_equal(found[3:], COLOR[3:])


@pytest.mark.parametrize(("height", "width"), [(20, 60), (60, 20), (40, 40), (7, 23)])
def test_the_middle_is_cut_out_and_keeps_its_proportions(tmp_path, height, width):
    side = min(height, width)
    picture = np.full((height, width), 255, np.uint8)
    top, left = (height - side) // 2, (width - side) // 2
    picture[top : top + side, left : left + side] = 100
    found = read_picture(save(tmp_path / "x.png", picture), (side, side, 1))
    assert (found == 100).all()
    small = read_picture(tmp_path / "x.png", (5, 5, 1))
    assert abs(small[1:-1, 1:-1].astype(int) - 100).max() <= 3


def test_jpeg_is_decoded_smaller_with_the_same_result(tmp_path):
    ramp = np.tile(np.arange(256, dtype=np.uint8).repeat(4), (800, 1))
    found = read_picture(save(tmp_path / "x.jpg", ramp, quality=95), (10, 16, 1))[..., 0]
    exact = read_picture(save(tmp_path / "x.png", ramp), (10, 16, 1))[..., 0]
    assert abs(found.astype(int) - exact).max() <= 2


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
def test_exif_turns_before_the_size_is_compared(tmp_path, ending):
    exif = Image.Exif()
    exif[0x112] = 6
    path = tmp_path / f"x.{ending}"
    Image.fromarray(HALVES).rotate(90, expand=True).save(path, exif=exif, quality=95)
    upright = save(tmp_path / "upright.png", HALVES)
    assert abs(fnn.read_images([path, upright])[0].astype(int) - HALVES).max() < 12


def test_the_first_frame(tmp_path):
    first = Image.fromarray(HALVES)
    first.save(tmp_path / "x.gif", save_all=True, append_images=[first.rotate(180)])
    np.testing.assert_array_equal(fnn.read_images([tmp_path / "x.gif"])[0], HALVES)


BAD = {
    "empty": (b"", "not an image"),
    "text": (b"hello\n", "not an image that can be read; expected PNG, JPEG"),
    "cut": (None, "cannot be read or is damaged"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image"),
}


@pytest.mark.parametrize(("data", "words"), BAD.values(), ids=BAD)
def test_broken_files_are_named(tmp_path, data, words):
    whole = save(tmp_path / "y.png", RNG.integers(0, 256, (40, 40, 3), np.uint8)).read_bytes()
    path = tmp_path / "x.png"
    path.write_bytes(whole[: len(whole) // 2] if data is None else data)
    for size in (None, 4):
        with pytest.raises(InputError, match=rf"x\.png: {words}"):
            fnn.read_images([path], size)


def test_what_is_asked_for_must_make_sense(tmp_path):
    path, other = save(tmp_path / "x.png", COLOR), save(tmp_path / "y.png", COLOR[:5])
    with pytest.raises(InputError, match=r"x\.png has 6x8, .*y\.png has 5x8: give the size"):
        fnn.read_images([path, other])
    assert fnn.read_images([path, other], (3, 2)).shape == (2, 3, 2, 3)
    with pytest.raises(InputError, match="none can be read"):
        fnn.read_images([])
    with pytest.raises(InputError, match="there is no such file"):
        fnn.read_images([tmp_path / "absent"])
    with pytest.raises(InputError, match="choose a smaller --size"):
        fnn.read_images([path] * 10, 50_000)
    for size in (0, (3, -1)):
        with pytest.raises(ValueError, match="expected at least 1"):
            fnn.read_images([path], size)
    with pytest.raises(ValueError, match="grey or rgb"):
        fnn.read_images([path], colors="gray")
    with pytest.raises(TypeError, match="list of paths"):
        fnn.read_images(str(path))
    for shape in ((6, 8), (6, 8, 2), (0, 8, 1)):
        with pytest.raises(ValueError, match="expected a shape"):
            read_picture(path, shape)


def test_a_damaged_tiff_says_nothing_by_itself(tmp_path, capfd):
    data = bytearray(save(tmp_path / "x.tif", COLOR, compression="tiff_lzw").read_bytes())
    data[12:40] = b"\xff" * 28
    (tmp_path / "x.tif").write_bytes(data)
    with pytest.raises(InputError, match=r"x\.tif: "):
        read_picture(tmp_path / "x.tif", (6, 8, 3))
    assert capfd.readouterr() == ("", "")
