"""fnn-train: trains a network, prints its progress, saves the parameters (the course's task 3)."""

import shlex
from argparse import SUPPRESS
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from fnn.cli import program
from fnn.cli.inputs import DEFAULT
from fnn.cli.progress import Show, shown, teller
from fnn.data.catalogue import KNOWN, Source, open_data
from fnn.data.dataset import Dataset, Split
from fnn.errors import InputError, one_line
from fnn.files.atomic import check_writable
from fnn.metrics import accuracy
from fnn.models import Spec, build
from fnn.recognizer.recognizer import Recognizer, recognize, save_recognizer
from fnn.summary import summary, table
from fnn.train import TrainState
from fnn.training import run_directory
from fnn.training.assemble import assemble, spec_of, together
from fnn.training.drive import SAVE_EVERY, opened, run
from fnn.training.kinds import NOT_NEGATIVE, SWITCH, TEXT
from fnn.training.loop import Diverged, Job, Progress, measure, outcome, train
from fnn.training.options import About, Options, from_config
from fnn.training.recipes import RECIPES
from fnn.training.resolve import check, of_network, resolve


class Call(NamedTuple):
    """The options of a single call, which a run does not keep."""

    out: Annotated[
        str | None,
        About(
            f"the file for the parameters ({DEFAULT}; with --run, params.npz in its directory)",
            TEXT,
            "FILE",
        ),
    ] = None
    run: Annotated[
        str | None,
        About(
            "keep the training as a run in this new directory: its options, metrics.csv, "
            "checkpoints and parameters",
            TEXT,
            "DIR",
        ),
    ] = None
    resume: Annotated[
        str | None, About("continue the run in this directory, with its own options", TEXT, "DIR")
    ] = None
    save_every: Annotated[
        float | None,
        About(
            f"time between a run's checkpoints within an epoch ({SAVE_EVERY:g}; 0: every step)",
            NOT_NEGATIVE,
            "SECONDS",
        ),
    ] = None
    summary: Annotated[
        bool,
        About("print the layers, their shapes, parameters and multiply-adds; do not train", SWITCH),
    ] = False
    quiet: Annotated[bool, About("print only errors", SWITCH)] = False


def arguments() -> program.Parser:
    p = program.parser(
        "fnn-train",
        "Train a network and save its parameters. After each epoch, one line shows the mean "
        "cross-entropy of the training images (measured during the epoch), the accuracy on the "
        "test images, and the duration of the epoch in seconds.",
        "fnn-train --model conv --epochs 3 --out mine.npz",
        argument_default=SUPPRESS,
    )
    program.add_options(p, Options)
    program.add_options(p, Call)
    return p


def parse(argv: Sequence[str]) -> tuple[Options, Call]:
    """The options of the training and of the call; InputError if they conflict."""
    said = vars(arguments().parse_args(argv))
    call = Call(**{name: said.pop(name) for name in Call._fields if name in said})
    check_call(call)
    if call.resume is not None:
        return check(resumed(Path(call.resume), said)), call
    recipe = RECIPES[said["recipe"]].options if "recipe" in said else {}
    return check(Options(**{**recipe, **said})), call


def check_call(call: Call) -> None:
    """Raise InputError for options of the call that conflict."""
    if call.run is not None and call.resume is not None:
        raise InputError("--resume: continues a run, --run begins one; leave out one of the two")
    for name in ("run", "out", "save_every", "quiet"):
        if call.summary and getattr(call, name) not in (None, False):
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option}: --summary only prints the layers; leave out one of them")
    if call.save_every is not None and call.run is None and call.resume is None:
        raise InputError("--save-every: only a run has checkpoints; add --run DIR")


def resumed(directory: Path, said: dict[str, Any]) -> Options:
    """The options that a run kept; only its data may have moved."""
    for name in said:
        if name != "data":
            why = "a resumed run keeps its own options; leave it out, or begin a new run with --run"
            raise InputError(f"--{name.replace('_', '-')}: {why}")
    config = run_directory.read_config(directory)
    try:
        options = from_config(config["options"])
    except (KeyError, TypeError, ValueError) as error:
        why = f": {error}" if type(error) is ValueError else ""
        path = directory / run_directory.CONFIG
        raise InputError(f"{path}: its options are not fnn-train's{why}; begin a new run") from None
    return options._replace(data=said.get("data", options.data))


