"""The options that say which data to read and how.

- `data` is a name in `fnn.data.catalogue.KNOWN`; a directory of pictures with a sub-directory for
  each class, or with train and test, which have one for each class; a directory in the format of
  MNIST, CIFAR-10 or CIFAR-100; or an .npz file. ./NAME is always a path.
- Pictures are scaled to `size`, or to a square, and what sticks out at two sides is cut off. By
  default they have the size that all have, or that the network takes, and are in color if any is.
- `test_share` of each class is held out as test images, if pictures or an .npz file have none.
- `arrays` names the images and labels in an .npz file for training, and those for testing; or one
  pair alone. By default, x_train,y_train,x_test,y_test, or MedMNIST's names.
"""

from typing import Annotated, Any, TypeAlias

from fnn.data.reading import TEST_SHARE, Reading
from fnn.training.kinds import ARRAYS, PROPER_SHARE, SIZE, TEXT, About, one_of

Data: TypeAlias = Annotated[
    str | None,
    About(
        "mnist (digits), fashion-mnist, cifar10 (photos), cifar100, digits (built in), colors "
        "(built in), directories of pictures, MNIST's or CIFAR's format, .npz; ./NAME is a path "
        "(mnist; digits if offline)",
        TEXT._replace(examples=("digits",)),
        "NAME|DIR|FILE",
    ),
]
Size: TypeAlias = Annotated[
    str | None,
    About("scale and crop pictures (their size, or the network's)", SIZE, "HEIGHTxWIDTH"),
]
Colors: TypeAlias = Annotated[
    str | None, About("read pictures so (rgb if any has colors)", one_of(("grey", "rgb")))
]
TestShare: TypeAlias = Annotated[
    float | None,
    About(f"held out if there are no test images ({TEST_SHARE})", PROPER_SHARE, "SHARE"),
]
Broken: TypeAlias = Annotated[
    str | None, About("at a picture that cannot be read (stop)", one_of(("stop", "skip")))
]
Arrays: TypeAlias = Annotated[
    str | None, About("arrays of an .npz (x_train,y_train,x_test,y_test)", ARRAYS, "NAMES")
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
