"""fnn-train: trains a network, prints how it goes, saves the parameters (the course's task 3)."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from fnn.cli.common import run, say
from fnn.cli.memory import keep_freed_memory
from fnn.cli.parameters import DEFAULT
from fnn.cli.parsed import parsed
from fnn.cli.progress import shown
from fnn.cli.task import Task, finish, put_together
from fnn.cli.train_options import model_options
from fnn.cli.train_run import train_run
from fnn.cli.training import Diverged, train
from fnn.data.batches import image_shape
from fnn.data.sources import open_data
from fnn.errors import InputError
from fnn.files import check_writable
from fnn.models import Spec
from fnn.runs import Progress
from fnn.summary import summary, table


def main(argv: Sequence[str] | None = None) -> int:
    return run("fnn-train", body, argv)


def body(argv: Sequence[str]) -> None:
    args = parsed(argv)
    keep_freed_memory()
    options = model_options(args)
    if args.out is not None or not (args.run or args.resume):
        check_writable(args.out or DEFAULT)  # before any work is done that could be lost
    source = open_data(args.data)
    spec = Spec(args.model, image_shape(source.data.train.images), len(source.classes), options)
    task = put_together(args, source, spec)
    if args.summary:
        print(table(summary(task.job.net, spec.shape)))
    elif args.run or args.resume:
        train_run(args, source, task)
    else:
        train_once(args, task)


def train_once(args: Namespace, task: Task) -> None:
    """Train, and write the parameters when all is done."""
    out, start, best = args.out or DEFAULT, Progress(task.fresh), None
    try:
        with shown(task.job, start, args.quiet) as show:
            for stage in train(task.job, start):
                show.stage(stage)
                best = stage.now.ts if stage.is_best else best
            finish(task, stage.now, best, [Path(out)], show)
    except KeyboardInterrupt:
        say("\nthe training is not finished and nothing was saved")
        raise
    except Diverged as error:
        raise InputError(f"{error}, and nothing was saved; choose a smaller --lr") from None
