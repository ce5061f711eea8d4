"""The page of programs: what each prints for --help, as it is now."""

import os
import subprocess
import sys
import tomllib
from html import escape
from pathlib import Path

from pages import Page

WIDTH = 92  # letters in a line


def entries(root: Path) -> dict[str, str]:
    """The programs of pyproject.toml, and the function that each calls, MODULE:NAME."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return dict(sorted(project["scripts"].items()))


def help_of(entry: str, root: Path) -> str:
    """What a program prints for --help, in lines of WIDTH letters, whatever the terminal."""
    module, function = entry.split(":")
    code = f"import sys; from {module} import {function} as main; sys.exit(main(['--help']))"
    env = {**os.environ, "COLUMNS": str(WIDTH), "PYTHONPATH": str(root), "NO_COLOR": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    if done.returncode or done.stderr or not done.stdout.startswith("usage:"):
        raise ValueError(f"{entry} --help: status {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout.strip()


def page(root: Path) -> Page:
    """All programs on one page, each with an anchor of its name."""
    helps = {name: help_of(entry, root) for name, entry in entries(root).items()}
    parts = [
        f'<h2 id="{name}"><a href="#{name}">{name}</a></h2>\n'
        f'<pre class="pdoc-code"><code>{escape(text)}</code></pre>'
        for name, text in helps.items()
    ]
    contents = " ".join(f'<a href="#{name}"><code>{name}</code></a>' for name in helps)
    lead = "What each program prints for <code>--help</code>. In a checkout they are in "
    head = f"<h1>The programs</h1>\n<p>{lead}<code>bin/</code>.</p>\n<p>{contents}</p>"
    return Page("programs.html", "Programs", "\n".join([head, *parts]), list(helps))
