"""Pages of all public names, by pdoc: those of `fnn.__all__`, and those of its public modules."""

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pdoc
import pdoc.doc
import pdoc.doc_ast
import pdoc.render

import fnn

TUPLE = re.compile("Alias for field number |Create new instance of ")  # what NamedTuple writes
KINDS = (pdoc.doc.Function, pdoc.doc.Class)


class Text(str):
    """A type as it stands in the source, instead of what it is short for."""

    def __repr__(self) -> str:
        return str(self)


def public_names() -> dict[str, str]:
    """fnn and its public modules: what each is called in fnn, by its full name.

    >>> public_names()["fnn.optim.schedules"]
    'fnn.schedules'
    """
    values = {f"fnn.{name}": getattr(fnn, name) for name in fnn.__all__}
    named = {v.__name__: name for name, v in values.items() if isinstance(v, ModuleType)}
    return {"fnn": "fnn"} | dict(sorted(named.items(), key=lambda pair: pair[1]))


def modules() -> dict[str, pdoc.doc.Module]:
    """fnn and its public modules, by their full names."""
    found = {name: pdoc.doc.Module(sys.modules[name]) for name in public_names()}
    for module in found.values():
        module.__dict__["docstring"] = with_tables(linked(module, module))
        for member in module.flattened_own_members:
            tidy(member, module)
    return found


def linked(doc: pdoc.doc.Doc[Any], module: pdoc.doc.Module) -> str:
    """A docstring with links to modules, by the names that they have in fnn.

    pdoc links them by their full names. In fnn's own docstring `keys` is `fnn.keys`.
    """
    up = "../" * module.modulename.count(".")
    paragraphs = re.split(r"\n[ \t]*\n", doc.docstring)
    for name, public in public_names().items():
        page = f"{up}{name.replace('.', '/')}.html"
        names = [public] * (name != public)
        if doc.fullname == "fnn" != name:
            names.append(public.removeprefix("fnn."))
        for i, text in enumerate(paragraphs):
            for known in [] if text.startswith(("    ", ">>>")) else names:
                text = re.sub(rf"(?<!\[)`{known}`", rf"[`{known}`]({page})", text)
                text = re.sub(rf"(?<!\[)`({known}\.(\w+))`", rf"[`\1`]({page}#\2)", text)
                paragraphs[i] = text
    return "\n\n".join(paragraphs)


def tidy(member: pdoc.doc.Doc[Any], module: pdoc.doc.Module) -> None:
    """Types as the source has them, and nothing of what NamedTuple writes by itself."""
    if isinstance(member, pdoc.doc.Function):
        member.__dict__["signature"] = signature(member)
    if isinstance(member, pdoc.doc.Class):
        for part in member.own_members:
            tidy(part, module)
    if member.name == "__version__":
        member.__dict__["docstring"] = "The version of fnn, a string."
    elif isinstance(member, pdoc.doc.Variable) and not member.docstring:
        member.__dict__["docstring"] = told_elsewhere(member)
    if isinstance(member, pdoc.doc.Class):
        member.__dict__["docstring"] = f"{member.docstring}\n\n{fields(member.obj)}".strip()
    if TUPLE.match(member.docstring):  # "@public": it is shown though it has no text
        member.__dict__["docstring"] = "@public" if member.name == "__init__" else ""
    else:
        member.__dict__["docstring"] = with_tables(linked(member, module))


def fields(made: type) -> str:
    """A table of the fields that have a text for --help, as those of `fnn.training.Options`."""
    rows = []
    for name, annotation in getattr(made, "__annotations__", {}).items():
        for about in getattr(annotation, "__metadata__", ()):
            told = about.help.replace("%(default)s", f"{made._field_defaults[name]}")
            rows.append(f"| `{name}` | {told.replace('|', '/')} |")
    return "\n".join(["| | |", "|---|---|", *rows]) if rows else ""


def told_elsewhere(variable: pdoc.doc.Variable) -> str:
    """The docstring of a variable in the module that it was imported from."""
    value = variable.default_value
    for name, module in sorted(sys.modules.items()):
        if name.startswith("fnn.") and vars(module).get(variable.name) is value:
            docs = pdoc.doc_ast.walk_tree(module).var_docstrings
            if variable.name in docs:
                return docs[variable.name]
    return ""


