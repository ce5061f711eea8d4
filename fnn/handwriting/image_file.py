"""Reads PNG, JPEG and similar files as grey pictures; pillow is imported only for this."""

import io
import os
import warnings
from typing import TYPE_CHECKING

import numpy as np

from fnn.arrays import Array
from fnn.errors import InputError
from fnn.files.read import read_bytes

if TYPE_CHECKING:
    from PIL import Image

# Not every format that pillow knows: each one is more code that parses untrusted files, and
# PostScript's starts a program.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
NAMES = "PNG, JPEG, GIF, BMP or WebP"
MOST = 64_000_000  # pixels: they take 730 MB in color, 1 GB with transparency, beside the file


def check_pillow() -> None:
    """Raise InputError unless pillow is installed."""
    try:
        import PIL.Image  # noqa: F401 - to see whether it is installed
    except ImportError as error:
        raise InputError(f"reading images needs pillow ({error}): pip install pillow") from None


def read_grey(path: str | os.PathLike[str], most: int = MOST) -> Array:
    """The picture in a file as brightness, (H, W) uint8, turned upright by its EXIF data.

    An animation gives its first frame; for transparent pictures see `opaque`. Raises InputError if
    pillow is missing, or if the file is missing, damaged, not a picture, or has more than `most`
    pixels, which is checked before any memory is allocated for them.
    """
    check_pillow()
    from PIL import Image, UnidentifiedImageError

    file = io.BytesIO(read_bytes(path))
    try:
        # pillow reads what it warns about; its own limit on pixels is higher than ours.
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > most:
                raise Image.DecompressionBombError
            return grey_of(image)
    except UnidentifiedImageError:
        why = f"not an image that can be read; expected {NAMES}"
    except Image.DecompressionBombError:
        why = f"the image has more than {most} pixels; make it smaller"
    except Exception as error:  # for damaged files pillow raises undocumented errors
        reason = " ".join(str(error).split()) or type(error).__name__
        why = f"cannot be read or is damaged ({reason})"
    raise InputError(f"{path}: {why}")


def grey_of(image: "Image.Image") -> Array:
    """The brightness of an open image of any mode, (H, W) uint8."""
    from PIL import ImageOps

    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits, which pillow would clip at 255
        return (np.asarray(image).clip(0, 65535) // 257).astype(np.uint8)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return opaque(np.asarray(image.convert("L")), np.asarray(image.getchannel("A")))
    if image.mode not in ("L", "RGB"):  # a palette, CMYK, bits
        image = image.convert("RGB")
    return np.asarray(image.convert("L"), np.uint8)


def opaque(grey: Array, alpha: Array) -> Array:
    """A picture without transparency, from its brightness and opacity; all are (H, W) uint8.

    If the visible part covers less than half or has only one tone, it is ink without paper: its
    opacity is the picture, light on black. Otherwise there is paper, and transparent parts, such
    as round corners, take its tone.

    >>> opaque(np.uint8([[9, 9, 0, 0]]), np.uint8([[0, 255, 0, 0]]))
    array([[  0, 255,   0,   0]], dtype=uint8)
    >>> opaque(np.uint8([[9, 200, 200, 0]]), np.uint8([[255, 255, 255, 0]]))
    array([[  9, 200, 200, 200]], dtype=uint8)
    """
    seen = grey[alpha > 127]
    if 2 * seen.size < grey.size or np.ptp(seen) < 32:
        return alpha
    mixed = alpha * grey.astype(np.uint16)
    mixed += (255 - alpha) * np.uint16(np.median(seen))
    return (mixed // 255).astype(np.uint8)
