"""fnn-contest: recognizes the images of the course's contest and writes the answers (5.1)."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fnn.arrays import Array
from fnn.cli import program
from fnn.cli.help import THREADS
from fnn.cli.inputs import DIGITS, add_params_argument, find_recognizer
from fnn.cli.program import Parser, main_of, parser
from fnn.cli.progress import recognize_shown
from fnn.data.batches import image_shape
from fnn.data.dump import read_dump
from fnn.errors import InputError, say
from fnn.files.atomic import check_writable, write_atomically
from fnn.recognizer.recognizer import MNIST, load_origin

STANDARD = "-"  # the OUT that is standard output


def arguments() -> Parser:
    p = parser(
        "fnn-contest",
        "Recognize the digits in a dump of images and write the answers, one digit per line, line "
        "n for image n. The dump is a pickle, as written by Python 2 or 3, or a .npy file, of an "
        "array (N, 784) or (N, 28, 28) with values in 0..255. OUT is written whole or not at all.",
        "fnn-contest le4MNIST_X.dump out.txt",
        "the parameters are named with --params {0}",
        (THREADS,),
    )
    p.add_argument("dump", metavar="DUMP", help="the images")
    p.add_argument("out", metavar="OUT", help="the file to write; - is standard output")
    add_params_argument(p)
    return p


def body(argv: Sequence[str]) -> None:
    args = arguments().parse_args(argv)
    program.keep_freed_memory()
    target = None if args.out == STANDARD else check_writable(args.out)
    images = light_on_black(read_dump(args.dump))
    if target is None:
        print(answers(images, args), end="")
        return
    for what, source in (("dump", args.dump), ("parameter file", args.params)):
        if source and target.exists() and Path(source).exists() and target.samefile(source):
            raise InputError(f"{args.out}: is the {what} itself; name another file for the answers")
    text = answers(images, args)
    write_atomically(args.out, lambda file: file.write(text.encode()))
    say(f"{len(images)} answers written to {args.out}")


def answers(images: Array, args: Namespace) -> str:
    """The network's answers, one digit per line."""
    at_hand = load_origin(MNIST)
    found = find_recognizer(args.params, image_shape(images), DIGITS, at_hand, args.model)
    if found.spec.classes != len(DIGITS):
        raise InputError(
            f"the network has {found.spec.classes} classes, expected {len(DIGITS)} digits: choose "
            "other --params"
        )
    return "".join(f"{digit}\n" for digit in recognize_shown(found, images).argmax(axis=1))


def light_on_black(images: Array) -> Array:
    """Images like MNIST's: those whose edges are bright are turned round, and a line says so."""
    edges = np.ones(images.shape[1:], bool)
    edges[1:-1, 1:-1] = False
    if np.median(images[:, edges]) < 128:
        return images
    say("the images are dark on light: they are turned round (255 - x), to be like MNIST's")
    return 255 - images


main = main_of("fnn-contest", body)
