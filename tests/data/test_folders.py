"""Directories of pictures: what is a class, what is held out, what is refused, what is kept."""

import os
from pathlib import Path

import numpy as np
import pytest

from fnn.data.catalogue import open_data
from fnn.data.reading import Reading, held_out
from fnn.errors import InputError

Image = pytest.importorskip("PIL.Image", reason="reading images needs pillow")


def picture(path: Path, tone: int = 0, size=(4, 3)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (tone, 9, 0)).save(path, path.suffix[1:].lower().replace("jpg", "jpeg"))
    return path


@pytest.fixture
def photos(root, tmp_path) -> Path:
    """Two classes of ten pictures; the tone of each is its number."""
    for i in range(20):
        picture(tmp_path / "photos" / ("cat", "a dog")[i % 2] / f"{i}.png", i)
    return tmp_path / "photos"


def tones(split) -> list[int]:
    return split.images[:, 0, 0, 0].tolist()


def test_classes_are_directories_and_a_fixed_share_is_held_out(photos, root):
    source = open_data(str(photos))
    assert source.classes == ("a dog", "cat")
    for split, n in zip(source.data, (16, 4), strict=True):
        assert split.images.shape == (n, 3, 4, 3)
        assert np.bincount(split.labels).tolist() == [n // 2] * 2
        assert [tone % 2 for tone in tones(split)] == (1 - split.labels).tolist()
    assert sorted(tones(source.data.train) + tones(source.data.test)) == list(range(20))
    assert len(list((root / ".parsed").iterdir())) == 2
    for split in ("train", "test"):
        alone = open_data(str(photos), split)
        assert tones(alone.data) == tones(getattr(source.data, split))
        assert alone.classes == source.classes
    more = open_data(str(photos), "test", reading=Reading(test_share=0.5)).data
    assert len(more.labels) == 10
    assert set(tones(source.data.test)) < set(tones(more))


@pytest.mark.parametrize("share", [None, 0.001, 0.5, 0.999])
def test_something_of_each_class_stays_for_training(share):
    labels = np.repeat(np.arange(4), [1, 2, 3, 50])
    held = np.bincount(labels[held_out(labels, share)], minlength=4)
    assert held[0] == 0
    assert (held[1:] >= 1).all()
    assert (held < [1.5, 2, 3, 50]).all()


def test_only_changed_directories_are_read_again(photos, monkeypatch):
    open_data(str(photos))
    opened = []
    monkeypatch.setattr(Image, "open", lambda *a, **k: opened.append(a) or real(*a, **k))
    assert open_data(str(photos)).data.train.images.shape == (16, 3, 4, 3)
    assert not opened
    (photos / "notes").write_text("of no use")
    open_data(str(photos))
    assert not opened
    picture(photos / "cat" / "0.png", 77)
    assert 77 in tones(open_data(str(photos)).data.train) + tones(open_data(str(photos)).data.test)
    picture(photos / "cat" / "new.png", 78)
    assert sum(len(s.labels) for s in open_data(str(photos)).data) == 21
    (photos / "cat" / "0.png").unlink()
    assert sum(len(s.labels) for s in open_data(str(photos)).data) == 20


real = Image.open


def test_train_and_test(root, tmp_path):
    for i, place in enumerate(("train/a", "train/b", "test/b", "train/a/deep/er")):
        picture(tmp_path / "x" / place / "1.JPG", i)
    (tmp_path / "x" / "test" / "a").mkdir()
    picture(tmp_path / "x" / "val" / "a" / "1.png")
    said = []
    source = open_data(str(tmp_path / "x"), say=said.append)
    assert source.classes == ("a", "b")
    assert source.data.train.labels.tolist() == [0, 0, 1]
    assert source.data.test.labels.tolist() == [1]
    assert said == [f"fnn: {tmp_path}/x: left out: 1 entries that are no pictures of a class, "
                    f"such as {tmp_path}/x/val"]  # fmt: skip
    with pytest.raises(InputError, match=r"--test-share: .* test images of its own"):
        open_data(str(tmp_path / "x"), reading=Reading(test_share=0.5))
    picture(tmp_path / "x" / "test" / "c" / "1.png")
    with pytest.raises(InputError, match=r"test/c: a class that is not in .*x/train"):
        open_data(str(tmp_path / "x"))


def test_hidden_files_are_passed_over_and_others_counted(photos):
    for name in (".DS_Store", ".x.png", "cat/Thumbs.db", "cat/desktop.ini", "__MACOSX/cat/._1.png"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(b"x")
    said = []
    open_data(str(photos), say=said.append)
    assert said == []
    for name in ("readme.md", "cat/notes.txt", "cat/list"):
        (photos / name).write_bytes(b"x")
    os.mkfifo(photos / "cat" / "pipe.png")
    (photos / "cat" / "dangling.png").symlink_to("absent")
    (photos / "cat" / "self.png").symlink_to("self.png")
    open_data(str(photos), say=said.append)
    assert len(said) == 1
    assert "left out: 6 entries that are no pictures" in said[0]


def test_links_are_followed_once(photos, tmp_path):
    (photos / "cat" / "loop").symlink_to(photos / "cat")
    picture(tmp_path / "elsewhere" / "new.png")
    (photos / "linked").symlink_to(tmp_path / "elsewhere")
    picture(tmp_path / "elsewhere" / "new2.png")
    source = open_data(str(photos))
    assert source.classes == ("a dog", "cat", "linked")
    assert sum(len(s.labels) for s in source.data) == 22


@pytest.mark.parametrize("name", ["Käse", "a\nb", "\x1b[31m", "\udcff", "x" * 200, "%s", "日本"])
def test_odd_names_are_shown_in_one_line(photos, name):
    picture(photos / name / f"{name[:9]}.png")
    picture(photos / name / "2.png")
    names = open_data(str(photos)).classes
    assert len(names) == 3
    assert all(n.isprintable() and len(n) <= 90 for n in names)


def only(directory: Path, *places: str) -> None:
    for place in places:
        picture(directory / place)


REFUSED = {
    "one class": (["a/1.png"], "holds one class, a; expected a sub-directory of pictures"),
    "loose": (["1.png", "2.png"], "lie in no sub-directory; expected a sub-directory"),
    "train alone": (["train/a/1.png", "train/b/1.png"], "train without test; name"),
    "train and val": (["train/a/1.png", "val/a/1.png"], "train without test; name"),
    "singles": (["a/1.png", "b/1.png"], "there are no test images; of two or more"),
    "no class": (["train/1.png", "test/a/1.png"], "x/train: its pictures lie in no sub-directory"),
    "no test": (["train/a/1.png", "train/b/1.png", "test/1.png"], "test: there are no test images"),
    "many": ([f"{i}/1.png" for i in range(257)], "holds 257 classes, expected at most 256"),
}


@pytest.mark.parametrize(("places", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_directories(root, tmp_path, places, words):
    only(tmp_path / "x", *places)
    with pytest.raises(InputError, match=words) as error:
        open_data(str(tmp_path / "x"), say=lambda line: None)
    assert str(tmp_path / "x") in str(error.value)


def test_a_class_without_pictures(photos):
    (photos / "empty").mkdir()
    with pytest.raises(InputError, match=r"photos/empty: there are no pictures of this class; add"):
        open_data(str(photos))


def test_broken_pictures_stop_or_are_named_and_skipped(photos):
    for i in range(12):
        (photos / "cat" / f"broken{i:02}.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"cat/broken\d\d\.png: not an image .*--broken skip"):
        open_data(str(photos))
    said = []
    skip = Reading(broken="skip", test_share=0.01)
    source = open_data(str(photos), say=said.append, reading=skip)
    assert sum(len(s.labels) for s in source.data) in (19, 20)
    assert sum("not an image" in line for line in said) == 10 + (len(source.data.test.labels) < 2)
    assert any("pictures are broken" in line for line in said)
    again = []
    open_data(str(photos), say=again.append, reading=skip)
    assert again == [line for line in said if "pictures are broken" in line]


def test_a_class_whose_pictures_are_all_broken(photos):
    (photos / "none").mkdir()
    for i in range(3):
        (photos / "none" / f"{i}.png").write_bytes(b"x")
    with pytest.raises(InputError, match="no training picture of none can be read"):
        open_data(str(photos), say=lambda line: None, reading=Reading(broken="skip"))


def test_sizes_and_colors(photos):
    sized = open_data(str(photos), "test", reading=Reading(size=(6, 5), colors="grey")).data
    assert sized.images.shape == (4, 6, 5)
    shaped = open_data(str(photos), "test", reading=Reading(shape=(7, 8, 3))).data
    assert shaped.images.shape == (4, 7, 8, 3)
    both = open_data(str(photos), "test", reading=Reading(colors="grey", shape=(7, 8, 3))).data
    assert both.images.shape == (4, 7, 8)
    picture(photos / "cat" / "other.png", size=(9, 9))
    with pytest.raises(InputError, match=r"has 3x4, .*other\.png has 9x9: give the size"):
        open_data(str(photos))


def test_what_does_not_apply_is_refused(photos, root, write_set):
    write_set(root / "set")
    for choice in ("digits", "mnist", None, str(root / "set")):
        with pytest.raises(InputError, match=r"--size: .* leave it out"):
            open_data(choice, reading=Reading(size=(2, 2)))
    with pytest.raises(InputError, match=r"--arrays: .* for an \.npz file"):
        open_data(str(photos), reading=Reading(arrays=("x", "y")))
