"""Several networks that answer together: trained one after another, each from its own seed."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from fnn.cli.progress import teller
from fnn.cli.train_once import train_once
from fnn.data.catalogue import Source
from fnn.data.dataset import Dataset
from fnn.models import Spec
from fnn.train import TrainState
from fnn.training import run_directory
from fnn.training.assemble import finish, put_together
from fnn.training.drive import opened, train_run
from fnn.training.options import of_network


def train_networks(args: Namespace, source: Source[Dataset], spec: Spec) -> None:
    """Train `args.networks` networks with the seeds from `args.seed` up, and save them as one.

    Where --augment names several ways, the networks take them in turn.

    With --run each is a run of its own, in the directories 1, 2, ... of the run: those that are
    finished are read again when the whole is resumed.
    """
    with ExitStack() as stack:
        directory = stack.enter_context(opened(args, source)) if args.run or args.resume else None
        each = list(_each(args, source, spec, directory))
        whole = spec._replace(networks=args.networks)
        ts = together(each)
        finish(args, directory, whole, ts, source.data.test, teller(args.quiet))


def together(each: list[TrainState]) -> TrainState:
    """The parameters and state of `fnn.ensemble`, from those of its networks."""
    params, state = (
        {0: dict(enumerate(part)), 1: {}}
        for part in zip(*((ts.params, ts.state) for ts in each), strict=True)
    )
    return each[-1]._replace(params=params, state=state)


def _each(
    args: Namespace, source: Source[Dataset], spec: Spec, directory: Path | None
) -> Iterator[TrainState]:
    for i in range(args.networks):
        own: dict[str, Any] = {"out": None, "compact": False, "run": None, "resume": None}
        if directory:
            part = directory / str(i + 1)
            begun = (part / run_directory.CONFIG).exists()
            own |= {"resume" if begun else "run": str(part), "whole": str(directory)}
        mine = Namespace(**{**vars(of_network(args, i)), **own})
        teller(args.quiet)(f"network {i + 1} of {args.networks}, seed {mine.seed}")
        task = put_together(mine, source, spec)
        yield train_run(mine, source, task) if directory else train_once(mine, task)
