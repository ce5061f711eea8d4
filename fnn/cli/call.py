"""What fnn-train is told: the options of a training, and those of a single call."""

from argparse import SUPPRESS, Action, ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn

from fnn.cli import program
from fnn.cli.help import DATA_HOME, THREADS
from fnn.cli.inputs import DEFAULT, RANDOM, in_run
from fnn.cli.listing import listing, shown_defaults
from fnn.errors import InputError
from fnn.models.own import is_own
from fnn.training import run_directory
from fnn.training.drive import SAVE_EVERY
from fnn.training.kinds import NOT_NEGATIVE, POWER_OF_TWO, SWITCH, TEXT
from fnn.training.options import About, Options, from_config, table
from fnn.training.recipes import with_recipe
from fnn.training.resolve import check


class Call(NamedTuple):
    """The options of a single call, which a run does not keep."""

    out: Annotated[
        str | None, About(f"file of the parameters ({DEFAULT}, or that of --run)", TEXT, "FILE")
    ] = None
    run: Annotated[
        str | None, About("a new directory for checkpoints, metrics.csv, ...", TEXT, "DIR")
    ] = None
    resume: Annotated[
        str | None, About("continue a run; more --epochs make it longer", TEXT, "DIR")
    ] = None
    save_every: Annotated[
        float | None,
        About(f"between a run's checkpoints ({SAVE_EVERY:g})", NOT_NEGATIVE, "SECONDS"),
    ] = None
    ranks: Annotated[
        int | None, About("processes (as many as there are shards and cores)", POWER_OF_TWO, "N")
    ] = None
    summary: Annotated[bool, About("print layers, shapes, parameters; do not train", SWITCH)] = (
        False
    )
    json: Annotated[bool, About("lines as JSON: epochs as in metrics.csv, the outcome", SWITCH)] = (
        False
    )
    quiet: Annotated[bool, About("print only errors", SWITCH)] = False


GROUPS = {
    "data": ("data", "validation", "size", "colors", "test_share", "broken", "arrays"),
    "network": (
        *("model", "params", "freeze", "activation", "hidden", "width", "dropout", "batch_norm"),
        *("depth", "stem", "networks", "views"),
    ),
    "optimization": (
        *("recipe", "epochs", "batch_size", "optimizer", "lr", "schedule", "momentum"),
        *("weight_decay", "label_smoothing", "beta_rate", "lookahead", "patience", "seed"),
        *("shards", "ranks"),
    ),
    "augmentation": ("augment", "alternating_flip"),
    "output": ("out", "compact", "run", "resume", "save_every", "summary", "json", "quiet"),
}
DECIDING = ("recipe", "model", "params", "optimizer", "lr")  # what other defaults depend on


class List(Action):
    """--list prints and ends the program, as --help does."""

    def __call__(self, parser: ArgumentParser, *told: object) -> NoReturn:
        print(listing())
        parser.exit()


def arguments(shown: Mapping[str, str] | None = None) -> program.Parser:
    """The parser; its help shows these defaults, by option, or says which depend on the model."""
    p = program.parser(
        "fnn-train",
        "Train a network and save it. Each epoch prints training loss, test accuracy and seconds. "
        "Defaults 'by model': see --list, or add --model NAME.",
        "fnn-train --model conv --epochs 3 --out mine.npz",
        "a model is named with --model {0}, a data set with --data {0}",
        (DATA_HOME, THREADS),
        argument_default=SUPPRESS,
        usage="fnn-train [option ...]",
    )
    p.add_argument(
        "--list", action=List, nargs=0, help="models with their defaults, recipes, data sets"
    )
    abouts, defaults = table(Options) | table(Call), shown or shown_defaults(None)
    for title, names in GROUPS.items():
        group = p.add_argument_group(title)
        for name in names:
            program.add_option(group, name, abouts[name], defaults.get(name, ""))
    return p


def help_for(argv: Sequence[str]) -> Mapping[str, str] | None:
    """The defaults that --help shows: those of the model, recipe, ... on the command line."""
    if not {"-h", "--help"} & set(argv):
        return None
    p = program.Parser("fnn-train", add_help=False, allow_abbrev=False, argument_default=SUPPRESS)
    for name in DECIDING:
        program.add_option(p, name, table(Options)[name])
    said = vars(p.parse_known_args([arg for arg in argv if arg not in ("-h", "--help")])[0])
    return shown_defaults(Options(**with_recipe(said)) if said else None)


def without_ranks(argv: Sequence[str]) -> list[str]:
    """The arguments for each of several processes."""
    places = [i for i, arg in enumerate(argv) if arg == "--ranks"]
    left = (arg for i, arg in enumerate(argv) if i not in places and i - 1 not in places)
    return [arg for arg in left if not arg.startswith("--ranks=")]


def parse(argv: Sequence[str]) -> tuple[Options, Call]:
    """The options of the training and of the call; InputError if they conflict."""
    said = vars(arguments(help_for(argv)).parse_args(argv))
    call = Call(**{name: said.pop(name) for name in Call._fields if name in said})
    check_call(call)
    if call.resume is not None:
        return check(resumed(Path(call.resume), said)), call
    if said.get("params") is not None:
        if said["params"] == RANDOM:
            raise InputError("--params random: a training begins so without --params; leave it out")
        said["params"] = in_run(said["params"])
    return check(Options(**with_recipe(said))), call


def check_call(call: Call) -> None:
    """Raise InputError for options of the call that conflict."""
    if call.run is not None and call.resume is not None:
        raise InputError("--resume: continues a run, --run begins one; leave out one of the two")
    for name in ("run", "out", "save_every", "json", "quiet"):
        if call.summary and getattr(call, name) not in (None, False):
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option}: --summary only prints the layers; leave out one of them")
    if call.save_every is not None and call.run is None and call.resume is None:
        raise InputError("--save-every: only a run has checkpoints; add --run DIR")


def resumed(directory: Path, said: dict[str, Any]) -> Options:
    """The options that a run kept; its data and one's own network may have moved.

    More epochs make it longer. What it began with is in the directory.
    """
    why = "a resumed run keeps its own options; leave it out, or begin a new run with --run"
    for name, value in said.items():
        if name not in ("data", "epochs", "model") or (name == "model" and not is_own(value)):
            raise InputError(f"--{name.replace('_', '-')}: {why}")
    config = run_directory.read_config(directory)
    try:
        options = from_config(config["options"])
    except (KeyError, TypeError, ValueError) as error:
        why = f": {error}" if type(error) is ValueError else ""
        path = directory / run_directory.CONFIG
        raise InputError(f"{path}: its options are not fnn-train's{why}; begin a new run") from None
    own = is_own(options.model or "")
    if "model" in said and not own:
        raise InputError(f"--model: {why}")
    if own and config.get("form") is None and "model" not in said:
        raise InputError(
            f"{directory}: its network has layers of your own; add --model {options.model}, whose "
            "code makes them"
        )
    if "epochs" in said and said["epochs"] <= (options.epochs or 0):
        raise InputError(
            f"--epochs {said['epochs']}: the run is one of {options.epochs}, and {why}; or choose "
            "more, and it goes on for longer"
        )
    if options.params is not None:
        options = options._replace(params=str(directory / run_directory.START))
    return options._replace(**said)
