"""The options that say which data to read and how."""

from typing import Annotated, Any, TypeAlias

from fnn.data.catalogue import KNOWN
from fnn.data.reading import TEST_SHARE, Reading
from fnn.training.kinds import ARRAYS, PROPER_SHARE, SIZE, TEXT, About, one_of

_DATA = "; ".join(f"{name} ({known.about})" for name, known in KNOWN.items())

Data: TypeAlias = Annotated[
    str | None,
    About(
        "the data set: a name, a directory of pictures with a sub-directory for each class (or "
        "train and test, with one for each class), a directory in the format of MNIST or of "
        "CIFAR-10 or CIFAR-100, or an .npz file. Names, with pixels and training + test images: "
        f"{_DATA}. Write ./NAME for a directory of the same name. By default MNIST, downloaded if "
        "necessary, or else the built-in digits",
        TEXT._replace(examples=("digits",)),
        "NAME|DIR|FILE",
    ),
]
Size: TypeAlias = Annotated[
    str | None,
    About(
        "scale pictures to this height and width, or square, and cut off what sticks out at two "
        "sides (by default, the size that all have, or that the network takes)",
        SIZE,
        "HEIGHTxWIDTH",
    ),
]
Colors: TypeAlias = Annotated[
    str | None,
    About(
        "read pictures in grey or in color (by default, in color if any has, or as the network "
        "takes them)",
        one_of(("grey", "rgb")),
    ),
]
TestShare: TypeAlias = Annotated[
    float | None,
    About(
        "hold out this share of each class as test images, if pictures or an .npz file have none "
        f"({TEST_SHARE})",
        PROPER_SHARE,
        "FRACTION",
    ),
]
Broken: TypeAlias = Annotated[
    str | None,
    About("stop at a picture that cannot be read, or skip it (stop)", one_of(("stop", "skip"))),
]
Arrays: TypeAlias = Annotated[
    str | None,
    About(
        "the arrays of an .npz file: images and labels for training, and for testing; or images "
        "and labels alone (x_train,y_train,x_test,y_test, or MedMNIST's names)",
        ARRAYS,
        "NAME,NAME[,NAME,NAME]",
    ),
]


def reading_of(said: Any) -> Reading:
    """How to read the data, from `Options` or from arguments with the same names.

    >>> from fnn.training.options import Options
    >>> reading_of(Options(size="64x48", arrays="x,y"))[:2]
    ((64, 48), None)
    """
    sides = [int(side) for side in said.size.split("x")] if said.size else []
    return Reading(
        size=(sides[0], sides[-1]) if sides else None,
        colors=said.colors,
        test_share=said.test_share,
        broken=said.broken,
        arrays=tuple(said.arrays.split(",")) if said.arrays else None,
    )
