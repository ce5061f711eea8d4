"""Pages of the site from Markdown files and the notebook."""

import base64
import json
import os
import re
import shutil
from collections.abc import Callable
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

import latex2mathml.converter
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound


class Page(NamedTuple):
    """A page: its file, its title, the HTML of its content, and the ids of its sections."""

    name: str
    title: str
    content: str
    sections: list[str]


class Site(NamedTuple):
    """The repository, the directory to build in, and the page that each source becomes."""

    root: Path
    out: Path
    pages: dict[Path, str]


def code(text: str, language: str, attrs: str = "") -> str:
    """A block of code, colored if the language is known, for markdown-it or by itself."""
    if language == "python" and text.lstrip().startswith(">>>"):
        language = "pycon"
    try:
        lexer = get_lexer_by_name(language or "text", stripnl=False)
    except ClassNotFound:
        lexer = get_lexer_by_name("text", stripnl=False)
    inside = highlight(text, lexer, HtmlFormatter(nowrap=True)).rstrip("\n")
    return f'<pre class="pdoc-code"><code>{inside}\n</code></pre>\n'


def formula(tex: str, options: dict[str, bool]) -> str:
    """MathML, which browsers draw by themselves."""
    return latex2mathml.converter.convert(
        tex.strip(), display="block" if options["display_mode"] else "inline"
    )


def markdown(math: bool) -> MarkdownIt:
    """CommonMark with tables, as GitHub and Jupyter read it; with formulas in dollars if `math`."""
    made = MarkdownIt("commonmark", {"html": True, "highlight": code}).enable("table")
    return made.use(dollarmath_plugin, renderer=formula, double_inline=True) if math else made


def slug(title: str, taken: list[str]) -> str:
    """The id of a heading, as GitHub makes it.

    >>> slug("Speed: threads, processes", []), slug("Data", ["data"])
    ('speed-threads-processes', 'data-1')
    """
    plain = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
    names = (f"{plain}-{i}" if i else plain for i in range(len(taken) + 1))
    return next(name for name in names if name not in taken)


def words(token: Token) -> str:
    """The text of a heading, without its marks."""
    return "".join(child.content for child in token.children or [])


def rendered(text: str, source: Path, site: Site, sections: list[str], math: bool = False) -> str:
    """The HTML of a Markdown text; the ids of its headings are added to `sections`."""
    reader, env = markdown(math), {}
    tokens = reader.parse(text, env)
    for before, inline in pairwise(tokens):
        if before.type == "heading_open":
            sections.append(slug(words(inline), sections))
            before.attrSet("id", sections[-1])
    for part in (p for token in tokens for p in (token, *(token.children or []))):
        if name := {"link_open": "href", "image": "src"}.get(part.type):
            part.attrSet(name, moved(unquote(str(part.attrGet(name))), source, site))
        if part.type in ("html_block", "html_inline"):
            part.content = re.sub(
                r'\b(href|src)="([^"]*)"',
                lambda m: f'{m[1]}="{moved(m[2], source, site)}"',
                part.content,
            )
    return reader.renderer.render(tokens, reader.options, env)


def moved(link: str, source: Path, site: Site) -> str:
    """A link of a source file as one of its page; what is no page is copied beside it.

    Raises ValueError for a link to what is not in the repository.
    """
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or not parts.path:
        return link
    target = Path(os.path.normpath(source.parent / parts.path))
    anchor = f"#{parts.fragment}" if parts.fragment else ""
    if target in site.pages:
        return site.pages[target] + anchor
    if not target.is_file() or not target.is_relative_to(site.root):
        raise ValueError(f"{source.relative_to(site.root)}: {link}: there is no such file")
    name = Path("files") / target.relative_to(site.root)
    (site.out / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(target, site.out / name)
    return quote(name.as_posix()) + anchor


def page_of(source: Path, site: Site) -> Page:
    """The page of a Markdown file or a notebook; its title is its first heading."""
    sections: list[str] = []
    name = site.pages[source]
    text = source.read_text(encoding="utf-8")
    if source.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        parts = [cell_html(cell, i, source, site, sections) for i, cell in enumerate(cells)]
        content, text = "\n".join(parts), "".join(cells[0]["source"])
    else:
        content = rendered(text, source, site, sections)
    title = re.search("^# +(.+)$", text, re.MULTILINE)
    if title is None:
        raise ValueError(f"{source.relative_to(site.root)}: has no heading (# TITLE)")
    return Page(name, title[1], content, sections)


def cell_html(cell: dict, i: int, source: Path, site: Site, sections: list[str]) -> str:
    """A cell of a notebook with what it has printed and shown."""
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return rendered(text, source, site, sections, math=True)
    parts = [code(text, "ipython")]
    for j, output in enumerate(cell["outputs"]):
        data = output.get("data", {})
        if "image/png" in data:
            told = output["metadata"]["image/png"]
            name = Path("files") / source.stem / f"{i}-{j}.png"
            (site.out / name).parent.mkdir(parents=True, exist_ok=True)
            (site.out / name).write_bytes(base64.b64decode("".join(data["image/png"])))
            alt, width = escape(told["alt"]), told["width"]
            parts.append(f'<p><img src="{name.as_posix()}" alt="{alt}" width="{width}"></p>')
        else:
            said = "".join(output.get("text", data.get("text/plain", "")))
            parts.append(f'<pre class="output">{escape(said.rstrip())}</pre>')
    return "\n".join(parts)


def html(page: Page, render: Callable[..., str]) -> str:
    """The whole page, with the menu beside it."""
    return render("page.html.jinja2", page=page)
