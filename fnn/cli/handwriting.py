"""What fnn-predict does with image files: a line for each, and what becomes of bad ones."""

from collections.abc import Callable, Sequence

from fnn.arrays import Array
from fnn.cli.program import Parser
from fnn.errors import InputError, one_line, say
from fnn.handwriting.digit_image import digit_image
from fnn.handwriting.image_file import MOST, NAMES, read_grey


def add_image_argument(parser: Parser) -> None:
    parser.add_argument(
        "--image",
        metavar="FILE",
        nargs="+",
        action="extend",
        help="a photo or drawing of one digit, dark on light or light on dark, with some paper "
        f"around it: {NAMES}, up to {MOST // 10**6} million pixels. Of several files, each line "
        "begins with the file's name; what cannot be read is told of, the others are answered, "
        "and the exit status is 2. Reads neither standard input nor a data set; needs pillow",
    )


def image_of(file: str) -> Array:
    """The digit in an image file as in MNIST, (1, 28, 28) uint8; InputError names the file."""
    picture = read_grey(file)
    try:
        return digit_image(picture)[None]
    except InputError as error:
        raise InputError(f"{file}: {error}") from None


def print_lines(prog: str, files: Sequence[str], answer: Callable[[str], str]) -> None:
    """Print the answer to each file, after its name where there are several.

    InputError of a single file is passed on. Of several, each such is told of when it comes, and
    SystemExit(2) ends the program after the last.
    """
    if len(files) == 1:
        print(answer(files[0]), flush=True)
        return
    failed = False
    for file in files:
        try:
            print(f"{one_line(file)}: {answer(file)}", flush=True)
        except InputError as error:
            say(f"{prog}: {one_line(str(error))}")
            failed = True
    if failed:
        raise SystemExit(2)
