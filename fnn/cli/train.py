"""fnn-train: trains a network, prints its progress, saves the parameters (the course's task 3)."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from fnn.cli import program, ranks
from fnn.cli.call import Call, parse, without_ranks
from fnn.cli.call import arguments as arguments
from fnn.cli.inputs import DEFAULT, reading_like
from fnn.cli.json_line import json_line
from fnn.cli.outcome import STOPPED, Stopped, Trained, answered, finish, rescue, trained
from fnn.cli.progress import shown, tell, teller
from fnn.data.catalogue import KNOWN, Source, open_data
from fnn.data.dataset import Dataset, fingerprint
from fnn.errors import InputError
from fnn.files.atomic import check_writable
from fnn.models import Spec, together
from fnn.models.own import blamed, is_own
from fnn.shards import Group, check_shards
from fnn.summary import summary
from fnn.training import run_directory
from fnn.training.assemble import assemble
from fnn.training.choices import usual
from fnn.training.described import described
from fnn.training.drive import SAVE_EVERY, meet, opened, run, stages
from fnn.training.loop import Diverged, Job, Progress, begin
from fnn.training.options import Options
from fnn.training.resolve import model_of, of_network, resolve
from fnn.tree import Tree


def body(argv: Sequence[str]) -> None:
    options, call = parse(argv)
    group, patient = ranks.groups()
    shards = share_out(options, call, group.size if call.ranks is None else call.ranks)
    options = options._replace(shards=shards)
    number = ranks.usual(shards) if call.ranks is None else call.ranks
    if number > 1 and not call.summary:
        told = [] if call.resume else ["--shards", str(shards)]
        ranks.start_ranks("fnn-train", number, [*without_ranks(argv), *told])
    program.keep_freed_memory()
    place = Path(call.run or call.resume or "") if call.run or call.resume else None
    if (call.out is not None or place is None) and group.rank == 0:
        check_writable(call.out or DEFAULT)  # before any work that could be lost
    if group.rank:
        meet(patient)  # the first process has downloaded what is missing
    source = open_data(options.data, reading=reading_like(options, options.params))
    if not group.rank:
        meet(patient)
    form = run_directory.read_config(Path(call.resume)).get("form") if call.resume else None
    job = assemble(of_network(options, 0), source, form=form)
    assert job.spec is not None
    if call.summary:
        net = together(job.net, job.spec._replace(networks=options.networks))
        print(summary(net, job.spec.shape))
        return
    if call.run is not None and group.rank == 0:
        run_directory.create(Path(call.run), options.params)
    seen = fingerprint(*source.data) if place else ""
    own_code = options.model if is_own(options.model or "") else None
    kept = {"fingerprint": seen, "form": job.spec.form if own_code else None}
    with ExitStack() as stack:
        # Each of several networks is a run of its own, in 1, 2, ...
        if place and options.networks > 1 and group.rank == 0:
            stack.enter_context(opened(place, job, config_of(options, source, kept)))
        # From the first network to the last: a signal between two of them loses neither.
        stop = stack.enter_context(program.asked_to_stop())
        shared = Shared(call, resume_with(str(place), job.spec), group, stop)
        each: list[Trained] = []
        try:
            for i in range(options.networks):
                own = of_network(options, i)
                part = place
                if options.networks > 1:
                    part = place and place / str(i + 1)
                    teller(call.quiet)(f"network {i + 1} of {options.networks}, seed {own.seed}")
                job = job if i == 0 else assemble(own, source, i, form)
                config = config_of(own, source, kept)
                intro = None if i or call.resume else partial(described, options, job)
                with blamed(own_code) if own_code else nullcontext():
                    each.append(train_one(job, i, part, config, shared, intro))
        except Stopped as stopped:
            if group.rank == 0:
                rescue(options, call, job, [*each, *([stopped.last] if stopped.last else [])])
            raise
        share = answered(options, job, each, group)
        if group.rank == 0:
            finish(options, call, place, job, each, share)


class Shared(NamedTuple):
    """What all networks of a call have in common; `resume` is the command that goes on."""

    call: Call
    resume: str
    group: Group
    stop: Callable[[], bool]


def train_one(
    job: Job,
    i: int,
    place: Path | None,
    config: dict[str, Any],
    shared: Shared,
    intro: Callable[[Tree], str] | None,
) -> Trained:
    """Network `i` at the end of its training; `intro` of its parameters is said as it begins."""
    call, resume, group, stop = shared
    pause = SAVE_EVERY if call.save_every is None else call.save_every
    now: Progress | None = None
    finished: Progress | None = None  # the last stage after an epoch
    spelled = (lambda row: json_line({"network": i + 1, **row._asdict()})) if call.json else None
    with shown(job, call.quiet, spelled) as show:
        every = (
            run(job, place, pause, stop, config, group)
            if place
            else stages(job, begin(job), stop, group)
        )
        try:
            for now in every:
                if intro:
                    show.line(intro(now.ts.params))
                    intro = None
                show.stage(now)
                finished = now if now.row is not None else finished
        except KeyboardInterrupt:
            if place is None:
                raise Stopped(finished and trained(job, finished, show)) from None
            if now is not None:
                show.line(
                    f"stopped after step {now.batch} of epoch {now.epoch + 1}; continue with: "
                    f"{resume}"
                )
            if call.json:
                tell(json_line(STOPPED | {"resume": resume}))
            raise
        except Diverged as error:
            advice = "begin a new run with" if place else "choose"
            lost = "" if place else ", and nothing was saved"
            raise InputError(f"{error}{lost}; {advice} a smaller --lr") from None
        assert now is not None  # a job has at least one epoch
        return trained(job, now, show)


def share_out(options: Options, call: Call, processes: int) -> int:
    """The number of shards; InputError if the processes cannot share them out."""
    default = usual(model_of(options)).shards
    shards = options.shards or (1 if call.resume else max(processes, default))
    try:
        check_shards(shards, processes)
    except ValueError as error:
        advice = "as in the run that is resumed" if call.resume else "or choose another --shards"
        raise InputError(f"{error}: take fewer processes, {advice}") from None
    return shards


def resume_with(directory: str, spec: Spec) -> str:
    """The command that continues a run; it names the code of one's own layers."""
    own = f" --model {shlex.quote(spec.name)}" if is_own(spec.name) and spec.form is None else ""
    return f"fnn-train --resume {shlex.quote(directory)}{own}"


def config_of(options: Options, source: Source[Dataset], kept: dict[str, Any]) -> dict[str, Any]:
    """What a run's config.json keeps of a call."""
    named = source.name if source.name in KNOWN else str(Path(source.name).resolve())
    return {"options": resolve(options)._replace(data=named)._asdict(), **kept}


def main(argv: Sequence[str] | None = None) -> int:
    """fnn-train's exit status."""
    return ranks.as_one("fnn-train", lambda: program.run("fnn-train", body, argv))
