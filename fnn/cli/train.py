"""fnn-train: trains a network, prints how it goes, saves the parameters (the course's task 3)."""

from collections.abc import Sequence

from fnn.cli import program
from fnn.cli.inputs import DEFAULT
from fnn.cli.parsed import parsed
from fnn.cli.program import run
from fnn.cli.progress import teller
from fnn.cli.train_networks import train_networks
from fnn.cli.train_once import train_once
from fnn.data.batches import image_shape
from fnn.data.catalogue import open_data
from fnn.files.atomic import check_writable
from fnn.models import Spec, build
from fnn.summary import summary, table
from fnn.training.assemble import finish, put_together
from fnn.training.drive import train_run
from fnn.training.options import model_options, of_network


def main(argv: Sequence[str] | None = None) -> int:
    return run("fnn-train", body, argv)


def body(argv: Sequence[str]) -> None:
    args = parsed(argv)
    program.keep_freed_memory()
    options = model_options(args)
    if args.out is not None or not (args.run or args.resume):
        check_writable(args.out or DEFAULT)  # before any work is done that could be lost
    source = open_data(args.data)
    shape = image_shape(source.data.train.images)
    spec = Spec(args.model, shape, len(source.classes), options, views=args.views)
    first = of_network(args, 0)
    task = put_together(first, source, spec)
    if args.summary:
        whole = build(spec._replace(networks=args.networks))
        print(table(summary(whole, spec.shape)))
    elif args.networks > 1:
        train_networks(args, source, spec)
    elif args.run or args.resume:
        train_run(first, source, task)
    else:
        ts = train_once(first, task)
        finish(args, None, spec, ts, source.data.test, teller(args.quiet))
