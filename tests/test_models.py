"""Networks of the literature have the sizes that their papers and PyTorch's models have."""

import subprocess
import sys
from pathlib import Path

import pytest

import fnn

COUNTS = {"resnet18": 11_689_512, "mobilenet": 3_504_872}  # torchvision's, 1000 classes
SIDES = {  # of the image after each stage, as in the papers' tables for 224x224, and CIFAR's usual
    ("resnet18", "large"): (224, [112, 56, 28, 14, 7]),
    ("resnet18", "small"): (32, [32, 16, 8, 4]),
    ("mobilenet", "large"): (224, [112, 56, 28, 14, 7]),
    ("mobilenet", "small"): (32, [32, 16, 8, 4]),
}


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_as_many_as_in_pytorchs_models(name):
    net = fnn.models.MODELS[name](1000, stem="large")
    params = net.init(0, (224, 224, 3))
    assert sum(p.size for p in fnn.tree.leaves(params)) == COUNTS[name]


@pytest.mark.parametrize(("name", "stem"), SIDES)
def test_images_shrink_as_in_the_papers(name, stem):
    side, sides = SIDES[name, stem]
    net, seen = fnn.models.MODELS[name](10, stem=stem), []
    for shape in net.inputs((side, side, 3))[1:]:
        if len(shape) == 3 and (not seen or seen[-1] != shape[0]):
            seen.append(shape[0])
    assert seen == sides
    assert net.shape((side, side, 3)) == (10,)


def test_a_width_keeps_channels_at_multiples_of_8():
    params = fnn.models.mobilenet(10, width=24).init(0, (32, 32, 3))
    assert {p.shape[0] % 8 for where, p in fnn.tree.items(params) if where[-1] == "gamma"} == {0}


@pytest.mark.parametrize("make", [fnn.models.resnet18, fnn.models.mobilenet])
def test_other_stems_are_refused(make):
    with pytest.raises(ValueError, match=r"stem 'lage': expected one of .*; did you mean large"):
        make(stem="lage")


STEP = """
import numpy as np
import fnn
net = fnn.models.{name}(1000, stem="large")
ts = fnn.init_train_state(net, fnn.momentum(0.1), 0, (224, 224, 3))
x = fnn.keys.generator(0).random((8, 224, 224, 3), np.float32)
ts = fnn.train_step(net, fnn.softmax_cross_entropy, fnn.momentum(0.1))(ts, (x, np.arange(8)))
assert np.isfinite(ts.loss)
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak")
@pytest.mark.parametrize("name", COUNTS)
def test_a_step_with_8_photos_needs_less_than_1_5_gb(name):
    printed = subprocess.check_output([sys.executable, "-c", STEP.format(name=name)], text=True)
    assert int(printed) < 1.5e6, f"{printed} kB"
