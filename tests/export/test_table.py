"""Every layer as ONNX, computed by onnxruntime and by ONNX's own reference."""

import numpy as np
import pytest
from onnx_answers import BOTH, agree, by_onnxruntime, check_names, drawn, inputs

import fnn
from fnn.export.table import TABLE
from fnn.export.walk import COMBINED
from fnn.models.description import CONSTRUCTORS

TWO = ((1, 0), (2, 1))  # a pad that differs on all sides but one
LAYERS = {
    "avg_pool": (fnn.avg_pool(), (5, 4, 2)),
    "avg_pool overlapping": (fnn.avg_pool(3, stride=2, pad=1), (7, 6, 3)),
    "avg_pool inside alone": (fnn.avg_pool(3, stride=1, pad=1, count_pad=False), (4, 5, 2)),
    "avg_pool uneven": (fnn.avg_pool((2, 3), stride=(2, 1), pad=((1, 0), (1, 2))), (5, 4, 2)),
    "avg_pool uneven inside": (
        fnn.avg_pool((2, 3), stride=2, pad=((1, 0), (0, 2)), count_pad=False),
        (5, 5, 1),
    ),
    "avg_pool with gaps": (fnn.avg_pool(1, stride=3), (7, 5, 2)),
    "max_pool": (fnn.max_pool(), (5, 4, 2)),
    "max_pool overlapping": (fnn.max_pool(3, stride=2, pad=1), (7, 6, 3)),
    "max_pool uneven": (fnn.max_pool((1, 3), stride=(3, 2), pad=((0, 0), (2, 1))), (7, 6, 1)),
    "max_pool of uneven sides": (fnn.max_pool(2, stride=1, pad=((1, 1), (0, 0))), (6, 5, 1)),
    "avg_pool of uneven sides": (fnn.avg_pool(3, stride=2, pad=((2, 1), (0, 1))), (6, 5, 2)),
    "max_pool of a pixel": (fnn.max_pool(1), (1, 1, 1)),
    "global_avg_pool": (fnn.global_avg_pool(), (3, 4, 2)),
    "global_avg_pool of a pixel": (fnn.global_avg_pool(), (1, 1, 3)),
    "global_max_pool": (fnn.global_max_pool(), (3, 4, 2)),
    "batch_norm": (fnn.batch_norm(), (3, 2, 4)),
    "batch_norm without scale": (fnn.batch_norm(scale=False, eps=0.1), (2, 2, 1)),
    "batch_norm of vectors": (fnn.batch_norm(), (5,)),
    "batch_norm of rows": (fnn.batch_norm(), (3, 5)),
    "layer_norm": (fnn.layer_norm(), (3, 2, 4)),
    "layer_norm of vectors": (fnn.layer_norm(eps=0.1), (5,)),
    "group_norm": (fnn.group_norm(2), (3, 2, 6)),
    "group_norm of one group": (fnn.group_norm(1, eps=0.1), (2, 3, 3)),
    "group_norm of vectors": (fnn.group_norm(3), (12,)),
    "group_norm of rows": (fnn.group_norm(2), (5, 4)),
    "conv": (fnn.conv(4), (5, 6, 3)),
    "conv grey": (fnn.conv(4), (5, 6, 1)),
    "conv 1x1": (fnn.conv(2, size=1), (3, 2, 3)),
    "conv 5x5": (fnn.conv(3, size=5, bias=False), (5, 6, 2)),
    "conv even": (fnn.conv(2, size=2, stride=3), (5, 4, 2)),
    "conv strided": (fnn.conv(2, stride=2), (7, 6, 2)),
    "conv unpadded": (fnn.conv(2, pad=0), (4, 3, 2)),
    "conv padded widely": (fnn.conv(2, size=1, pad=3), (2, 2, 2)),
    "conv uneven": (fnn.conv(2, size=(2, 3), stride=(1, 2), pad=TWO), (5, 6, 2)),
    "conv in groups": (fnn.conv(6, groups=3, stride=2), (5, 4, 6)),
    "conv in a group for each": (fnn.conv(6, groups=3), (4, 4, 3)),
    "conv winograd": (fnn.conv(3, method="winograd"), (6, 5, 2)),
    "conv of a pixel": (fnn.conv(3), (1, 1, 1)),
    "depthwise_conv": (fnn.depthwise_conv(), (4, 5, 3)),
    "depthwise_conv wider": (
        fnn.depthwise_conv((3, 2), multiplier=2, stride=2, pad=TWO, bias=False),
        (5, 6, 2),
    ),
    "whiten": (fnn.whiten(), (4, 5, 2)),
    "whiten 1x1": (fnn.whiten(1), (2, 3, 2)),
    "whiten 3x3": (fnn.whiten(3), (3, 5, 1)),
    "whiten 4x4": (fnn.whiten(4), (5, 4, 1)),
    "dense": (fnn.dense(4), (6,)),
    "dense of one": (fnn.dense(1), (1,)),
    "dropout": (fnn.dropout(0.3), (4, 3, 2)),
    "dropout inverted": (fnn.dropout(0.3, inverted=True), (5,)),
    "flatten": (fnn.flatten(), (2, 3, 4)),
    "flatten grey": (fnn.flatten(), (4, 3, 1)),
    "flatten vectors": (fnn.flatten(), (4,)),
    "identity": (fnn.identity(), (2, 3, 2)),
    "relu": (fnn.relu(), (2, 3, 2)),
    "gelu": (fnn.gelu(), (2, 3, 2)),
    "gelu exact": (fnn.gelu(exact=True), (7,)),
    "sigmoid": (fnn.sigmoid(), (2, 3, 2)),
    "silu": (fnn.silu(), (7,)),
    "scaled": (fnn.scaled(-0.3), (2, 3, 2)),
    "serial": (fnn.serial(fnn.conv(2), fnn.relu(), fnn.flatten(), fnn.dense(3)), (3, 4, 2)),
    "serial of nothing": (fnn.serial(), (2, 3, 2)),
    "parallel": (fnn.parallel(fnn.conv(3), fnn.conv(3, size=1), fnn.identity()), (3, 4, 3)),
    "parallel of one": (fnn.parallel(fnn.relu()), (4,)),
    "parallel of vectors": (fnn.parallel(fnn.dense(2), fnn.serial(fnn.dense(2))), (3,)),
    "concatenate": (fnn.concatenate(fnn.conv(3), fnn.layer_norm(), fnn.relu()), (3, 4, 2)),
    "concatenate in fnn's order": (fnn.concatenate(fnn.layer_norm(), fnn.relu()), (3, 4, 2)),
    "concatenate vectors": (fnn.concatenate(fnn.dense(2), fnn.identity()), (3,)),
    "residual": (fnn.residual(fnn.batch_norm(), fnn.relu(), fnn.conv(2)), (4, 3, 2)),
    "residual of nothing": (fnn.residual(), (3,)),
    "ensemble": (fnn.ensemble(fnn.dense(3), fnn.dense(3), fnn.dense(3)), (4,)),
    "weight_decay": (fnn.weight_decay(fnn.conv(3), 0.1), (3, 4, 2)),
    "freeze": (fnn.freeze(fnn.serial(fnn.conv(2), fnn.batch_norm(), fnn.relu()), 2), (3, 4, 2)),
}


