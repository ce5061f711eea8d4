"""Keeping freed memory for the next step, for the programs that compute a lot.

glibc gives large freed blocks back to the system, which clears every page of the next step's
arrays again. `fnn.kernels.aligned` spares the largest arrays that; with this setting malloc spares
the others (`tests/bench/steps.py` shows both ways). It is a setting of the whole process, so a
program makes it and the library never does.
"""

import ctypes

# From <malloc.h>: above which size a block is its own mapping, when free memory goes back to the
# system, and how much is asked for at a time.
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD = -3, -1, -2


def keep_freed_memory() -> bool:
    """Ask malloc to keep what is freed; whether it obeyed, which only glibc's does."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    settings = ((M_MMAP_THRESHOLD, 1 << 30), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 1 << 26))
    return all(mallopt(name, value) == 1 for name, value in settings)
