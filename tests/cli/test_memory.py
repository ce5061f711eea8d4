import platform
import subprocess
import sys

import pytest

CODE = """
import resource
import numpy as np
from fnn.cli.program import keep_freed_memory
{call}
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(1 << 24, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc's malloc")
def test_the_second_array_needs_no_new_pages():
    def faults(call):
        return int(subprocess.check_output([sys.executable, "-c", CODE.format(call=call)]))

    assert 5 * faults("assert keep_freed_memory()") < faults("")