def test_the_table_and_its_test_have_every_layer():
    assert {*TABLE, *COMBINED} == set(CONSTRUCTORS)
    assert {layer.made.by for layer, _ in LAYERS.values()} == set(CONSTRUCTORS)


def check(net, shape):
    params, state = drawn(net, shape)
    model = fnn.to_onnx(net, params, state, shape)
    check_names(model)
    for n in (1, 3):
        given, x = inputs(shape, n)
        for run in BOTH.values():
            agree(run(model, given), net.apply(params, state, x, False)[0])
    # an empty batch is more than the reference could do in onnx 1.16
    agree(by_onnxruntime(model, inputs(shape, 0)[0]), np.zeros((0, *net.shape(shape)), np.float32))


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_alone(name):
    check(*LAYERS[name])


@pytest.mark.parametrize("norm", [fnn.layer_norm(), fnn.group_norm(2)], ids=repr)
def test_numbers_far_from_0_are_normalized_as_well(norm):
    net, shape = fnn.serial(fnn.batch_norm(), norm), (4, 3, 8)
    params, state = drawn(net, shape)
    params[0]["beta"] = np.full(8, 100, np.float32)
    images, x = inputs(shape, 3)
    for run in BOTH.values():
        logits, _ = run(fnn.to_onnx(net, params, state, shape), images)
        wide = fnn.tree.map(np.float64, params)
        exact = net.apply(wide, state, x.astype(np.float64), False)[0]
        assert np.abs(logits - exact).max() < 1e-3 * np.abs(exact).max()


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_between_others(name):
    layer, shape = LAYERS[name]
    before = fnn.serial(fnn.batch_norm(), fnn.gelu())  # some numbers below 0
    check(fnn.serial(before, layer, fnn.layer_norm(), fnn.flatten()), shape)
