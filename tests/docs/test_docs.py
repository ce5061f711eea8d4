"""The site builds without a warning, and what is wrong in a page or a docstring is found."""

import importlib
import re
from pathlib import Path

import api
import build
import links
import pages
import programs
import pytest

import fnn


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("docs") / "site"
    assert build.main([str(out)]) == 0
    return out


def ids(path):
    return set(links.read(path).ids)


def test_every_public_name_is_on_a_page(site):
    for name in fnn.__all__:
        value = getattr(fnn, name)
        if isinstance(value, type(fnn)):
            assert (site / f"{value.__name__.replace('.', '/')}.html").is_file()
        else:
            assert name in ids(site / "fnn.html")
    for module in (fnn.training, fnn.plots, fnn.models):
        assert set(module.__all__) <= ids(site / f"{module.__name__.replace('.', '/')}.html")


def test_every_program_shows_its_help(site):
    text = (site / "programs.html").read_text()
    for name, entry in programs.entries(build.ROOT).items():
        assert f'id="{name}"' in text
        importlib.import_module(entry.split(":")[0])
    assert "--weight-decay" in text


def test_equations_doctests_and_tables_keep_their_lines(site):
    text = (site / "fnn.html").read_text()
    block = re.search(r'<section id="dense">.*?</section>', text, re.DOTALL)[0]
    assert re.search(r"<pre>.*equation", block, re.DOTALL)
    assert '<span class="gp">&gt;&gt;&gt; </span>' in block
    assert "Alias for field" not in text
    assert "ForwardRef" not in text
    first = text[: text.index('<section id="Cache">')]
    assert first.count("<tr>") > 15  # the groups of fnn's docstring
    tutorial = (site / "tutorial.html").read_text()
    assert "<math" in tutorial
    assert "$$" not in tutorial
    assert tutorial.count("<details>") == 20
    assert tutorial.count("<img ") > 25


def test_the_front_page_leads_to_the_others(site):
    found = {link for _, link in links.read(site / "index.html").links}
    assert {"tutorial.html", "programs.html", "results.html", "fnn.html"} <= found


WRONG = {
    '<a href="absent.html">a</a>': "absent.html: there is no such file",
    '<a href="#absent">a</a>': "no anchor 'absent'",
    '<a href="b.html#absent">a</a>': "b.html has no anchor",
    '<a id="x"></a><p id="x"></p>': "the id 'x' is there more than once",
    '<img src="b.html" alt=" ">': "no alternative text",
    '<img src="gone.png" alt="a">': "gone.png: there is no such file",
    '<script src="https://example.org/a.js"></script>': "from another host",
    '<link href="//example.org/a.css">': "from another host",
}


@pytest.mark.parametrize("html", WRONG)
def test_what_is_wrong_in_a_page_is_found(tmp_path, html):
    (tmp_path / "b.html").write_text('<p id="here">')
    (tmp_path / "a.html").write_text('<a href="b.html#here">b</a> <a href="https://a.org/#x">c</a>')
    assert links.problems(tmp_path) == []
    (tmp_path / "a.html").write_text(html)
    (problem,) = links.problems(tmp_path)
    assert problem.startswith("a.html: ")
    assert WRONG[html] in problem


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# A\n[b](b.md)", "b.md: there is no such file"),
        ('# A\n<p><img src="b.png"></p>', "b.png: there is no such file"),
        ('# A\nIn a <img src="b.png"> line', "b.png: there is no such file"),
        ("# A\n[b](../outside.txt)", "outside.txt: there is no such file"),
        ("text", "has no heading"),
    ],
)
def test_a_source_with_a_broken_link_is_refused(tmp_path, text, words):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.txt").write_text("")
    (root / "a.md").write_text(text)
    site = pages.Site(root, tmp_path / "out", {root / "a.md": "a.html"})
    with pytest.raises(ValueError, match=re.escape(words)):
        pages.page_of(root / "a.md", site)


def test_only_a_site_is_replaced(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("kept")
    assert build.main([str(tmp_path)]) == 1
    assert "is no site" in capsys.readouterr().err
    assert (tmp_path / "mine.txt").read_text() == "kept"
    old = tmp_path / "old"
    old.mkdir()
    for name in ("index.html", "search.js", "gone.html"):
        (old / name).write_text("")
    build.clear(old)
    assert list(old.iterdir()) == []


def test_a_link_leads_to_the_page_of_its_file_or_to_a_copy(tmp_path):
    (tmp_path / "docs").mkdir()
    for name, text in (("a.md", "# A"), ("docs/b.md", "# B\n[a](../a.md#a) ![c](<c d.png>)")):
        (tmp_path / name).write_text(text)
    (tmp_path / "docs" / "c d.png").write_bytes(b"c")
    names = {tmp_path / "a.md": "index.html", tmp_path / "docs" / "b.md": "b.html"}
    page = pages.page_of(tmp_path / "docs" / "b.md", pages.Site(tmp_path, tmp_path / "o", names))
    assert 'href="index.html#a"' in page.content
    assert 'src="files/docs/c%20d.png"' in page.content
    assert (tmp_path / "o" / "files" / "docs" / "c d.png").read_bytes() == b"c"
    assert page.sections == ["b"]


def test_a_public_name_without_a_docstring_is_found(monkeypatch):
    assert api.problems() == []
    monkeypatch.setattr(fnn.plots.sheet, "__doc__", None)
    assert api.problems() == ["fnn.plots.sheet: has no docstring"]


@pytest.mark.parametrize(
    ("doc", "words"),
    [
        ("Text.\n\n    y = x    (1)\n    z = y    (2)\n\nA sum, `H*W*C`, and a * b.", ""),
        ("Text.\n\n`a`   one\n`bc`  two", ""),  # becomes a table
        ("Text.\n\ny = x\nz = y", "its lines would run together: y = x"),
        ("Text.\n\ny[i, j] = x[i]\n          + 1", "its lines would run together"),
        ("Text.\n\na  one\nbcd two\nc", "its lines would run together: a  one"),
        ("H*W*C numbers", "stars would vanish: *W*"),
    ],
)
def test_what_a_docstring_would_lose_is_found(doc, words):
    found = api.lost(api.with_tables(doc))
    assert (words in found[0]) if words else (found == [])


def test_two_headings_alike_get_two_ids():
    taken = []
    for title in ("Speed: threads, processes", "Data", "Data", "Data"):
        taken.append(pages.slug(title, taken))
    assert taken == ["speed-threads-processes", "data", "data-1", "data-2"]


def test_the_picture_of_readme_is_small():
    picture = Path(__file__).with_name("mistakes.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 100_000
