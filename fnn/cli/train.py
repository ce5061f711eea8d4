"""fnn-train: trains a network, prints how it goes, saves the parameters (the course's task 3)."""

import operator
import sys
import time
from argparse import Namespace
from collections.abc import Iterable, Sequence
from typing import TypeVar

from fnn import keys
from fnn.cli.common import Parser, parser, positive, run, say, whole
from fnn.cli.options import add_data_argument
from fnn.cli.parameters import DEFAULT
from fnn.data.batches import batches, to_float
from fnn.data.dataset import Split
from fnn.data.sources import open_data
from fnn.files import check_writable
from fnn.losses import softmax_cross_entropy
from fnn.models import MODELS, Spec, build
from fnn.optim import Optimizer
from fnn.recipes import OPTIMIZERS, RECIPES, SCHEDULES
from fnn.recognizer import save_recognizer
from fnn.train import Step, TrainState, evaluate, init_train_state, states, train_step

T = TypeVar("T")


def main(argv: Sequence[str] | None = None) -> int:
    return run("fnn-train", body, argv)


def arguments() -> Parser:
    p = parser(
        "fnn-train",
        "Train a network and save its parameters. After each epoch one line tells the mean "
        "cross-entropy of the training images (as they were learned), the accuracy on the test "
        "images, and the seconds that the epoch took.",
        "fnn-train --model mlp --epochs 5 --out mine.npz",
    )
    p.add_argument("--model", choices=MODELS, default="mlp", help="which network (%(default)s)")
    add_data_argument(p)
    p.add_argument(
        "--epochs", type=whole(1), help=f"passes over the training images ({by_model('epochs')})"
    )
    p.add_argument(
        "--batch-size", type=whole(1), help=f"images in a step ({by_model('batch_size')})"
    )
    p.add_argument(
        "--optimizer",
        choices=OPTIMIZERS,
        help=f"how gradients become steps ({by_model('optimizer')})",
    )
    rates = ", ".join(f"{name} {choice.lr}" for name, choice in OPTIMIZERS.items())
    p.add_argument(
        "--lr",
        type=positive,
        help=f"the learning rate ({by_model('lr')}; with --optimizer the course's: {rates})",
    )
    p.add_argument(
        "--schedule",
        choices=SCHEDULES,
        help="the course of the rate over the whole training "
        f"({by_model('schedule')}; with --optimizer or --lr: constant)",
    )
    p.add_argument("--hidden", type=whole(1), help="hidden nodes of the mlp (200)")
    p.add_argument(
        "--seed", type=whole(0), default=0, help="what every random choice depends on (%(default)s)"
    )
    p.add_argument(
        "--out", metavar="FILE", default=DEFAULT, help="where the parameters go (%(default)s)"
    )
    return p


def by_model(field: str) -> str:
    """The default of each model, for --help."""
    return ", ".join(f"{model}: {getattr(recipe, field)}" for model, recipe in RECIPES.items())


def body(argv: Sequence[str]) -> None:
    args = arguments().parse_args(argv)
    check_writable(args.out)  # before any work is done that could be lost
    source = open_data(args.data)
    data, classes = source.data, len(source.classes)
    shape = (*data.train.images.shape[1:], 1)[:3]
    spec = Spec(args.model, shape, classes, {"hidden": args.hidden} if args.hidden else {})
    net = build(spec)
    recipe = RECIPES[args.model]
    epochs = args.epochs or recipe.epochs
    size = args.batch_size or recipe.batch_size
    optimizer = make_optimizer(args, epochs * -(-len(data.train.labels) // size))
    ts = init_train_state(net, optimizer, args.seed, shape)
    step = train_step(net, softmax_cross_entropy, optimizer)
    for epoch in range(1, epochs + 1):
        start = time.perf_counter()
        rng = keys.child(args.seed, keys.EPOCH, epoch)
        ts, loss = train_epoch(step, data.train, rng, size, ts, f"epoch {epoch}/{epochs}")
        test = evaluate(net, ts.params, ts.state, *data.test, prepare=to_float)
        seconds = time.perf_counter() - start
        print(
            f"epoch {epoch}  loss {loss:.4f}  accuracy {test.accuracy:.4f}  {seconds:.2f} s",
            flush=True,
        )
    save_recognizer(args.out, spec, ts.params, ts.state)
    say(f"parameters saved in {args.out}")


def make_optimizer(args: Namespace, steps: int) -> Optimizer:
    """The optimizer that the arguments choose, for a training of so many steps."""
    recipe = RECIPES[args.model]
    own = args.optimizer is None and args.lr is None
    chosen = OPTIMIZERS[args.optimizer or recipe.optimizer]
    schedule = SCHEDULES[args.schedule or (recipe.schedule if own else "constant")]
    return chosen.make(schedule(args.lr or (recipe.lr if own else chosen.lr), steps))


def train_epoch(
    step: Step, split: Split, rng: keys.Key, size: int, ts: TrainState, title: str
) -> tuple[TrainState, float]:
    """Learn every image once; the state after it, and the mean loss of an image on the way."""
    n = len(split.labels)
    sizes = [min(size, n - start) for start in range(0, n, size)]
    feed = batches(keys.child(rng, keys.ORDER), *split, size, to_float)
    losses = []
    for now in states(step, progress(feed, len(sizes), title), ts):
        losses.append(now.loss)
    return now, sum(map(operator.mul, losses, sizes)) / n


def progress(items: Iterable[T], total: int, title: str) -> Iterable[T]:
    """The items, with a bar on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        return items
    from tqdm import tqdm

    bar: Iterable[T] = tqdm(items, desc=title, total=total, leave=False)
    return bar
