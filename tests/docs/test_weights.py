"""The page about weights from PyTorch and Keras: its examples run where these are installed."""

import doctest
import importlib.util
from pathlib import Path

import numpy as np
import pytest

import fnn

PAGE = Path(__file__).with_name("weights.md")
SECTIONS = {part.split("\n")[0]: part for part in PAGE.read_text().split("\n## ")[1:]}
NEEDS = {"From PyTorch": "torch", "From Keras": "keras"}


@pytest.mark.filterwarnings("default")  # Keras's own
@pytest.mark.parametrize("section", NEEDS)
def test_the_examples_of_a_section_run(section, monkeypatch):
    if importlib.util.find_spec("tensorflow") is None:
        monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip(NEEDS[section], reason=f"{NEEDS[section]} is not installed")
    text, names = SECTIONS[section].replace("```", ""), {"np": np, "fnn": fnn}
    examples = doctest.DocTestParser().get_doctest(text, names, section, str(PAGE), 0)
    told: list[str] = []
    failed, tried = doctest.DocTestRunner(verbose=False).run(examples, out=told.append)
    assert tried > 5
    assert not failed, "".join(told)


def test_every_example_belongs_to_a_section_that_runs():
    assert {title for title, text in SECTIONS.items() if ">>>" in text} == set(NEEDS)
