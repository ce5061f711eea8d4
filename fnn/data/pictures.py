"""Pictures of any size as images of one: scaled until they cover it, and the middle cut out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TypeAlias

import numpy as np

from fnn.arrays import Array, Shape
from fnn.data.reading import Colors
from fnn.errors import InputError, whole
from fnn.files.picture import check_pillow, upright, use_picture

if TYPE_CHECKING:
    from PIL import Image

PathLike: TypeAlias = str | os.PathLike[str]
Refused: TypeAlias = Callable[[InputError], None]  # what to do about a broken picture

MOST_BYTES = 1 << 34  # of all pictures together: 16 GiB
SIDEWAYS = range(5, 9)  # values of EXIF's orientation by which width and height change places
ORIENTATION = 0x112
GAP = 3.0  # pillow may shrink by whole factors first, down to this many times the size


def read_picture(path: PathLike, shape: Shape) -> Array:
    """The picture in a file as an image of a network's shape (H, W, C), uint8; C is 1 or 3.

    It is turned upright by its EXIF data and scaled, its proportions kept, until it just covers
    H x W; what sticks out on two sides is cut off evenly. A picture of that size keeps every bit.
    The filter is Lanczos', which averages over all pixels that become one and blurs the least.
    Transparent parts become white, 16 bits 8, color grey by ITU-R 601-2 (0.299 R + 0.587 G +
    0.114 B), an animation its first frame.
    Raises InputError, which names the file, if it is missing, damaged, not a picture, or has more
    than 64 million pixels; ValueError for another shape.
    """
    if len(shape) != 3 or shape[2] not in (1, 3) or min(shape) < 1:
        raise ValueError(f"read_picture: expected a shape (H, W, 1) or (H, W, 3), found {shape}")
    return use_picture(path, partial(picture_of, shape=shape))


def read_images(
    paths: Iterable[PathLike],
    size: int | tuple[int, int] | None = None,
    colors: Colors | None = None,
) -> Array:
    """The pictures in some files, uint8: (N, H, W) if grey, (N, H, W, 3) if rgb.

    They are read by `read_picture` at `size`, (H, W) or one number for both. None means the size
    that all of them have, and of colors: rgb if any picture has color. Raises InputError for a
    picture that cannot be read, for different sizes where none is given, and if there are none.
    """
    if isinstance(paths, str | bytes | os.PathLike):
        raise TypeError("read_images: expected a list of paths, found one: put it in brackets")
    if colors not in (None, "grey", "rgb"):
        raise ValueError(f"read_images: expected colors grey or rgb, found {colors!r}")
    sides = (size, size) if isinstance(size, int) else size
    if sides is not None:
        height, width = (whole("read_images: size", side) for side in sides)
        sides = height, width
    files = list(paths)
    return read_all(files, usual_shape(files, sides, colors, stop), stop)[0]


def stop(error: InputError) -> NoReturn:
    """What to do about a broken picture: raise the error."""
    raise error


def read_all(paths: Sequence[PathLike], shape: Shape, refused: Refused) -> tuple[Array, Array]:
    """All pictures, (N, H, W) or (N, H, W, 3), and the indices of those that could be read.

    The others go to `refused`. Raises InputError if they would take more than 16 GiB.
    """
    check_pillow()
    size = len(paths) * int(np.prod(shape, dtype=object))
    if size > MOST_BYTES:
        each = "x".join(map(str, shape))
        raise InputError(
            f"{len(paths):,} pictures of {each} take {size / 1e9:,.0f} GB, expected at most "
            f"{MOST_BYTES / 1e9:.0f}: choose a smaller --size"
        )
    images = np.empty((len(paths), *shape), np.uint8)
    kept: list[int] = []
    for i, path in enumerate(paths):
        try:
            images[len(kept)] = read_picture(path, shape)
            kept.append(i)
        except InputError as error:
            refused(error)
    images = images[: len(kept)]
    return (images[..., 0] if shape[2] == 1 else images), np.array(kept, np.intp)


def usual_shape(
    paths: Sequence[PathLike], size: tuple[int, int] | None, colors: Colors | None, refused: Refused
) -> Shape:
    """The shape (H, W, C) for some pictures: what is given, and else what they have in common.

    A picture stored as grey has no color; of others all pixels are looked at, up to the first
    picture that has. Raises InputError for different sizes, and if there are no pictures.
    """
    check_pillow()
    first, colored = None, colors == "rgb"
    for path in paths:
        if size is not None and (colored or colors is not None):
            break
        try:
            seen = use_picture(path, partial(_look, color=not colored and colors is None))
        except InputError as error:
            refused(error)
            continue
        colored = colored or seen.color
        if first is None:
            first = path, seen.size
        elif size is None and seen.size != first[1]:
            one, other = (f"{p} has {h}x{w}" for p, (h, w) in (first, (path, seen.size)))
            raise InputError(
                f"{one}, {other}: give the size, HEIGHTxWIDTH, that all get, such as --size 64x64"
            )
    if first is None and (size is None or not paths):
        raise InputError(f"of {len(paths)} pictures none can be read")
    return (*(size or first[1]), 3 if colored else 1)  # type: ignore[index]


class Seen(NamedTuple):
    """The size (H, W) of a picture that is held upright, and whether it has color."""

    size: tuple[int, int]
    color: bool


def _look(image: Image.Image, color: bool) -> Seen:
    width, height = image.size
    if image.getexif().get(ORIENTATION) in SIDEWAYS:
        # pillow turns a TIFF by itself, some versions as soon as it is opened
        tiff = image.format == "TIFF"
        width, height = upright(image).size if tiff else (height, width)
    if not color or image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I"):
        return Seen((height, width), False)
    pixels = np.asarray(_flat(image).convert("RGB"))
    return Seen((height, width), bool((pixels != pixels[..., :1]).any()))


def _flat(image: Image.Image) -> Image.Image:
    """The picture upright, its transparent parts white, in grey (mode L) or in color (RGB)."""
    from PIL import Image

    image = upright(image)
    if image.has_transparency_data:
        over = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def picture_of(image: Image.Image, shape: Shape) -> Array:
    """An open picture as an image of a network's shape (H, W, C), as `read_picture` makes it."""
    from PIL import Image

    height, width, channels = shape
    # JPEG can be decoded at 1/2, 1/4 or 1/8 of its size. A square, as it may lie on its side.
    image.draft(None, (int(GAP) * max(height, width),) * 2)
    picture = _flat(image).convert("L" if channels == 1 else "RGB")
    if picture.size != (width, height):
        w, h = picture.size
        scale = min(w / width, h / height)
        left, top = max(0.0, (w - scale * width) / 2), max(0.0, (h - scale * height) / 2)
        box = left, top, min(w, left + scale * width), min(h, top + scale * height)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS, box, GAP)
    return np.asarray(picture, np.uint8).reshape(shape)