def body(argv: Sequence[str]) -> None:
    options, call = parse(argv)
    program.keep_freed_memory()
    place = Path(call.run or call.resume or "") if call.run or call.resume else None
    if call.out is not None or place is None:
        check_writable(call.out or DEFAULT)  # before any work that could be lost
    source = open_data(options.data)
    spec = spec_of(options, source)
    job = assemble(of_network(options, 0), source)
    if call.summary:
        print(table(summary(build(spec), spec.shape)))
        return
    if call.run is not None:
        run_directory.create(Path(call.run))
    seen = run_directory.fingerprint(*source.data) if place else ""
    with ExitStack() as stack:
        if place and options.networks > 1:  # each network is a run of its own, in 1, 2, ...
            stack.enter_context(opened(place, job, config_of(options, source, seen)))
        each = []
        for i in range(options.networks):
            own = of_network(options, i)
            part = place
            if options.networks > 1:
                part = place and place / str(i + 1)
                teller(call.quiet)(f"network {i + 1} of {options.networks}, seed {own.seed}")
            job = job if i == 0 else assemble(own, source)
            config = config_of(own, source, seen)
            each.append(train_one(job, part, config, call, str(place)))
        finish(options, call, place, spec, together(each), source.data.test)


def train_one(
    job: Job, place: Path | None, config: dict[str, Any], call: Call, whole: str
) -> TrainState:
    """The network at the end of a training; `whole` is the directory to --resume."""
    pause = SAVE_EVERY if call.save_every is None else call.save_every
    now: Progress | None = None
    with shown(job, call.quiet) as show, program.asked_to_stop() as stop:
        stages = run(job, place, pause, stop, config) if place else train(job)
        try:
            for now in stages:
                show.stage(now)
                if place is None and stop():
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            if place is None:
                show.line("the training was stopped and nothing was saved")
            elif now is not None:
                show.line(
                    f"stopped after step {now.batch} of epoch {now.epoch + 1}; continue with: "
                    f"fnn-train --resume {shlex.quote(whole)}"
                )
            raise
        except Diverged as error:
            advice = "begin a new run with" if place else "choose"
            lost = "" if place else ", and nothing was saved"
            raise InputError(f"{error}{lost}; {advice} a smaller --lr") from None
        assert now is not None  # a job has at least one epoch
        return told_outcome(job, now, show)


def told_outcome(job: Job, now: Progress, show: Show) -> TrainState:
    """The network of the best or the last epoch; prints a line about the best one."""
    ts = outcome(now)
    if now.best.epoch and job.test is not None:
        best, tested = now.best, measure(job, ts, job.test).accuracy
        told = f"epoch {best.epoch} was best on the validation images: accuracy {best.accuracy:.4f}"
        show.line(f"{told}, on the test images {tested:.4f}")
    return ts


def config_of(options: Options, source: Source[Dataset], seen: str) -> dict[str, Any]:
    """What a run's config.json keeps of a call."""
    named = source.name if source.name in KNOWN else str(Path(source.name).resolve())
    return {"options": resolve(options)._replace(data=named)._asdict(), "fingerprint": seen}


def finish(
    options: Options, call: Call, place: Path | None, spec: Spec, ts: TrainState, test: Split
) -> None:
    """Write the network to the run's directory and to --out, or to DEFAULT without either.

    With several networks or views, print the accuracy of the mean answer.
    """
    tell = teller(call.quiet)
    named = [Path(call.out or DEFAULT)] if call.out or place is None else []
    for path in [*([place / run_directory.FINAL] if place else []), *named]:
        save_recognizer(path, spec, ts.params, ts.state, options.compact)
        tell(one_line(f"parameters saved in {path}"))
    if call.quiet or (spec.networks == 1 and spec.views == "one"):
        return
    found = Recognizer(spec, build(spec), ts.params, ts.state)
    share = accuracy(recognize(found, test.images), test.labels)
    views = "" if spec.views == "one" else f", {spec.views} views"
    count = f"{spec.networks} networks" if spec.networks > 1 else "the network"
    tell(f"{count}{views}: accuracy {share:.4f} on the test images")


main: Callable[..., int] = program.main_of("fnn-train", body)
