"""fnn-show, and the sheets of images it draws."""

import sys

import numpy as np
import pytest

import fnn
from fnn import tree
from fnn.cli import figures, show
from fnn.cli.inputs import find_recognizer
from fnn.data.catalogue import Source
from fnn.data.mnist import load_mnist
from fnn.models import Spec
from fnn.plots import Card, sheet
from fnn.plots.cards import columns_of
from fnn.recognizer.recognizer import save_recognizer, untrained

image = pytest.importorskip("matplotlib.image", reason="pictures need matplotlib")


@pytest.fixture
def saved(tmp_path):
    """The files of untrained networks; the last one sees no images."""

    def save(name, model, shape, **options):
        found = untrained(Spec(model, shape, 10, options))
        save_recognizer(tmp_path / name, found.spec, found.params, found.state)

    save("mlp.npz", "mlp", (28, 28, 1), hidden=7)
    save("lenet.npz", "lenet", (28, 28, 1))
    save("color.npz", "conv", (32, 32, 3))
    save("two.npz", "conv", (8, 8, 2))
    save("flat.npz", "mlp", (9,))
    return tmp_path


@pytest.mark.parametrize("args", [[], ["--index", 3, 3, 99], ["--split", "train", "--count", 7]])
@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_a_sheet_is_drawn(run, data, tmp_path, args, kind):
    done = run("fnn-show", "--data", data, *args, "--out", f"a.{kind}")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"picture written to a.{kind}\n"
    head = (tmp_path / f"a.{kind}").read_bytes()[:5]
    assert head == {"png": b"\x89PNG\r", "pdf": b"%PDF-", "svg": b"<?xml"}[kind]


def test_the_program_runs(run, data):
    assert run("fnn-show", "--data", data, "--out", "a.png").returncode == 0
    assert image.imread("a.png").std() > 0.1


def arguments(**given):
    defaults = {"index": None, "split": "test", "count": 50, "seed": 0}
    return type("Arguments", (), {**defaults, **given})


def test_images_come_with_their_labels(data):
    split = load_mnist(data).test
    source = Source("some", split, tuple("abcdefghij"))
    for given, count in (({}, 50), ({"count": 7}, 7), ({"count": 700}, 100), ({"index": [9]}, 1)):
        title, cards = show.images(source, arguments(**given))
        assert len(cards) == count
        assert "some: test images" in title
        for card in cards:
            i = int(card.note.removeprefix("image "))
            assert card.caption == "abcdefghij"[split.labels[i]]
            np.testing.assert_array_equal(card.image, split.images[i])


def test_the_choice_depends_on_the_seed_and_repeats_no_image(data):
    source = Source("some", load_mnist(data).test, tuple("0123456789"))

    def notes(seed):
        return [card.note for card in show.images(source, arguments(seed=seed))[1]]

    assert notes(1) == notes(1) != notes(2)
    assert len(set(notes(1))) == 50


def test_mistakes_are_all_wrong_answers_most_confident_first(data):
    found = untrained(Spec("mlp", (28, 28, 1), 10, {}))
    images, labels = load_mnist(data).test
    source = Source("some", fnn.open_data(str(data), "test").data, tuple("0123456789"))
    title, cards = show.mistakes(found, source, arguments(count=1000))
    logits = fnn.predict(found.net, found.params, found.state, images, prepare=fnn.to_float)
    right = fnn.accuracy(logits, labels)
    assert title == f"some: {len(cards)} of 100 test images wrong"
    assert len(cards) == round(100 * (1 - right))
    before = 1.0
    for card in cards:
        i = int(card.note.removeprefix("image "))
        answer, p = logits[i].argmax(), float(fnn.softmax(logits[i : i + 1]).max())
        assert answer != labels[i]
        assert (card.caption, card.answer) == (f"is {labels[i]}", f"said {answer}, {p:.1%}")
        assert p <= before + 1e-6
        before = p
    few_title, few = show.mistakes(found, source, arguments(count=3))
    assert [card.note for card in few] == [card.note for card in cards[:3]]
    assert few_title.endswith("the 3 most confident")


def test_a_network_without_mistakes_has_no_picture(run, tiny, tmp_path):
    spec = Spec("mlp", (5, 5, 1), 2, {"hidden": 1})
    _, _, params, state = untrained(spec)
    always_1 = fnn.tree.map(np.zeros_like, params)
    always_1[3]["b"][1] = 1
    save_recognizer(tmp_path / "p.npz", spec, always_1, state)
    args = ("--mistakes", "--data", tiny, "--params", "p.npz", "--out", "a.png")
    assert run("fnn-show", *args).returncode == 0  # half of the labels are 0
    (tmp_path / "a.png").unlink()
    labels = tiny / "t10k-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:8] + bytes([1] * 20))
    done = run("fnn-show", *args)
    assert done.returncode == 0
    assert "0 of 20 test images wrong: there is nothing to show" in done.stderr
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("params", "shape", "words"),
    [
        ("mlp.npz", (7, 28, 28, 1), "mlp: hidden nodes' weights"),
        ("lenet.npz", (6, 5, 5, 1), "lenet: filters"),
        ("color.npz", (32, 3, 3, 3), "conv: filters"),
        ("random", (200, 28, 28, 1), "mlp: hidden"),
        (None, (56, 5, 5, 1), "slim: filters of the first convolution, network 1 of 2"),
    ],
)
def test_filters_are_the_first_layers_weights(run, saved, params, shape, words):
    found = find_recognizer(str(saved / params) if params and "." in params else params)
    weights, title = show.first_weights(found)
    assert weights.shape == shape
    assert words in title
    # The picture of a filter has the weights in the order of the layer's formula.
    first = next(leaf for path, leaf in tree.items(found.params) if path[-1] == "W")
    np.testing.assert_array_equal(weights[3].ravel(), first.reshape(-1, len(weights))[:, 3])
    chosen = ["--params", params] if params else []
    done = run("fnn-show", "--filters", *chosen, "--out", "a.png", "--count", 9)
    assert done.returncode == 0, done.stderr


