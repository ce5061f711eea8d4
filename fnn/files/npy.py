"""NumPy's .npy files, trusted no more than pickles.

`numpy.load` allocates an array as large as the header says before it checks that the file holds
that much, and warns about files from Python 2; this reader does neither.
"""

from __future__ import annotations

import io
import math
import warnings

import numpy as np

from fnn.arrays import Array
from fnn.errors import InputError

MAGIC = np.lib.format.MAGIC_PREFIX
# version 3 differs from 2 only in the encoding of field names
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    (3, 0): np.lib.format.read_array_header_2_0,
}


def parse_npy(data: bytes) -> Array:
    """The array in the bytes of a .npy file, versions 1 to 3; read-only, sharing their memory.

    Its elements are bool, integers or floats. Raises InputError for others, for an invalid header,
    and for more or fewer bytes than the header says. Format: numpy.lib.format.
    """
    file = io.BytesIO(data)
    try:
        read = _HEADERS[np.lib.format.read_magic(file)]
        with warnings.catch_warnings(action="ignore"):  # about sizes that Python 2 writes as 28L
            shape, fortran, dtype = read(file)
    except Exception:  # the header is parsed as Python, which can fail in many ways
        raise InputError("has a damaged .npy header, or is truncated") from None
    if dtype.kind not in "biuf":
        raise InputError(f"holds elements of dtype {dtype.str}; expected bool, integers or floats")
    needed, held = math.prod(shape) * dtype.itemsize, len(data) - file.tell()
    if abs(needed) >= 2**63:  # Python refuses to print the largest ones
        raise InputError("has a .npy header with an impossible shape")
    if needed != held:
        raise InputError(f"its header says it has {needed} bytes, but {held} are there")
    try:
        return np.ndarray(shape, dtype, data, file.tell(), order="F" if fortran else "C")
    except (ValueError, TypeError, OverflowError):
        raise InputError("has a .npy header with an impossible shape") from None