def signature(function: pdoc.doc.Function) -> inspect.Signature:
    """The signature of a function, whose types are those of the source."""
    made = inspect.signature(function.obj)

    def named(annotation: Any) -> Any:
        if isinstance(annotation, str) or hasattr(annotation, "__forward_arg__"):
            text = getattr(annotation, "__forward_arg__", annotation)
            public = "|".join(n for n in fnn.__all__ if isinstance(getattr(fnn, n), type))
            return Text(re.sub(rf"(?<![\w.'\"])({public})\b", r"fnn.\1", text))
        return getattr(annotation, "__origin__", annotation)  # without what Annotated adds

    parameters = [p.replace(annotation=named(p.annotation)) for p in made.parameters.values()]
    shown = made.replace(parameters=parameters, return_annotation=named(made.return_annotation))
    return pdoc.doc._PrettySignature(
        list(shown.parameters.values()), return_annotation=shown.return_annotation
    )


def with_tables(docstring: str) -> str:
    """A docstring whose paragraphs in columns have become tables of Markdown.

    >>> print(with_tables("`a`    one thing\\n`bcd`  another\\n       and more"))
    | | |
    |---|---|
    | `a` | one thing |
    | `bcd` | another and more |
    """
    return "\n\n".join(map(table, re.split(r"\n[ \t]*\n", docstring)))


def table(paragraph: str) -> str:
    """A paragraph in two columns as a table of Markdown; any other as it is."""
    lines = paragraph.splitlines()
    gaps = [found.end() for line in lines if (found := re.match(r" {0,2}\S.*? {2,}(?=\S)", line))]
    start = max(set(gaps), key=gaps.count, default=0)
    if gaps.count(start) < 2 or lines[0].startswith(("    ", ">>>", "- ")):
        return paragraph
    if any(line[start - 1 : start] != " " for line in lines) or not lines[0][:start].strip():
        return paragraph
    rows: list[list[str]] = []
    for line in lines:
        head, rest = line[:start], line[start:]
        if head.strip():
            indent = "&emsp;" if head.startswith("  ") else ""
            rows.append([indent + head.strip(), rest])
        else:
            rows[-1][1] += f" {rest.strip()}"
    return "\n".join(["| | |", "|---|---|", *(f"| {head} | {rest} |" for head, rest in rows)])


def lost(docstring: str) -> list[str]:
    """What of a docstring Markdown would not show as it stands in the source.

    >>> lost("y = x  (1)\\nz = y  (2)"), lost("    y = x  (1)"), lost("H*W*C")
    (['its lines would run together: y = x  (1)'], [], ['stars would vanish: *W*'])
    """
    found = []
    for paragraph in re.split(r"\n[ \t]*\n", docstring):
        if paragraph.startswith(("    ", "|", ">>>")):
            continue
        first, *others = paragraph.split("\n")
        formula = others and re.match(r"\w+(\[.*?\])? = ", first)
        if formula or re.search(r"\S {2,}\S", paragraph):
            found.append(f"its lines would run together: {first}")
        if stars := re.search(r"\*\w[^*]*\*", re.sub("`[^`]*`", "", paragraph)):
            found.append(f"stars would vanish: {stars[0]}")
    return found


def renderer(menu: list[tuple[str, str]], templates: Path) -> Callable[..., str]:
    """A function that fills in a template; pdoc's are found, too."""
    pdoc.render.configure(
        docformat="markdown", include_undocumented=False, template_directory=templates
    )
    pdoc.render.env.globals |= {"site_menu": menu, "site_names": public_names()}

    def render(template: str, **values: Any) -> str:
        return pdoc.render.env.get_template(template).render(**values)

    return render


def html(found: dict[str, pdoc.doc.Module], render: Callable[..., str]) -> dict[str, str]:
    """The pages of the modules, by their files, and the index that pdoc's search reads."""
    made = {
        f"{name.replace('.', '/')}.html": pdoc.render.html_module(module, found)
        for name, module in found.items()
    }
    return made | {"search.js": pdoc.render.search_index(found)}


def problems() -> list[str]:
    """A line for each public name that has no docstring, or that its page does not show."""
    lines, found = [], modules()
    for name, module in found.items():
        public = list(getattr(module.obj, "__all__", ()))
        shown = {m.name: m for m in module.flattened_own_members}
        for member in public:
            if isinstance(value := getattr(module.obj, member), ModuleType):
                if value.__name__ not in found or not value.__doc__:
                    lines.append(f"{name}.{member}: the module has no page or no docstring")
            elif member not in shown:
                lines.append(f"{name}.{member}: is public, but not on its page")
            elif not shown[member].docstring.strip():
                lines.append(f"{name}.{member}: has no docstring")
        for member, one in shown.items():
            if isinstance(one, KINDS) and not member.startswith("_") and not one.docstring:
                lines.append(f"{name}.{member}: has no docstring")
        for one in (module, *shown.values()):
            lines += [f"{one.fullname}: {why}" for why in lost(one.docstring)]
    return sorted(set(lines))