GREY, COLOR = np.zeros((28, 28), np.uint8), np.zeros((32, 32, 3), np.uint8)


@pytest.mark.parametrize("n", [1, 2, 7, 23])
@pytest.mark.parametrize(
    "card",
    [
        Card(GREY, "7"),
        Card(GREY, "Ankle boot", note="image 59999"),
        Card(COLOR, "is automobile", "said automobile, 100.0%", "image 9999"),
        Card(np.zeros((20, 60), np.uint8), "wide", note="image 1"),
    ],
    ids=lambda card: card.caption,
)
def test_nothing_overlaps_or_sticks_out(overlaps, n, card):
    title = "/home/somebody/with_a_long_name/and/more/of/it: 10 of 10000 test images wrong"
    for scale in ("", "weight"):
        figure = sheet([card] * n, title, scale=scale)
        assert overlaps(figure) == []
        assert len(figure.axes[0].images) == n
        shapes = {(abs(x1 - x0), abs(y1 - y0)) for x0, x1, y0, y1 in extents(figure)}
        ratios = {round(w / h, 6) for w, h in shapes}
        assert ratios == {round(card.image.shape[1] / card.image.shape[0], 6)}


def extents(figure):
    return [shown.get_extent() for shown in figure.axes[0].images]


def test_a_sheet_is_about_twice_as_wide_as_high():
    for n in range(1, 1001):
        columns = columns_of(n)
        rows = -(-n // columns)
        assert (columns - 1) <= 2 * rows <= 2 * columns


def test_without_a_file_it_opens_a_window(run, data, monkeypatch):
    from matplotlib import pyplot as plt

    shown = []
    monkeypatch.setattr(figures, "has_screen", lambda: True)
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.get_fignums()))
    done = run("fnn-show", "--data", data)
    plt.close("all")
    assert (done.returncode, done.stderr, len(shown)) == (0, "", 1)


BAD = [
    ([], ["no screen", "--out FILE.png"]),
    (["--index", 100], ["--index 100", "0..99"]),  # before the screen
    (["--data", "absent"], ["'absent'"]),
    (["--mistakes", "--params", "x.npz"], ["x.npz", "no such file"]),
    (["--mistakes", "--params", "color.npz"], ["color.npz", "(32, 32, 3)"]),
    (["--filters", "--params", "two.npz"], ["2 channels"]),
    (["--mistakes", "--params", "random"], ["no screen", "--out FILE.png"]),
    (["--filters", "--params", "random"], ["no screen", "--out FILE.png"]),
    (["--out", "a.txt"], ["--out a.txt", ".png, .pdf or .svg"]),
    (["--out", "picture"], ["--out picture", ".png, .pdf or .svg"]),
    (["--out", "absent/a.png"], ["absent/a.png", "no directory"]),
    (["--out", "a.png", "--index", 100], ["--index 100", "0..99"]),
    (["--out", "a.png", "--index", -1], ["--index", "found -1"]),
    (["--out", "a.png", "--index"], ["--index", "expected at least one"]),
    (["--index", 3, "--count", 7], ["--count", "--index", "leave out one"]),
    (["--out", "a.png", "--filters", "--split", "train"], ["--split", "leave it out"]),
    (["--mistakes", "--seed", 7], ["--seed", "leave it out"]),
    (["--out", "a.png", "--count", 0], ["--count", "in 1..1000, found 0"]),
    (["--out", "a.png", "--count", 1001], ["--count", "in 1..1000, found 1001"]),
    (["--out", "a.png", "--split", "all"], ["--split", "test", "train"]),
    (["--out", "a.png", "--mistakes", "--data", "tiny"], ["no params.npz", "fnn-train"]),
    (["--out", "a.png", "--filters", "--params", "x.npz"], ["x.npz", "no such file"]),
    (["--out", "a.png", "--filters", "--params", "two.npz"], ["2 channels"]),
    (["--out", "a.png", "--filters", "--params", "flat.npz"], ["sees no image"]),
    (["--out", "a.png", "--filters", "--mistakes"], ["--mistakes", "not allowed with"]),
    (["--out", "a.png", "--index", 1, "--mistakes"], ["--mistakes", "not allowed with"]),
    (["--out", "a.png", "--params", "random"], ["--params", "--mistakes or --filters"]),
]


@pytest.mark.parametrize(("args", "words"), BAD, ids=lambda part: " ".join(map(str, part)))
def test_bad_arguments_are_one_line(run, refused, data, tiny, saved, args, words):
    where = () if "--filters" in args else ("--data", data)
    refused(run("fnn-show", *where, *args), *words)
    assert not (saved / "a.png").exists()


def test_a_network_for_other_images_is_refused(run, refused, saved):
    args = ("--mistakes", "--data", "colors", "--params", "mlp.npz", "--out", "a.png")
    refused(run("fnn-show", *args), "mlp.npz", "(28, 28, 1)", "(32, 32, 3)")


def test_without_matplotlib_it_says_what_to_install(run, refused, data, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    refused(run("fnn-show", "--data", data, "--out", "a.png"), "pip install matplotlib")


def test_an_unknown_backend_is_one_line(process, refused):
    args = ("--filters", "--params", "random", "--out", "a.png")
    done = process("fnn-show", *args, MPLBACKEND="none")
    refused(done, "matplotlib does not start", "'none' is not a valid value", "MPLBACKEND")
