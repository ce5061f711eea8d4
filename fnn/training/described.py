"""A training in one line: what learns from what, how, and where each choice comes from."""

from __future__ import annotations

from fnn import tree
from fnn.training.choices import DEFAULTS, OF_THE_COURSE
from fnn.training.loop import Job
from fnn.training.options import Options
from fnn.training.resolve import has_own_rate, recipe_of, resolve
from fnn.tree import Tree


def described(options: Options, job: Job, params: Tree) -> str:
    """What `options` and their defaults mean for a training; None in `options` is a default."""
    chosen = resolve(options)
    model = chosen.model or (job.spec and job.spec.name) or "the file's network"
    usual = f"{chosen.model}'s" if chosen.model in DEFAULTS else "the default"
    own, of_the_course = has_own_rate(options), chosen.optimizer in OF_THE_COURSE
    defaults = {
        "epochs": usual,
        "batch_size": usual,
        "optimizer": usual,
        "lr": usual if own else ("the course's" if of_the_course else "customary"),
        "schedule": usual if own else "as --optimizer or --lr is given",
    }

    def told(name: str, text: str) -> str:
        value = getattr(options, name)
        where = "given"
        if value is None:
            where = defaults[name]
        elif recipe_of(options).get(name) == value:
            where = "the recipe's"
        return f"{text} ({where})"

    numbers = sum(leaf.size for leaf in tree.leaves(params))
    count, steps = len(job.train[1]), -(-len(job.train[1]) // job.batch_size)
    data = job.origin.data if job.origin else "these images"
    how = [told("optimizer", str(chosen.optimizer))]
    if chosen.lr is not None:
        how += [told("lr", f"rate {chosen.lr:g}"), told("schedule", str(chosen.schedule))]
    length = told("epochs", f"{job.epochs} epoch{'s' if job.epochs > 1 else ''}")
    batch = told("batch_size", f"{steps} step{'s' if steps > 1 else ''} of {job.batch_size} images")
    shards = f", in {job.shards} shards" if job.shards > 1 else ""
    begins = f" from {options.params}" if options.params else ""
    frozen = f", its first {options.freeze} layers kept" if options.freeze else ""
    who = f"{numbers:,} in {model}{begins}, which learns from {count:,} images of {data}{frozen}"
    return f"parameters: {who} by {', '.join(how)}; {length} of {batch}{shards}"
