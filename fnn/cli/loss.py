"""fnn-loss: the mean cross-entropy of a mini-batch of test images (the course's task 2)."""

from __future__ import annotations

from collections.abc import Sequence

from fnn import keys
from fnn.cli.help import DATA_HOME, THREADS
from fnn.cli.inputs import add_data_argument, add_params_argument, network_for, reading_for
from fnn.cli.program import Parser, argument, main_of, parser
from fnn.data.catalogue import open_data
from fnn.errors import InputError
from fnn.losses import softmax_cross_entropy
from fnn.recognizer.recognizer import recognize
from fnn.training.kinds import whole


def arguments() -> Parser:
    p = parser(
        "fnn-loss",
        "Choose test images at random and print the network's mean cross-entropy on them, in nats.",
        "fnn-loss --params random --batch-size 100",
        "a network is named with --params {0}, a data set with --data {0}",
        (DATA_HOME, THREADS),
    )
    add_params_argument(p)
    add_data_argument(p)
    p.add_argument(
        "--batch-size", type=argument(whole(1)), default=100, help="number of images (%(default)s)"
    )
    p.add_argument(
        "--seed", type=argument(whole(0)), default=0, help="seed of the random choice (%(default)s)"
    )
    return p


def body(argv: Sequence[str]) -> None:
    args = arguments().parse_args(argv)
    source = open_data(args.data, "test", reading=reading_for(args))
    images, _ = source.data
    if args.batch_size > len(images):
        raise InputError(
            f"--batch-size {args.batch_size}: the data set has {len(images)} test images; "
            "choose that many or fewer"
        )
    found, (_, (_, labels), _) = network_for(args, source)
    draw = keys.generator(keys.child(args.seed, keys.SAMPLE))
    rows = draw.permutation(len(images))[: args.batch_size]
    print(softmax_cross_entropy(recognize(found, images[rows]), labels[rows])[0])


main = main_of("fnn-loss", body)
