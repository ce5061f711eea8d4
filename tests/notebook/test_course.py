"""The tutorial: as it is stored, and running from top to bottom with its exercises answered."""

import ast
import base64
import html
import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")
pytest.importorskip("matplotlib", reason="matplotlib is not installed")

from execute import NOTEBOOK, answer_in, execute  # noqa: E402 - needs the packages above

import fnn  # noqa: E402

LARGEST = 3_000_000  # bytes
BLANK = "Fill in the blank"


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(cell):
    return cell.outputs if cell.cell_type == "code" else []


def streams(notebook, name):
    every = (o for cell in code_cells(notebook) for o in cell.outputs)
    return [o.text for o in every if o.output_type == "stream" and o.name == name]


def pictures(cell):
    return [o for o in outputs(cell) if "image/png" in o.get("data", {})]


def parts(notebook):
    """The cells of each part, by its heading; the last heading has no number, and is none."""
    found, name = {}, None
    for cell in notebook.cells:
        if cell.source.startswith("## "):
            name = cell.source.splitlines()[0]
        found.setdefault(name, []).append(cell)
    return {name: cells for name, cells in found.items() if re.match(r"## \d+\. ", name or "")}


def is_blank(statement):
    return isinstance(statement, ast.Assign) and ast.unparse(statement.value) == "..."


def test_it_is_stored_as_it_ran(notebook):
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [o for cell in cells for o in cell.outputs if o.output_type == "error"]
    assert NOTEBOOK.stat().st_size < LARGEST
    # Nothing about the machine it ran on.
    text = re.sub("[A-Za-z0-9+/=]{99,}", "", NOTEBOOK.read_text("utf-8"))  # without the pictures
    assert not re.search("/home/|/tmp/|/root|[0-9] (ms|s)\\\\b", text)


def test_every_picture_is_sharp_and_told(notebook):
    shown = [picture for cell in notebook.cells for picture in pictures(cell)]
    assert len(shown) > 25
    for picture in shown:
        metadata = picture.metadata["image/png"]
        assert len(metadata["alt"]) > 25, metadata
        assert f'alt="{html.escape(metadata["alt"])}"' in picture.data["text/html"]
        width = int.from_bytes(base64.b64decode(picture.data["image/png"])[16:20])
        assert width / metadata["width"] == pytest.approx(150 / 96, rel=0.01)


def test_every_part_has_a_picture_a_blank_and_a_folded_answer(notebook):
    found = parts(notebook)
    assert [int(name[3:].split(".")[0]) for name in found] == list(range(1, len(found) + 1))
    for name, cells in found.items():
        assert any(map(pictures, cells)), name
        task, blank, folded = cells[-3:]  # an exercise ends the part
        assert task.source.startswith("**Exercise.** "), name
        assert BLANK in blank.outputs[0].text, name
        # The answer is the same code, with something in place of the blanks.
        given, answered = (ast.parse(s).body for s in (blank.source, answer_in(folded)))
        assert any(map(is_blank, given)), name
        for one, other in zip(given, answered, strict=True):
            if is_blank(one):
                assert ast.unparse(one.targets) == ast.unparse(other.targets)
                assert not is_blank(other), name
            else:
                assert ast.dump(one) == ast.dump(other), name


def test_it_uses_public_names_alone(notebook):
    for cell in code_cells(notebook):
        code = "\n".join(line for line in cell.source.splitlines() if not line.startswith("!"))
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id == "fnn":
                    assert node.attr in fnn.__all__
                elif node.value.id == "plots":
                    assert node.attr in fnn.plots.__all__
            if isinstance(node, ast.ImportFrom) and node.module.startswith("fnn"):
                assert (node.module, node.names[0].name) == ("fnn", "plots")
            if isinstance(node, ast.Import):
                assert not [n.name for n in node.names if n.name.startswith("fnn.")]


def test_it_runs_with_its_answers_without_an_error_or_a_warning(notebook, tmp_path):
    answered = []
    for cell in notebook.cells:
        answered.append(cell)
        if code := answer_in(cell):
            answered.append(nbformat.v4.new_code_cell(code))
    notebook.cells = answered
    execute(notebook, tmp_path)
    assert streams(notebook, "stderr") == []
    text = "".join(streams(notebook, "stdout"))
    shares = [float(s) for s in re.findall(r"test accuracy[^:]*: ([\d.]+)%", text)]
    assert len(shares) == 13
    assert max(shares) > 98.5  # the network of two convolutions
    found = {cell.source: cell for cell in notebook.cells}
    for cell in notebook.cells:
        if code := answer_in(cell):
            said = "".join(o.get("text", "") for o in outputs(found[code]))
            assert outputs(found[code]), code
            assert BLANK not in said
            assert "False" not in said
    assert Path(tmp_path, "out.txt").read_text() == Path(tmp_path, "out_by_hand.txt").read_text()
