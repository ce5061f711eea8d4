"""fnn-show: pictures of a data set, of what a network gets wrong, and of its first filters."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fnn import keys, tree
from fnn.arrays import Array
from fnn.cli import program
from fnn.cli.figures import add_out_argument, check_drawing, check_target, deliver
from fnn.cli.help import DATA_HOME, THREADS
from fnn.cli.inputs import (
    add_data_argument,
    add_params_argument,
    find_recognizer,
    network_for,
    reading_for,
    refuse_reading,
)
from fnn.cli.program import Parser, argument, main_of, parser
from fnn.data.catalogue import Source, open_data
from fnn.data.dataset import Split
from fnn.data.mnist import SplitName
from fnn.errors import InputError, say
from fnn.losses import softmax
from fnn.plots import Card, sheet
from fnn.recognizer.recognizer import Recognizer, recognize
from fnn.training.data_options import reading_of
from fnn.training.kinds import whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 1000  # images on a sheet
USUAL = {"split": "test", "count": 50, "seed": 0}
SPLITS = {"test": "test images", "train": "training images"}


def arguments() -> Parser:
    p = parser(
        "fnn-show",
        "Show images of a data set with their labels; or the images that a network gets wrong, "
        "each with its label, the network's answer and the probability of that answer, most "
        "confident first; or the filters of a network's first layer.",
        "fnn-show --mistakes --out mistakes.png",
        "images are named with --index {0}, a picture to write with --out {0}",
        (DATA_HOME, THREADS),
    )
    which = p.add_mutually_exclusive_group()
    which.add_argument(
        "--index",
        metavar="I",
        type=argument(whole(0)),
        nargs="+",
        action="extend",
        help="show the images with these indices",
    )
    which.add_argument("--mistakes", action="store_true", help="show what the network gets wrong")
    which.add_argument(
        "--filters",
        action="store_true",
        help="show the first layer's filters or, if it is dense, its weights as images",
    )
    add_data_argument(p)
    p.add_argument("--split", choices=SPLITS, help=f"the part of the data set ({USUAL['split']})")
    p.add_argument(
        "--count",
        type=argument(whole(1, MOST)),
        help=f"maximum number of images or filters ({USUAL['count']})",
    )
    p.add_argument(
        "--seed", type=argument(whole(0)), help=f"seed of the random choice ({USUAL['seed']})"
    )
    add_params_argument(p)
    add_out_argument(p)
    return p


def body(argv: Sequence[str]) -> None:
    args = arguments().parse_args(argv)
    for name in ("params", "model"):
        if getattr(args, name) is not None and not (args.mistakes or args.filters):
            raise InputError(f"--{name}: images alone need no network; add --mistakes or --filters")
    if args.count is not None and args.index:
        raise InputError("--count: --index says which images to show; leave out one of the two")
    if args.seed is not None and (args.index or args.mistakes or args.filters):
        raise InputError("--seed: nothing is chosen at random here; leave it out")
    if args.split is not None and args.filters:
        raise InputError("--split: the filters need no images; leave it out")
    args = Namespace(**{**vars(args), **{k: getattr(args, k) or v for k, v in USUAL.items()}})
    check_target(args.out)
    if args.filters and args.data is None:  # no images are needed
        refuse_reading(args, "the filters need no images")
        deliver_filters(find_recognizer(args.params, model=args.model), args)
        return
    split: SplitName = args.split
    alone = not args.mistakes and not args.filters
    reading = reading_of(args) if alone else reading_for(args)
    source = open_data(args.data, split, reading=reading)
    if alone:
        title, cards = images(source, args)
        check_drawing(args.out)
        deliver(lambda: sheet(cards, title), args.out)
        return
    found, source = network_for(args, source)
    if args.filters:
        deliver_filters(found, args)
        return
    check_drawing(args.out)  # before the work
    title, cards = mistakes(found, source, args)
    if cards:
        deliver(lambda: sheet(cards, title), args.out)
    else:
        say(f"{title}: there is nothing to show")


def images(source: Source[Split], args: Namespace) -> tuple[str, list[Card]]:
    """Images with their labels: those of `--index`, or some at random."""
    split, n = source.data, len(source.data.images)
    if args.index:
        for i in args.index:
            if i >= n:
                raise InputError(
                    f"--index {i}: {source.name} has {n} {SPLITS[args.split]}; expected 0..{n - 1}"
                )
        if len(args.index) > MOST:
            raise InputError(f"--index: expected at most {MOST} indices, found {len(args.index)}")
        rows, how = args.index, ""
    else:
        draw = keys.generator(keys.child(args.seed, keys.SAMPLE))
        rows, how = draw.permutation(n)[: args.count].tolist(), f", chosen with seed {args.seed}"
    cards = [
        Card(split.images[i], source.classes[split.labels[i]], note=f"image {i}") for i in rows
    ]
    return f"{source.name}: {SPLITS[args.split]}{how}", cards


def mistakes(found: Recognizer, source: Source[Split], args: Namespace) -> tuple[str, list[Card]]:
    """The images that the network gets wrong, most confident first."""
    program.keep_freed_memory()
    split = source.data
    logits = recognize(found, split.images)
    # Float64, so that nearly certain answers still have an order.
    p = softmax(logits.astype(np.float64))
    answers = logits.argmax(axis=1)
    wrong = np.flatnonzero(answers != split.labels)
    rows = wrong[np.argsort(-p[wrong, answers[wrong]], kind="stable")][: args.count]
    names = source.classes
    cards = [
        Card(
            split.images[i],
            f"is {names[split.labels[i]]}",
            f"said {names[answers[i]]}, {p[i, answers[i]]:.1%}",
            f"image {i}",
        )
        for i in rows
    ]
    some = f"; the {len(rows)} most confident" if len(rows) < len(wrong) else ""
    return f"{source.name}: {len(wrong)} of {len(p)} {SPLITS[args.split]} wrong{some}", cards


def deliver_filters(found: Recognizer, args: Namespace) -> None:
    weights, title = first_weights(found)
    check_drawing(args.out)
    deliver(lambda: filters(weights, title, args), args.out)


def filters(weights: Array, title: str, args: Namespace) -> Figure:
    """A sheet of weights, (N, H, W, C), all on one scale around 0."""
    shown = weights[: args.count]
    top = float(np.abs(shown).max()) or 1.0
    if len(shown) < len(weights):
        title = f"{title}, the first {len(shown)} of {len(weights)}"
    if shown.shape[3] == 3:
        title += f" (grey is 0, full color {top:.2g})"
        cards = [Card((w / top + 1) / 2, f"{i}") for i, w in enumerate(shown)]
        return sheet(cards, title)
    cards = [Card(w[..., 0], f"{i}") for i, w in enumerate(shown)]
    return sheet(cards, title, (-top, top), "RdBu_r", "weight")


def first_weights(found: Recognizer) -> tuple[Array, str]:
    """The filters of the first layer with weights, (N, H, W, C), and a title.

    The weights of a dense layer that sees the flattened image, as in the mlp, are images too.
    Raises InputError for any other layer, or if C is neither 1 nor 3.
    """
    shape = found.spec.shape
    every = (leaf for path, leaf in tree.items(found.params) if path[-1:] == ("W",))
    first: Array = next(every, np.empty(0))  # a network of one's own may have no weights
    if first.ndim == 4:
        weights, what = first.transpose(3, 0, 1, 2), "filters of the first convolution"
    elif len(shape) == 3 and first.ndim == 2 and len(first) == math.prod(shape):
        weights, what = first.T.reshape(-1, *shape), "hidden nodes' weights on the pixels"
    else:
        raise InputError("the network's first layer sees no image: there are no filters to show")
    if weights.shape[3] not in (1, 3):
        raise InputError(f"the filters have {weights.shape[3]} channels: only 1 or 3 can be shown")
    which = f", network 1 of {found.spec.networks}" if found.spec.networks > 1 else ""
    return weights, f"{found.spec.name or 'the network'}: {what}{which}"


main = main_of("fnn-show", body)
