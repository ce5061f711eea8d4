"""The bits of a result do not depend on how many threads there are."""

import os
import subprocess
import sys

BITS = """
import hashlib
import numpy as np
import fnn
x = fnn.keys.generator(0).random((8, 40, 37, 24), np.float32)
made = []
for layer in (
    fnn.depthwise_conv(),
    fnn.depthwise_conv(5, stride=2, multiplier=2),
    fnn.conv(12, groups=3),
    fnn.max_pool(3, stride=2, pad=1),
    fnn.avg_pool(3, stride=1, pad=1),
    fnn.layer_norm(),
    fnn.group_norm(4),
    fnn.gelu(exact=True),
    fnn.silu(),
):
    params = layer.init(0, x.shape[1:])
    y, cache = layer.apply(params, {}, x, True)
    dx, grads = layer.vjp(params, cache, y)
    made += [y, dx, *fnn.tree.leaves(grads)]
print(hashlib.sha256(b"".join(a.tobytes() for a in made)).hexdigest())
"""


def test_the_bits_are_the_same_for_any_number_of_threads():
    printed = {
        subprocess.check_output(
            [sys.executable, "-c", BITS], env={**os.environ, "FNN_THREADS": threads}
        )
        for threads in ("1", "2", "3")
    }
    assert len(printed) == 1
