"""A training that keeps nothing on the way."""

from argparse import Namespace

from fnn.cli.progress import shown
from fnn.errors import InputError, say
from fnn.train import TrainState
from fnn.training.assemble import Task, outcome
from fnn.training.loop import Diverged, train
from fnn.training.run_directory import Progress


def train_once(args: Namespace, task: Task) -> TrainState:
    """Where the training ends; the parameters are written by the caller, when all is done."""
    start, best = Progress(task.fresh), None
    try:
        with shown(task.job, start, args.quiet) as show:
            for stage in train(task.job, start):
                show.stage(stage)
                best = stage.best or best
            return outcome(task, stage.now, best, show)
    except KeyboardInterrupt:
        say("\nthe training is not finished and nothing was saved")
        raise
    except Diverged as error:
        raise InputError(f"{error}, and nothing was saved; choose a smaller --lr") from None
