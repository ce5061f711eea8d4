"""fnn-predict: prints the digits in test images (the course's tasks 1 and 4) or in image files."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.arrays import Array
from fnn.cli.help import DATA_HOME, THREADS
from fnn.cli.indices import indices
from fnn.cli.inputs import (
    add_data_argument,
    add_params_argument,
    class_names,
    find_reader,
    network_for,
    reading_for,
    refuse_reading,
)
from fnn.cli.json_line import json_line
from fnn.cli.program import Parser, argument, main_of, parser
from fnn.cli.seen import write_seen
from fnn.data.catalogue import open_data
from fnn.errors import InputError, one_line, say
from fnn.files.atomic import check_writable
from fnn.handwriting.image_file import MOST, NAMES, check_pillow
from fnn.losses import softmax
from fnn.recognizer.picture import input_from_file, no_digit, reads_digits
from fnn.recognizer.recognizer import Recognizer, recognize
from fnn.training.kinds import whole


def arguments() -> Parser:
    p = parser(
        "fnn-predict",
        "Read indices of test images from standard input, one per line, and print the digit that "
        "the network recognizes in each image. At a terminal, the program asks for the indices. "
        "With --image, print the digits in image files instead.",
        "echo 7 | fnn-predict --top 3",
        "for test image {0}: echo {0} | fnn-predict; for a picture: --image {0}",
        (DATA_HOME, THREADS),
    )
    add_params_argument(p)
    add_data_argument(p)
    p.add_argument(
        "--top",
        metavar="K",
        type=argument(whole(1)),
        default=None,
        help="print the K most likely digits, each with its probability, instead of only the best",
    )
    p.add_argument(
        "--json",
        action="store_true",
        help="print a JSON object per image: index or file, class, probability, and probabilities "
        "(of all classes or the K of --top, most likely first); or file and error",
    )
    p.add_argument(
        "--image",
        metavar="FILE",
        nargs="+",
        action="extend",
        help="a photo or drawing of one digit, dark on light or light on dark, with some paper "
        f"around it: {NAMES}, up to {MOST // 10**6} million pixels. With several files, each line "
        "begins with the file's name; a file that cannot be read is reported, the others are "
        "answered, and the exit status is 2. What shows no digit, or several, is refused. Reads "
        "neither standard input nor a data set; needs pillow",
    )
    p.add_argument(
        "--many",
        action="store_true",
        help="with --image: print the number that digits side by side form",
    )
    p.add_argument(
        "--seen",
        metavar="PNG",
        help="with --image: write the pictures beside what the network saw of them to this file",
    )
    return p


def body(argv: Sequence[str]) -> None:
    args = arguments().parse_args(argv)
    if args.image is not None:
        answer_files(args)
    elif args.many or args.seen is not None:
        option = "--many" if args.many else "--seen"
        raise InputError(f"{option}: is for pictures; name them with --image FILE, or leave it out")
    else:
        answer_indices(args)


def answer_indices(args: Namespace) -> None:
    source = open_data(args.data, "test", reading=reading_for(args))
    images = source.data.images
    found, source = network_for(args, source)
    check_top(args.top, found)
    for some in indices(len(images)):
        if not some:
            continue
        shares = softmax(recognize(found, images[some]))
        if args.json:
            told = values(shares, source.classes, args.top)
            lines = [json_line({"index": i, **one}) for i, one in zip(some, told, strict=True)]
        else:
            lines = answers(shares, source.classes, args.top)
        print(*lines, sep="\n", flush=True)


def answer_files(args: Namespace) -> None:
    """Print the digit in each file, after the file's name if there are several.

    The InputError of a single file is passed on. Of several, each is reported as it comes, and
    SystemExit(2) ends the program after the last.
    """
    refuse_reading(args, "not used with --image")
    check_pillow()
    if args.seen is not None:
        check_writable(args.seen)
    found, least = find_reader(args.params, args.model)
    check_top(args.top, found)
    if args.many and not reads_digits(found.spec):
        raise InputError("--many: the network is not one for handwritten digits; leave it out")
    names = class_names(found.spec.names, found.spec.classes)
    failed, several = False, len(args.image) > 1
    pairs: list[tuple[str, Array]] = []
    wrong: InputError | None = None
    for file in args.image:
        try:
            images = input_from_file(found.spec, file, args.many)
            pairs.append((file, images))
            shares = softmax(recognize(found, images))
            for p in shares:
                if why := no_digit(p, least):
                    raise InputError(f"{file}: {why}")
            line = answer_line(file, shares, names, args)
            print(f"{one_line(file)}: {line}" if several and not args.json else line, flush=True)
        except InputError as error:
            if args.json:
                print(json_line({"file": file, "error": str(error)}), flush=True)
            if not several:
                wrong = error
                break
            say(f"fnn-predict: {error}")
            failed = True
    if args.seen is not None and pairs:
        write_seen(args.seen, pairs)
    if wrong is not None:
        raise wrong
    if failed:
        raise SystemExit(2)


def answer_line(file: str, shares: Array, names: Sequence[str], args: Namespace) -> str:
    """What is printed for a file whose digits have the probabilities `shares`, (N, classes)."""
    if args.json:
        told = values(shares, names, args.top)
        number = "".join(one["class"] for one in told)
        more = {"number": number, "digits": told} if args.many else told[0]
        return json_line({"file": file, **more})
    lines = answers(shares, names, args.top)
    return ("  |  " if args.top else "").join(lines)


def check_top(top: int | None, found: Recognizer) -> None:
    if top is not None and top > found.spec.classes:
        raise InputError(
            f"--top {top}: the network has {found.spec.classes} classes; choose that many or fewer"
        )


def answers(shares: Array, names: Sequence[str], top: int | None) -> list[str]:
    """For each image the most likely class, or the `top` most likely ones with probabilities."""
    if top is None:
        return [one_line(names[best]) for best in shares.argmax(axis=1)]
    return [
        "  ".join(f"{one_line(names[i])} {p[i]:.4f}" for i in np.argsort(-p, kind="stable")[:top])
        for p in shares
    ]


def values(shares: Array, names: Sequence[str], top: int | None) -> list[dict[str, Any]]:
    """What --json tells of each image: its class, and the `top` or all classes' probabilities."""
    return [
        {
            "class": names[best[0]],
            "probability": p[best[0]],
            "probabilities": {names[i]: p[i] for i in best},
        }
        for p in shares
        for best in [np.argsort(-p, kind="stable")[:top]]
    ]


main = main_of("fnn-predict", body)
