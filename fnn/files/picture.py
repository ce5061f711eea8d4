"""Opens PNG, JPEG and similar files; pillow is imported only for this."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fnn.arrays import Array
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
PHONES = {  # brands at the start of files by ISO/IEC 14496-12
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
}
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
            file.seek(0)
            if (head := file.read(12))[4:8] == b"ftyp" and head[8:12] in PHONES:
                why = (
                    f"is a {PHONES[head[8:12]]} file, which pillow does not read: save it as JPEG "
                    "(iPhone: Settings, Camera, Formats, Most Compatible)"
                )
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


def colors_of(image: Image.Image) -> Array:
    """The colors of an open image of any mode, (H, W, 3) uint8, or (H, W) if it has none."""
    image = upright(image)
    if image.has_transparency_data:
        return without_transparency(np.asarray(image.convert("RGBA")))
    return np.asarray(image if image.mode == "L" else image.convert("RGB"), np.uint8)


def without_transparency(pixels: Array) -> Array:
    """Pixels, (H, W, 4) uint8 of red, green, blue and opacity, as a picture without the last.

    If the visible part covers less than half or has only one tone, it is ink without paper: its
    opacity is the picture, (H, W), light on black. Otherwise there is paper, and transparent parts,
    such as round corners, take its color: the picture is (H, W, 3).

    >>> pixels = np.uint8([[[9, 9, 9, 0], [9, 9, 9, 255], [0, 0, 0, 0], [0, 0, 0, 0]]])
    >>> without_transparency(pixels)
    array([[  0, 255,   0,   0]], dtype=uint8)
    """
    colors, alpha = pixels[..., :3], pixels[..., 3]
    if alpha.min(initial=255) == 255:
        return colors
    seen = colors[alpha > 127]
    if 2 * len(seen) < alpha.size or np.ptp(seen, axis=0).max() < 32:
        return alpha
    paper = np.median(seen, axis=0).astype(np.uint16)
    mixed = alpha[..., None] * colors.astype(np.uint16) + (255 - alpha[..., None]) * paper
    return (mixed // 255).astype(np.uint8)
