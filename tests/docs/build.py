"""Builds the site: README, the tutorial, the programs, every other page, and all public names.

python tests/docs/build.py          # into build/site
python tests/docs/build.py OUT

It needs `pip install -e '.[docs]'`. Nothing is fetched, neither now nor by the pages. Any warning
is an error: a link that leads nowhere, a public name without a docstring, an id that is there
twice, a picture without an alternative text.
"""

import shutil
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]  # this checkout, and the files beside this

try:
    import api
    import links
    import pages
    import programs
except ModuleNotFoundError as error:
    sys.exit(f"the site needs {error.name}: pip install -e '.[docs]'")

LABELS = {"index.html": "Overview", "tutorial.html": "Tutorial"}  # others: their headings
RESULTS = ROOT / "tests" / "bench" / "results"


def sources() -> dict[Path, str]:
    """The files that become pages, with the names of these; the first is the front page."""
    found = {
        ROOT / "README.md": "index.html",
        ROOT / "tests" / "notebook" / "course.ipynb": "tutorial.html",
        RESULTS / "README.md": "results.html",
    }
    others = [*sorted((ROOT / "tests" / "docs").glob("*.md")), *sorted(RESULTS.glob("*.md"))]
    for path in others:
        found.setdefault(path, f"{path.stem}.html")
    return found


def clear(out: Path) -> None:
    """Make a directory for the site, in place of one that was built earlier.

    Raises ValueError if anything else is there.
    """
    if out.is_dir() and (out / "index.html").is_file() and (out / "search.js").is_file():
        shutil.rmtree(out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise ValueError(f"{out}: is there already, and is no site; name a new directory")
    out.mkdir(parents=True, exist_ok=True)


def build(out: Path) -> list[str]:
    """Build the site in a directory; the names of its pages."""
    given = sources()
    if len(set(given.values())) < len(given):
        raise ValueError(f"two pages have one name: {sorted(given.values())}")
    clear(out)
    site = pages.Site(ROOT, out, given)
    made = [pages.page_of(path, site) for path in given]
    made.insert(2, programs.page(ROOT))
    modules = api.modules()
    inner = {name for path, name in given.items() if path.parent == RESULTS} - {"results.html"}
    menu = [(p.name, LABELS.get(p.name, p.title)) for p in made if p.name not in inner]
    render = api.renderer(menu, Path(__file__).parent / "site")
    written = {page.name: pages.html(page, render) for page in made}
    written |= api.html(modules, render)
    for name, text in written.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return sorted(written)


def main(argv: list[str]) -> int:
    if len(argv) > 1 or argv[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0 if argv[:1] in (["-h"], ["--help"]) else 2
    out = Path(argv[0]) if argv else ROOT / "build" / "site"
    try:
        with warnings.catch_warnings(action="error"):
            made = build(out)
        problems = [*api.problems(), *links.problems(out)]
    except (ValueError, Warning) as error:
        problems = [str(error)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"{len(made)} pages in {out}: open {out / 'index.html'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
