"""NumPy's .npy files, with no more trust than pickles get.

`numpy.load` makes an array as large as the header says before it looks whether the file holds
that much, and warns about files of Python 2; this reader does neither.
"""

import re

from fnn.data import rebuild
from fnn.data.dataset import Array
from fnn.errors import InputError

MAGIC = b"\x93NUMPY"

# the header is a Python dict of these three, in any order; Python 2 writes sizes as 28L
_DESCR = re.compile(r"""['"]descr['"]\s*:\s*['"]([^'"]{1,40})['"]""")
_FORTRAN = re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)\b""")
_SHAPE = re.compile(r"""['"]shape['"]\s*:\s*\(([0-9L,\s]*)\)""")


def parse_npy(data: bytes) -> Array:
    """The array in the bytes of a .npy file, versions 1 to 3; read-only, sharing their memory.

    Objects and structures, a header that is not one, and more or fewer bytes than it says raise
    InputError. Format: numpy.lib.format.
    """
    if data[:6] != MAGIC or len(data) < 12:
        raise InputError("is not a .npy file, or truncated")
    width = {1: 2, 2: 4, 3: 4}.get(data[6])
    if width is None:
        raise InputError(f"is a .npy file of version {data[6]}; 1 to 3 are read")
    begin = 8 + width
    end = begin + int.from_bytes(data[8:begin], "little")
    # a megabyte of header describes no array of numbers
    if end > len(data) or end - begin > 10_000:
        raise InputError("has a damaged .npy header, or is truncated")
    header = data[begin:end].decode("latin1")
    found = [pattern.search(header) for pattern in (_DESCR, _FORTRAN, _SHAPE)]
    if None in found:
        raise InputError(f"has a .npy header that describes no plain array: {ascii(header)[:60]}")
    descr, fortran, sizes = (match[1] for match in found if match is not None)
    try:
        shape = tuple(int(size) for size in re.findall("[0-9]+", sizes))
        return rebuild.array(data[end:], rebuild.kind_of(descr), shape, fortran == "True")
    except InputError:
        raise
    except (ValueError, TypeError, OverflowError):
        raise InputError(f"has a .npy header that makes no array: {ascii(header)[:60]}") from None
