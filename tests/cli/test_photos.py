"""fnn-predict --image: numbers, what the network saw, and what it refuses."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from fnn.data.synthetic import digits
from fnn.kernels.raster import resampled

Image = pytest.importorskip("PIL.Image", reason="reading images needs pillow")
MADE = digits(5, 20)
MANY = "--params", "pretrained", "--many", "--image"


def large(i):
    image = np.float32(MADE.images[i].reshape(28, 28))
    return np.pad(resampled(image, 140, 140).astype(np.uint8), 20)


def write(path, *which):
    picture = 255 - np.hstack([large(i) for i in which])
    Image.fromarray(picture).save(path)


@pytest.fixture
def number(empty):
    write("number.png", 0, 1, 2)
    write("one.png", 3)
    return "".join(str(MADE.labels[i]) for i in range(3)), str(MADE.labels[3])


def test_a_number_is_refused_unless_it_is_asked_for(run, refused, number):
    done = run("fnn-predict", "--params", "pretrained", "--image", "number.png")
    refused(done, "number.png: the picture shows 3 digits side by side")
    assert "--many" in done.stderr
    done = run("fnn-predict", "--params", "pretrained", "--many", "--image", "number.png")
    assert (done.returncode, done.stdout) == (0, f"{number[0]}\n")
    done = run(
        "fnn-predict", "--params", "pretrained", "--many", "--image", "one.png", "number.png"
    )
    assert done.stdout == f"one.png: {number[1]}\nnumber.png: {number[0]}\n"


def test_a_number_with_probabilities(run, number):
    pretrained = "fnn-predict", "--params", "pretrained", "--many"
    done = run(*pretrained, "--top", 2, "--image", "number.png")
    parts = done.stdout.strip().split("  |  ")
    assert "".join(part[0] for part in parts) == number[0]
    assert all(len(part.split()) == 4 for part in parts)
    told = json.loads(run(*pretrained, "--json", "--image", "number.png").stdout)
    assert (told["file"], told["number"]) == ("number.png", number[0])
    assert [one["class"] for one in told["digits"]] == list(number[0])
    assert sum(told["digits"][0]["probabilities"].values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "files", [["one.png"], ["number.png", "one.png"], ["blank.png", "one.png"]]
)
def test_what_the_network_saw(run, number, files):
    Image.fromarray(np.full((60, 40), 250, np.uint8)).save("blank.png")
    run("fnn-predict", "--params", "pretrained", "--many", "--image", *files, "--seen", "seen.png")
    with Image.open("seen.png") as page:
        seen = np.asarray(page.convert("RGB"))
    rows = len(files) - files.count("blank.png")
    assert seen.shape[0] == rows * 232 + 8
    assert (seen == 0).all(axis=2).mean() > 0.1  # the black of MNIST's images


def test_the_picture_of_a_refused_scrawl_is_written_too(run, refused, empty):
    sign = np.full((200, 200), 255, np.uint8)
    for place in (60, 130):
        sign[30:170, place : place + 11] = sign[place : place + 11, 30:170] = 0
    Image.fromarray(sign).save("sign.png")
    done = run("fnn-predict", "--params", "pretrained", "--image", "sign.png", "--seen", "s.png")
    refused(done, "sign.png: no digit is recognized: it looks like")
    assert Path("s.png").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--many"], "--many: is for pictures"),
        (["--seen", "x.png"], "--seen: is for pictures"),
        (["--image", "one.png", "--seen", "absent/x.png"], "absent/x.png: there is no directory"),
        (["--image", "one.png", "--seen", "."], "is a directory"),
    ],
)
def test_bad_arguments(run, refused, number, args, message):
    refused(run("fnn-predict", "--params", "pretrained", *args, stdin="1\n"), message)


def test_numbers_are_for_networks_of_digits(run, refused, number):
    assert run("fnn-train", "--data", "colors", "--epochs", 1, "--hidden", 3).returncode == 0
    refused(run("fnn-predict", "--many", "--image", "one.png"), "--many: the network is not one")


@pytest.mark.parametrize(
    ("brand", "name"), [(b"heic", "HEIC"), (b"mif1", "HEIC"), (b"avif", "AVIF")]
)
def test_a_phones_format_is_named_with_what_to_do(run, refused, empty, monkeypatch, brand, name):
    Path("photo.heic").write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(40))
    done = run("fnn-predict", "--params", "pretrained", "--image", "photo.heic")
    refused(done, f"photo.heic: is a {name} file")
    assert "save it as JPEG" in done.stderr


@pytest.mark.parametrize("kind", ["tiff", "png", "bmp", "webp"])
def test_formats(run, number, kind):
    with Image.open("one.png") as image:
        buffer = io.BytesIO()
        image.save(buffer, kind)
    Path("again").write_bytes(buffer.getvalue())
    done = run("fnn-predict", "--params", "pretrained", "--image", "again")
    assert done.stdout == f"{number[1]}\n"


def test_red_on_blue_is_read(run, number):
    share = large(3)[..., None] / 255
    picture = np.array((40, 60, 230)) * (1 - share) + np.array((200, 30, 30)) * share
    Image.fromarray(picture.astype(np.uint8)).save("colors.png")
    done = run("fnn-predict", "--params", "pretrained", "--image", "colors.png")
    assert done.stdout == f"{number[1]}\n"
