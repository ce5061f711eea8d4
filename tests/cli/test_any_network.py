"""From end to end: a network that no one named learns one's own pictures, by the programs alone."""

from pathlib import Path

import numpy as np
import pytest
from own_layer import FILE

import fnn

image = pytest.importorskip("PIL.Image", reason="pictures need pillow")

MINE = (
    FILE
    + """

def net(classes):
    branches = fnn.concatenate(fnn.conv(4, size=(1, 3)), fnn.conv(4, size=(3, 1)), fnn.identity())
    return fnn.serial(
        fnn.conv(4, stride=4), branches, fnn.residual(fnn.conv(12), tanh()),
        fnn.global_avg_pool(), fnn.dense(classes),
    )


def plain(classes):
    branches = fnn.concatenate(fnn.conv(4, size=(1, 3)), fnn.conv(4, size=(3, 1)), fnn.identity())
    return fnn.serial(
        fnn.conv(4, stride=4), branches, fnn.residual(fnn.conv(12), fnn.silu()),
        fnn.global_avg_pool(), fnn.dense(classes),
    )
"""
)
COLORS = {
    "blue sky": (30, 60, 220),
    "grass": (40, 200, 50),
    "rust": (200, 60, 30),
    "snow": (235,) * 3,
}


@pytest.fixture
def photos(tmp_path) -> Path:
    """A directory of 4 classes with 25 pictures of 64 x 48 each, noisy and of one color."""
    (tmp_path / "mine.py").write_text(MINE)
    for k, (name, color) in enumerate(COLORS.items()):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        noise = fnn.keys.generator(k).integers(-20, 21, (25, 64, 48, 3))
        for i, pixels in enumerate((np.array(color) + noise).clip(0, 255).astype(np.uint8)):
            image.fromarray(pixels).save(folder / f"{i}.png")
    return tmp_path / "photos"


def test_a_network_with_a_layer_of_ones_own_learns_pictures(run, photos):
    own = ("--model", "mine.py:net")
    args = ("--data", photos, *own, "--batch-size", 10, "--lr", 0.02)
    done = run("fnn-train", *args, "--epochs", 2, "--run", "r")
    assert done.returncode == 0, done.stderr
    assert "mine.py:net, which learns from 80 images of photos" in done.stderr
    assert run("fnn-train", *args, "--epochs", 2, "--out", "whole.npz").returncode == 0
    assert Path("r/params.npz").read_bytes() == Path("whole.npz").read_bytes()
    done = run("fnn-train", "--resume", "r", "--epochs", 12, *own)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 10
    given = ("--params", "r", *own)
    done = run("fnn-eval", "--data", photos, *given)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[1].rstrip(":")) > 0.9
    assert all(name in done.stdout for name in COLORS)
    done = run("fnn-show", "--data", photos, "--mistakes", *given, "--out", "a.png")
    assert done.returncode == 0, done.stderr
    assert Path("a.png").exists() or "there is nothing to show" in done.stderr
    pixels = np.full((300, 500, 3), COLORS["grass"], np.uint8)  # a photo of another size
    image.fromarray(pixels).save("photo.jpg")
    done = run("fnn-predict", "--image", "photo.jpg", *given, "--top", 2)
    assert done.stdout.startswith("grass "), done.stderr
    done = run("fnn-predict", "--data", photos, *given, stdin="0\n19\n")
    assert done.stdout == "blue sky\nsnow\n"


def test_a_network_of_fnns_layers_needs_no_code_afterwards(run, photos):
    args = ("--data", photos, "--batch-size", 10, "--lr", 0.02, "--epochs", 10)
    assert run("fnn-train", *args, "--model", "mine.py:plain").returncode == 0
    Path("mine.py").unlink()
    done = run("fnn-eval", "--data", photos)
    assert float(done.stdout.split()[1].rstrip(":")) > 0.9, done.stderr
    found = fnn.load_recognizer("params.npz")
    assert found.spec.names == tuple(COLORS)
    assert found.spec.shape == (64, 48, 3)
    # Only some of the classes, in a set of their own, keep their names.
    (photos / "grass").rename(photos.parent / "grass")
    Path("some").mkdir()
    Path("grass").rename("some/grass")
    (photos / "snow").rename("some/snow")
    done = run("fnn-eval", "--data", "some")
    assert float(done.stdout.split()[1].rstrip(":")) > 0.9, done.stderr


def test_classes_that_the_network_does_not_know_are_refused(run, photos, refused):
    args = ("--data", photos, "--epochs", 1)
    assert run("fnn-train", *args, "--model", "mine.py:plain").returncode == 0
    (photos / "grass").rename(photos / "gras")
    for program in ("fnn-eval", "fnn-loss", "fnn-predict"):
        more = ("--batch-size", 5) if program == "fnn-loss" else ()
        done = run(program, "--data", photos, *more, stdin="0\n")
        refused(done, "images of 'gras'", "did you mean grass?")


def test_class_names_are_shown_for_known_data_sets(run):
    args = ("--data", "colors", "--params", "random", "--top", 10)
    names = fnn.open_data("colors", "test").classes
    done = run("fnn-predict", *args, stdin="0\n")
    assert all(f"{name} 0." in done.stdout for name in names), done.stderr
