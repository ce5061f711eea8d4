"""fnn-predict: prints the digits in test images (the course's tasks 1 and 4), or in image files."""

import re
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence

import numpy as np

from fnn.arrays import Array
from fnn.cli.handwriting import add_image_argument, image_of, print_lines
from fnn.cli.inputs import DIGITS, add_params_argument, find_recognizer
from fnn.cli.options import add_data_argument
from fnn.cli.program import parser, run, whole
from fnn.data.batches import image_shape
from fnn.data.catalogue import open_data
from fnn.errors import InputError, say
from fnn.handwriting.digit_image import SIDE
from fnn.handwriting.image_file import check_pillow
from fnn.losses import softmax
from fnn.recognizer.recognizer import Recognizer, recognize

LONGEST_LINE = 1000


def main(argv: Sequence[str] | None = None) -> int:
    return run("fnn-predict", body, argv)


def body(argv: Sequence[str]) -> None:
    p = parser(
        "fnn-predict",
        "Read the index of a test image a line from standard input, until it ends, and print the "
        "digit that the network recognises in each. At a terminal it asks for the indices. With "
        "--image, print the digits in image files instead.",
        "echo 7 | fnn-predict --top 3",
    )
    add_params_argument(p)
    add_data_argument(p)
    p.add_argument(
        "--top",
        metavar="K",
        type=whole(1),
        default=None,
        help="print the K likeliest digits, each with its probability, instead of the likeliest",
    )
    add_image_argument(p)
    args = p.parse_args(argv)
    if args.image is not None:
        answer_files(args)
    else:
        answer_indices(args)


def answer_indices(args: Namespace) -> None:
    source = open_data(args.data, "test")
    images = source.data.images
    found = find_recognizer(args.params, image_shape(images), source.classes)
    check_top(args.top, found)
    for i in indices(len(images)):
        (logits,) = recognize(found, images[i : i + 1])
        print(answer(logits, args.top), flush=True)


def answer_files(args: Namespace) -> None:
    if args.data is not None:
        raise InputError("--image FILE needs no --data: leave one of them out")
    check_pillow()
    found = find_recognizer(args.params, (SIDE, SIDE, 1), DIGITS)
    check_top(args.top, found)

    def line(file: str) -> str:
        (logits,) = recognize(found, image_of(file))
        return answer(logits, args.top)

    print_lines("fnn-predict", args.image, line)


def check_top(top: int | None, found: Recognizer) -> None:
    if top is not None and top > found.spec.classes:
        raise InputError(f"--top {top}: the network knows {found.spec.classes} classes")


def answer(logits: Array, top: int | None) -> str:
    """One line: the likeliest class, or the `top` likeliest and their probabilities.

    >>> answer(np.array([0.0, 3.0, 1.0]), None), answer(np.array([0.0, 3.0, 1.0]), 2)
    ('1', '1 0.8438  2 0.1142')
    """
    if top is None:
        return str(logits.argmax())
    p = softmax(logits[None])[0]
    return "  ".join(f"{i} {p[i]:.4f}" for i in np.argsort(-p, kind="stable")[:top])


def indices(n: int) -> Iterator[int]:
    """The indices on standard input, one a line.

    A bad line raises InputError; at a terminal it is explained instead, and asked for again.
    """
    if sys.stdin is None:
        raise InputError("standard input is closed: expected the index of a test image a line")
    terminal = sys.stdin.isatty()
    sys.stdin.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    number = 0
    while True:
        if terminal:
            print(f"index of a test image, 0..{n - 1}: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline(LONGEST_LINE)
        if not line:
            break
        number += 1
        try:
            index = parse_index(line, n)
        except InputError as error:
            if not terminal:
                raise InputError(f"standard input, line {number}: {error}") from None
            say(str(error))
            while line and not line.endswith("\n"):  # the rest of a long line
                line = sys.stdin.readline(LONGEST_LINE)
            continue
        yield index
    if terminal:
        say("")  # the prompt's line ends
    elif number == 0:
        raise InputError(
            f"standard input is empty: expected the index of a test image, 0..{n - 1}, a line"
        )


def parse_index(line: str, n: int) -> int:
    """An index in 0..n-1.

    >>> parse_index("42\\n", 100)
    42

    Raises InputError for anything else.
    """
    text = line.strip()
    if not re.fullmatch(r"[+-]?[0-9]{1,60}", text):
        raise InputError(f"expected an integer in 0..{n - 1}, found {text[:40]!r}")
    if not 0 <= int(text) < n:
        raise InputError(f"expected an integer in 0..{n - 1}, found {text}")
    return int(text)
