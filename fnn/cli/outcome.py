"""How a call of fnn-train ends: the networks it has trained become a file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnn.cli.call import Call
from fnn.cli.inputs import DEFAULT
from fnn.cli.json_line import json_line
from fnn.cli.progress import Show, tell, teller
from fnn.errors import one_line, say
from fnn.files.atomic import keep_aside
from fnn.metrics import accuracy
from fnn.models import Spec
from fnn.models import together as networks
from fnn.recognizer.quantize import dequantize, quantize
from fnn.recognizer.recognizer import Recognizer, recognize, write_recognizer
from fnn.shards import ALONE, Group
from fnn.train import TrainState
from fnn.training import run_directory
from fnn.training.assemble import together
from fnn.training.loop import Job, Progress, measure, outcome
from fnn.training.options import Options
from fnn.training.shared import shared_answer

# The last line of --json: "trained" or "stopped"; the epoch and the accuracy of each network; the
# accuracy of their mean answer, and that of a guess; the files; the command that goes on.
STOPPED: dict[str, Any] = {
    "outcome": "stopped", "networks": [], "accuracy": None, "guess": None, "files": [],
    "resume": None,
}  # fmt: skip


class Trained(NamedTuple):
    """A network, its epochs, and its accuracy on the test images if they were measured."""

    ts: TrainState
    epochs: int
    accuracy: float | None


class Stopped(KeyboardInterrupt):
    """Ctrl-C or SIGTERM; `last` is the network of the last epoch that was finished."""

    def __init__(self, last: Trained | None) -> None:
        super().__init__()
        self.last = last


def trained(job: Job, now: Progress, show: Show) -> Trained:
    """The network of the best or the last epoch; prints a line about the best one."""
    ts, last = outcome(now), None if now.row is None else now.row.test_accuracy
    if not now.best.epoch or job.test is None:
        return Trained(ts, now.epoch, last)
    best, tested = now.best, measure(job, ts, job.test).accuracy
    told = f"epoch {best.epoch} was best on the validation images: accuracy {best.accuracy:.4f}"
    show.line(f"{told}, on the test images {tested:.4f}")
    return Trained(ts, best.epoch, tested)


def rescue(options: Options, call: Call, job: Job, each: list[Trained]) -> None:
    """After Ctrl-C without a run's directory: save what has been learned in whole epochs."""
    if not each:
        say("stopped in the first epoch: nothing was saved (--run DIR would keep it)")
        if call.json:
            tell(json_line(STOPPED))
        return
    say(f"stopped; the last network has learned for {each[-1].epochs} of {job.epochs} epochs")
    finish(options, call, None, job, each, answered(options, job, each), "stopped")


def known(job: Job, one: Trained) -> float:
    """The accuracy of a network on the test images, measured now if it was not before."""
    assert job.test is not None
    return measure(job, one.ts, job.test).accuracy if one.accuracy is None else one.accuracy


def answered(options: Options, job: Job, each: list[Trained], group: Group = ALONE) -> float:
    """The accuracy of what will be saved on the test images, which the processes share out."""
    assert job.test is not None
    found = as_one(options, job, each)
    if each[0].accuracy is not None and not (is_several(found.spec) or options.compact):
        return each[0].accuracy
    return accuracy(shared_answer(partial(recognize, found), job.test[0], group), job.test[1])


def as_one(options: Options, job: Job, each: list[Trained]) -> Recognizer:
    """The networks that were trained, which answer together, with weights as a file has them."""
    assert job.spec is not None
    ts, spec = together([one.ts for one in each]), job.spec._replace(networks=len(each))
    params = dequantize(quantize(ts.params)) if options.compact else ts.params
    return Recognizer(spec, networks(job.net, spec), params, ts.state)


def is_several(spec: Spec) -> bool:
    """Whether the answer is a mean, over networks or views."""
    return spec.networks > 1 or spec.views != "one"


def finish(
    options: Options,
    call: Call,
    place: Path | None,
    job: Job,
    each: list[Trained],
    share: float,
    how: str = "trained",
) -> None:
    """Write the networks to the run's directory and to --out, or to DEFAULT without either.

    With several networks or views, print `share`, the accuracy of the mean answer of the file.
    """
    assert job.test is not None and job.origin is not None  # noqa: PT018
    told, found = teller(call.quiet), as_one(options, job, each)
    spec, several = found.spec, is_several(found.spec)
    if several:
        views = "" if spec.views == "one" else f", {spec.views} views"
        count = f"{len(each)} networks" if len(each) > 1 else "the network"
        told(f"{count}{views}: accuracy {share:.4f} on the test images")
    usual = float(np.bincount(job.test[1]).max() / len(job.test[1]))
    if share <= usual:
        told(
            f"fnn: the network is no better than a guess: its accuracy is {share:.4f}, and "
            f"{usual:.4f} of the test images are of one class; try another --lr, or more --epochs"
        )
    if not call.out and place is None and (kept := keep_aside(DEFAULT)):
        told(one_line(f"fnn: the {DEFAULT} that was here is now {kept}"))
    named = [Path(call.out or DEFAULT)] if call.out or place is None else []
    origin = job.origin._replace(accuracy=share)
    files = [*([place / run_directory.FINAL] if place else []), *named]
    for path in files:
        write_recognizer(path, spec, found.params, found.state, options.compact, origin)
        told(one_line(f"parameters saved in {path}"))
    if call.json:
        # that of a run which was done before is measured again
        shares = [known(job, one) if several else share for one in each]
        epochs = [{"epoch": one.epochs, "accuracy": a} for one, a in zip(each, shares, strict=True)]
        figures = {"networks": epochs, "accuracy": share, "guess": usual}
        tell(json_line(STOPPED | figures | {"outcome": how, "files": list(map(str, files))}))
