"""Opens PNG, JPEG and similar files; pillow is imported only for this."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fnn.errors import InputError
from fnn.files.read import open_regular

if TYPE_CHECKING:
    from PIL import Image

T = TypeVar("T")

# Not every format that pillow knows: each one is more code that parses untrusted files, and
# PostScript's starts a program.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
NAMES = "PNG, JPEG, GIF, BMP, WebP or TIFF"
ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
MOST = 64_000_000  # pixels: they take 730 MB in color, 1 GB with transparency, beside the file


def check_pillow() -> None:
    """Raise InputError unless pillow is installed."""
    try:
        import PIL.Image  # noqa: F401 - to see whether it is installed
    except ImportError as error:
        raise InputError(f"reading images needs pillow ({error}): pip install pillow") from None


def use_picture(
    path: str | os.PathLike[str], use: Callable[[Image.Image], T], most: int = MOST
) -> T:
    """What `use` makes of the open picture, whose pixels are not decoded before it asks for them.

    Raises InputError if pillow is missing, or if the file is missing, damaged, not a picture, or
    has more than `most` pixels, which is checked before any memory is allocated for them.
    """
    check_pillow()
    from PIL import Image, UnidentifiedImageError

    with open_regular(path) as file:
        try:
            # pillow reads what it warns about; its own limit on pixels is higher than ours.
            with warnings.catch_warnings(action="ignore"), Image.open(file, "r", FORMATS) as image:
                if image.width * image.height > most:
                    raise Image.DecompressionBombError
                with _quiet() if image.format == "TIFF" else nullcontext():
                    return use(image)
        except UnidentifiedImageError:
            why = f"not an image that can be read; expected {NAMES}"
        except Image.DecompressionBombError:
            why = f"the image has more than {most} pixels; make it smaller"
        except Exception as error:  # for damaged files pillow raises undocumented errors
            reason = " ".join(str(error).split()) or type(error).__name__
            why = f"cannot be read or is damaged ({reason})"
    raise InputError(f"{path}: {why}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the lines that libtiff itself writes to standard error about a damaged file."""
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_RDONLY)  # where writing fails, which libtiff ignores
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def upright(image: Image.Image) -> Image.Image:
    """The first frame, decoded and turned upright by its EXIF data; 16 bits become 8."""
    from PIL import Image, ImageOps

    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits, which pillow would clip at 255
        return Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))
    return image
