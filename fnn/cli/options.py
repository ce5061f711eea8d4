"""Options that several programs have."""

from fnn.cli.program import Parser
from fnn.data.catalogue import KNOWN


def add_data_argument(parser: Parser) -> None:
    names = "; ".join(f"{name} ({known.about})" for name, known in KNOWN.items())
    parser.add_argument(
        "--data",
        metavar="NAME|DIR",
        default=None,
        help=f"the data set: a name, or a directory in the format of MNIST or CIFAR-10. Names: "
        f"{names}. A name wins over a directory of that name, ./NAME is the directory. By default "
        "MNIST, downloaded if need be, or else the built-in digits",
    )
