"""fnn.plots: figures that pyplot knows nothing of, and what they say to bad input."""

import base64
import sys

import numpy as np
import pytest

import fnn
from fnn import plots

pytest.importorskip("matplotlib", reason="pictures need matplotlib")

GREY, COLOR = np.eye(28) * 255, np.zeros((8, 12, 3), np.uint8)
MATH = r"$\frac$"  # what matplotlib would read as a formula, and refuse
RUN = plots.Curves("a_b", [1, 2], {"loss": [1.0, 0.5], "validation_loss": [1.1, 0.9]})
FIGURES = {
    "sheet": lambda: plots.sheet([plots.Card(GREY, "7")] * 3, "$x_", columns=2),
    "one column of colored cards": lambda: plots.sheet([plots.Card(COLOR, "a")] * 2, columns=1),
    "cards of formulas": lambda: plots.sheet([plots.Card(GREY, MATH, MATH, MATH)], MATH),
    "answer": lambda: plots.answer(GREY, np.full(10, 0.1), label=3),
    "one channel": lambda: plots.sheet([plots.Card(GREY[..., None], "7")]),
    "answer by formulas": lambda: plots.answer(GREY, [1, 0], [MATH, "b"]),
    "answer by long names": lambda: plots.answer(COLOR, [1, 0], ["$airplane_", "b" * 70]),
    "confusion": lambda: plots.confusion_matrix(np.eye(3, dtype=int)),
    "confusion of formulas": lambda: plots.confusion_matrix(np.eye(2), [MATH, "b"]),
    "lines of formulas": lambda: plots.lines({MATH: ([1, 2], [3, 4])}, MATH),
    "curves of formulas": lambda: plots.curves([RUN._replace(name=MATH)]),
    "lines": lambda: plots.lines({"_a": ([1, 2], [3, 4]), "$b": ([1], [2])}, "t", log=True),
    "curves": lambda: plots.curves([RUN, RUN]),
}
BAD = {
    "no cards": (lambda: plots.sheet([]), "cards: expected one or more"),
    "a card of numbers": (lambda: plots.sheet([plots.Card(GREY[0], "")]), r"cards\[0\].*\(28,\)"),
    "an image of two channels": (lambda: plots.answer(COLOR[:, :, :2], [1]), r"\(8, 12, 2\)"),
    "a run without losses": (lambda: plots.curves([RUN._replace(figures={})]), "runs.0..*loss"),
    "a run of other epochs": (lambda: plots.curves([RUN._replace(epochs=[1])]), "1 epochs, found"),
    "no columns": (lambda: plots.sheet([plots.Card(GREY, "")], columns=0), "columns: .* found 0"),
    "no lines": (lambda: plots.lines({}), "curves: expected one or more"),
    "uneven": (lambda: plots.lines({"a": ([1, 2], [1])}), "'a'.* x and y alike"),
    "two series in one": (lambda: plots.lines({"a": (GREY, GREY)}), "'a'"),
    "one series": (lambda: plots.lines({"a": [1, 2, 3]}), "'a'.* x and y, found a list"),
    "an image without a card": (lambda: plots.sheet([GREY]), r"cards\[0\]: .* Card.* array"),
    "one probability": (lambda: plots.answer(GREY, 0.5), r"p: expected 1..30"),
    "one count": (lambda: plots.confusion_matrix(5), r"counts: .* \(\)"),
    "no probabilities": (lambda: plots.answer(GREY, []), "p: expected 1..30"),
    "too few names": (lambda: plots.answer(GREY, [0.5, 0.5], ["a"]), "2.* and 1 names"),
    "another label": (lambda: plots.answer(GREY, [0.5, 0.5], label=2), "label: .* found 2"),
    "counts of other classes": (lambda: plots.confusion_matrix(np.eye(3), "ab"), r"2, .*\(3, 3\)"),
    "no classes": (lambda: plots.confusion_matrix(np.empty((0, 0))), "counts"),
    "no runs": (lambda: plots.curves([]), "runs: expected one or more"),
    "no rows": (lambda: plots.curves_of([]), "rows: expected"),
    "no values": (lambda: plots.smoothed([], 20), "n: expected 1..0"),
    "no alternative text": (lambda: plots.png(FIGURES["lines"](), " "), "alt: expected"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_nobodys_current_one_and_has_room_for_all(overlaps, name):
    from matplotlib import pyplot as plt

    before = plt.get_fignums()
    figure = FIGURES[name]()
    assert plt.get_fignums() == before
    assert overlaps(figure) == []


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(name):
    call, words = BAD[name]
    with pytest.raises(fnn.InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", FIGURES)
def test_without_matplotlib_it_says_what_to_install(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(fnn.InputError, match="pip install matplotlib"):
        FIGURES[name]()


def test_a_picture_is_shown_with_its_alternative_text():
    figure = FIGURES["lines"]()
    shown, again = (plots.png(figure, 'It\n  "rises" & <falls>.') for _ in range(2))
    data, metadata = shown._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == shown.data == again.data
    assert shown.data.startswith(b"\x89PNG")
    assert metadata == {"image/png": {"alt": 'It "rises" & <falls>.', "width": 672}}
    assert 'alt="It &quot;rises&quot; &amp; &lt;falls&gt;." width="672"' in data["text/html"]
    assert int.from_bytes(shown.data[16:20]) == 7 * 150


def test_values_are_not_written_into():
    values = np.arange(6.0)
    values.flags.writeable = False
    at, means = plots.smoothed(values, 3)
    assert (at.tolist(), means.tolist()) == ([3, 6], [1.0, 4.0])
    plots.lines({"a": (values, values)})
    plots.answer(GREY, values / 15)
