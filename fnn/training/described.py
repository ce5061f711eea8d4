"""A training in one line: what learns from what, how, and where each choice comes from."""

from fnn import tree
from fnn.training.loop import Job
from fnn.training.options import Options
from fnn.training.resolve import recipe_of, resolve


def described(options: Options, job: Job) -> str:
    """What `options` and their defaults mean for a training; None in `options` is a default."""
    chosen = resolve(options)
    usual = f"{options.model}'s"
    own = options.optimizer is None and options.lr is None
    defaults = {
        "epochs": usual,
        "batch_size": usual,
        "optimizer": usual,
        "lr": usual if own else "the course's",
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

    params = job.net.init(0, job.prepare(job.train[0][:1]).shape[1:])
    numbers = sum(leaf.size for leaf in tree.leaves(params))
    count, steps = len(job.train[1]), -(-len(job.train[1]) // job.batch_size)
    data = job.origin.data if job.origin else "these images"
    how = [told("optimizer", str(chosen.optimizer))]
    if chosen.lr is not None:
        how += [told("lr", f"rate {chosen.lr:g}"), told("schedule", str(chosen.schedule))]
    length = told("epochs", f"{job.epochs} epoch{'s' if job.epochs > 1 else ''}")
    batch = told("batch_size", f"{steps} steps of {job.batch_size} images")
    shards = f", in {job.shards} shards" if job.shards > 1 else ""
    who = f"{numbers:,} in {options.model}, which learns from {count:,} images of {data}"
    return f"parameters: {who} by {', '.join(how)}; {length} of {batch}{shards}"
