import pytest

import fnn
from fnn.summary import table


def test_a_convolution_and_a_dense_layer_counted_by_hand():
    net = fnn.serial(fnn.conv(4, size=3, stride=2), fnn.relu(), fnn.flatten(), fnn.dense(10))
    lines = fnn.summary(net, (8, 8, 3))
    conv, _, _, dense = lines
    assert (conv.shape, conv.parameters) == ((4, 4, 4), 3 * 3 * 3 * 4 + 4)
    assert conv.multiply_adds == 16 * 3 * 3 * 3 * 4  # 16 places
    assert (dense.parameters, dense.multiply_adds) == (64 * 10 + 10, 64 * 10)


@pytest.mark.parametrize("name", fnn.models.MODELS)
def test_every_parameter_of_every_model_is_counted_once_at_its_place(name):
    net = fnn.models.MODELS[name](10)
    params = net.init(0, (32, 32, 3))
    lines = fnn.summary(net, (32, 32, 3))
    assert sum(line.parameters for line in lines) == sum(p.size for p in fnn.tree.leaves(params))
    for line in lines:
        node = params
        for i in line.place:
            node = node[i]
        assert sum(p.size for p in fnn.tree.leaves(node)) == line.parameters
        assert line.name
    assert lines[-1].shape == net.shape((32, 32, 3)) == (10,)


def test_a_network_that_is_one_layer_and_a_layer_without_a_name():
    own = fnn.Layer(lambda rng, shape: {}, fnn.relu().apply, fnn.relu().vjp)
    assert [line.name for line in fnn.summary(fnn.serial(own), (3,))] == ["layer"]
    assert fnn.summary(fnn.dense(2), (3,))[0].parameters == 8


def test_the_table_is_aligned_and_ends_with_totals():
    lines = table(fnn.summary(fnn.models.resnet(10), (32, 32, 3))).splitlines()
    assert lines[0].split() == ["place", "layer", "output", "parameters", "multiply-adds"]
    assert lines[-1].split() == ["total", "78,042", "12,501,632"]
    assert len({len(line) for line in lines}) == 1
