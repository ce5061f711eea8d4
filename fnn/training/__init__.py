"""The trainer: any network on any arrays, with validation, checkpoints, resuming and metrics.

A `Job` says what a training is, and `train(job)` is a generator of its stages: one after each step,
and one after each epoch, which has a `row` of figures. `run(job, directory)` is the same, kept in a
directory: leave the loop by `break` or Ctrl-C, and the next `run` goes on from there.

>>> import tempfile, numpy as np, fnn
>>> from fnn import training
>>> from fnn.data.synthetic import digits
>>> net = fnn.serial(fnn.flatten(), fnn.dense(20), fnn.relu(), fnn.dropout(0.2), fnn.dense(10))
>>> train, validation = training.held_out(digits(0, 600), 0.2, seed=0)
>>> job = training.Job(net, fnn.adam(), train, validation, test=digits(1, 100), epochs=2)
>>> directory = tempfile.TemporaryDirectory()
>>> for now in training.run(job, f"{directory.name}/stopped"):
...     if (now.epoch, now.batch) == (1, 2):
...         break
>>> for now in training.run(job, f"{directory.name}/stopped"):
...     if now.row:
...         print(now.row.epoch, now.row.step)
2 10
>>> for whole in training.train(job):
...     pass
>>> a, b = (fnn.tree.leaves(training.outcome(end).params) for end in (now, whole))
>>> all(map(np.array_equal, a, b))
True
>>> directory.cleanup()

fnn-train is a face of this: `assemble(Options(...), fnn.open_data("mnist"))` is its job.
"""

from fnn.training.assemble import assemble, together
from fnn.training.drive import run
from fnn.training.history import Row, read_rows
from fnn.training.loop import (
    Best,
    Diverged,
    Job,
    Progress,
    begin,
    held_out,
    measure,
    outcome,
    train,
)
from fnn.training.options import Options
from fnn.training.recipes import RECIPES
from fnn.training.resolve import check, of_network, resolve

__all__ = [
    "RECIPES", "Best", "Diverged", "Job", "Options", "Progress", "Row", "assemble", "begin",
    "check", "held_out", "measure", "of_network", "outcome", "read_rows", "resolve", "run",
    "together", "train",
]  # fmt: skip
