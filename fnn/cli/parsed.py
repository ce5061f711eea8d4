"""fnn-train's options as they were meant: those of a run that is resumed come from its config."""

import io
from argparse import Namespace
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

from fnn.cli.program import Parser
from fnn.cli.train_options import arguments
from fnn.errors import InputError
from fnn.training.options import check_optimizer, check_turns, resolved
from fnn.training.recipes import RECIPES
from fnn.training.run_directory import CONFIG, read_config

# Options that a run does not keep; "data" it keeps, but a data set may have moved.
OF_THIS_CALL = {"run", "resume", "out", "save_every", "summary", "quiet", "data", "whole"}


def parsed(argv: Sequence[str]) -> Namespace:
    """The options, those of a run that is resumed among them.

    Raises InputError for options that do not go together.
    """
    p = arguments()
    args = p.parse_args(argv)
    if args.run is not None and args.resume is not None:
        raise InputError(
            "--resume: goes on with a run, and --run begins one; leave out one of them"
        )
    if args.summary:
        for name in ("run", "out", "save_every", "quiet"):
            if getattr(args, name) not in (None, False):
                raise InputError(
                    f"--{name.replace('_', '-')}: --summary prints and trains nothing; leave out "
                    "one of them"
                )
    if args.resume is not None:
        return resolved(_of_the_run(p, args, argv))
    if args.recipe is not None:
        p.set_defaults(**RECIPES[args.recipe].options)  # what the arguments say goes before
        args = p.parse_args(argv)
    if args.save_every is not None and args.run is None:
        raise InputError("--save-every: only a run has checkpoints; add --run DIR")
    if args.patience is not None and not args.validation:
        raise InputError("--patience: there are no validation images; add --validation 0.1, say")
    check_optimizer(args)
    check_turns(args)
    return resolved(args)


def _of_the_run(p: Parser, args: Namespace, argv: Sequence[str]) -> Namespace:
    """The options that the run in --resume has kept, with those of this call."""
    unsaid = object()
    said = p.parse_args(argv, Namespace(**dict.fromkeys(vars(args), unsaid)))
    for name, value in vars(said).items():
        if value is not unsaid and name not in OF_THIS_CALL:
            raise InputError(
                f"--{name.replace('_', '-')}: a run that is resumed keeps its own options; leave "
                "it out, or begin a new run with --run"
            )
    config = read_config(Path(args.resume))
    try:
        if not config["options"].keys() <= vars(args).keys():
            raise KeyError("--help and what this fnn does not know")
        with redirect_stderr(io.StringIO()):  # argparse would tell of values that are none
            kept = p.parse_args(_as_argv(config["options"]))
    except (SystemExit, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{Path(args.resume) / CONFIG}: its options are not fnn-train's; begin a new run"
        ) from None
    own = {name: getattr(args, name) for name in OF_THIS_CALL if name != "data"}
    return Namespace(**{**vars(kept), **own, "data": args.data or kept.data})


def kept_options(args: Namespace) -> dict[str, Any]:
    """The options that a run keeps in its config: all that decide its outcome."""
    return {name: value for name, value in vars(args).items() if name not in OF_THIS_CALL}


def _as_argv(options: dict[str, Any]) -> list[str]:
    argv = []
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            argv.append(option)
        elif value is not None and value is not False:
            argv += [f"{option}={value}"]
    return argv
