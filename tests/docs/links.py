"""Finds links of a built site that lead nowhere, ids that are there twice, pictures untold."""

from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

LOADED = {"img", "script", "link", "iframe", "source", "video"}  # what a page fetches by itself


class Page(NamedTuple):
    """The links of a page, each with its tag, its ids in order, and pictures without a text."""

    links: list[tuple[str, str]]
    ids: list[str]
    untold: list[str]


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page([], [], [])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.page.ids.extend(value for name, value in given.items() if name == "id")
        names = ("href", "src")
        self.page.links.extend((tag, given[name]) for name in names if name in given)
        if tag == "img" and not given.get("alt", "").strip():
            self.page.untold.append(given.get("src", "")[:60])


def read(path: Path) -> Page:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


def problems(site: Path) -> list[str]:
    """A line for each link without a target, each repeated id, each picture without a text.

    A page that fetches something from another host is a problem, too: the site works offline.
    """
    pages = {path.resolve(): read(path) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site.resolve()).as_posix()
        repeated = sorted({i for i in page.ids if page.ids.count(i) > 1})
        found += [f"{name}: the id {i!r} is there more than once" for i in repeated]
        found += [f"{name}: the picture {src} has no alternative text" for src in page.untold]
        for tag, link in page.links:
            if why := broken(path, tag, link, pages):
                found.append(f"{name}: {link}: {why}")
    return found


def broken(path: Path, tag: str, link: str, pages: dict[Path, Page]) -> str:
    """Why a link of a page cannot be followed; empty if it can."""
    parts = urlsplit(link)
    if parts.scheme == "data":
        return ""
    if parts.scheme or parts.netloc:
        return "is fetched from another host" if tag in LOADED else ""
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return "there is no such file in the site"
    anchor = unquote(parts.fragment)
    if anchor and anchor not in (pages[target].ids if target in pages else ()):
        return f"{target.name} has no anchor {anchor!r}"
    return ""
