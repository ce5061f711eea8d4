"""What fnn-train chooses from, and what it chooses by default: fnn-train --list."""

from __future__ import annotations

import inspect
import shlex
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fnn.data.catalogue import KNOWN
from fnn.models import MODELS
from fnn.models.own import is_own
from fnn.training.choices import AUGMENTS, DEFAULTS, OPTIMIZERS, OWN
from fnn.training.options import Options
from fnn.training.recipes import RECIPES
from fnn.training.resolve import OF_THE_MODEL, model_of, resolve

BY_MODEL = "by model"
TRAINING = ("epochs", "batch_size", "optimizer", "lr", "schedule", "shards")
WIDEST = 100  # characters of a line


def listing() -> str:
    """Tables of models, recipes, optimizers, data sets and augmentations."""
    made = [("model", *map(option, TRAINING))]
    made += [(name, *(getattr(usual, f) for f in TRAINING)) for name, usual in DEFAULTS.items()]
    made.append(("your own", *(getattr(OWN, f) for f in TRAINING)))
    parts = [("model", *map(option, OF_THE_MODEL))]
    parts += [
        (name, *(_texts(options_of(name)).get(o, "-") for o in OF_THE_MODEL)) for name in MODELS
    ]
    rates = ", ".join(f"{name} {choice.lr or 'none'}" for name, choice in OPTIMIZERS.items())
    recipes = [
        pair for name, r in RECIPES.items() for pair in ((name, r.about), ("", words(r.options)))
    ]
    return "\n\n".join(
        [
            "How each model (--model) is trained by default:\n" + columns(made),
            "With --optimizer or --lr the schedule is constant. Rates with --optimizer:\n"
            + pairs([("", rates)]),
            "The options of each model:\n" + columns(parts),
            "Recipes (--recipe), which other options override; another --optimizer also drops\n"
            "their lr, momentum and weight-decay:\n" + pairs(recipes),
            "Data sets (--data), with pixels and training + test images:\n"
            + pairs((name, known.about) for name, known in KNOWN.items()),
            "Changes to the training images (--augment):\n"
            + pairs((name, change.about) for name, change in AUGMENTS.items()),
        ]
    )


def option(field: str) -> str:
    return field.replace("_", "-")


def words(options: Mapping[str, Any]) -> str:
    """Options as they are written on a command line.

    >>> words({"model": "mlp", "batch_norm": True, "lr": 0.1})
    '--model mlp --batch-norm --lr 0.1'
    """
    told = (
        f"--{option(name)}" if value is True else f"--{option(name)} {shlex.quote(str(value))}"
        for name, value in options.items()
    )
    return " ".join(told)


def columns(rows: Sequence[Sequence[object]]) -> str:
    """A table whose first column is on the left and whose numbers are on the right.

    >>> print(columns([("model", "lr", "schedule"), ("mlp", 0.3, "cosine")]))
      model   lr  schedule
      mlp    0.3  cosine
    """
    wide = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    right = [
        all(not isinstance(row[i], str) or row[i] == "-" for row in rows[1:])
        for i in range(len(wide))
    ]
    lines = (
        "  ".join(
            f"{cell!s:{'>' if r else '<'}{w}}" for cell, w, r in zip(row, wide, right, strict=True)
        )
        for row in rows
    )
    return "\n".join(f"  {line}".rstrip() for line in lines)


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Names with a few words about each, wrapped at the terminal's width."""
    rows = list(rows)
    left = max(len(name) for name, _ in rows)
    indent = " " * (left + 4 if left else 2)
    width = min(WIDEST, shutil.get_terminal_size().columns)
    return "\n".join(
        textwrap.fill(
            about,
            max(width - 1, len(indent) + 20),
            initial_indent=f"  {name:{left}}  " if left else indent,
            subsequent_indent=indent,
            break_on_hyphens=False,
        )
        for name, about in rows
    )


def options_of(model: str) -> dict[str, Any]:
    """The options of one of MODELS, with their defaults."""
    known = inspect.signature(MODELS[model]).parameters
    return {name: known[name].default for name in OF_THE_MODEL if name in known}


def shown_defaults(options: Options | None) -> dict[str, str]:
    """What --help shows as the default of each option, given some; without any, of all models.

    >>> shown_defaults(None)["epochs"], shown_defaults(Options(model="conv"))["epochs"]
    ('by model', '3')
    """
    values = Options()._asdict() if options is None else resolve(options)._asdict()
    if options is None:
        depending: dict[str, Any] = dict.fromkeys((*TRAINING, *OF_THE_MODEL), BY_MODEL)
        return _texts(values | depending | {"batch_norm": False})
    model = model_of(options)
    if model in MODELS:
        has = options_of(model)
        for name in OF_THE_MODEL:
            values = values | {name: values[name] or has.get(name, "none")}
    elif model is None or is_own(model):
        values = values | dict.fromkeys(OF_THE_MODEL, "none")
    return _texts(values)


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    spelled = {None: "none", False: "no", True: "yes"}
    return {
        name: spelled[value] if value is None or isinstance(value, bool) else str(value)
        for name, value in values.items()
    }
