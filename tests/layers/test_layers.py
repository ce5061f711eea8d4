"""What every layer must do: a table of layers, and the properties that hold for all of them."""

import numpy as np
import pytest

import fnn
from fnn.layers.layer import Layer, parameter_grads

LAYERS = {
    "dense": (fnn.dense(3), (4,)),
    "dense he": (fnn.dense(3, init=fnn.initializers.he), (4,)),
    "sigmoid": (fnn.sigmoid(), (2, 3, 2)),
    "relu": (fnn.relu(), (2, 3, 2)),
    "gelu": (fnn.gelu(), (2, 3, 2)),
    "gelu exact": (fnn.gelu(exact=True), (2, 3, 2)),
    "silu": (fnn.silu(), (2, 3, 2)),
    "scaled": (fnn.scaled(0.3), (2, 3)),
    "ensemble": (fnn.ensemble(fnn.dense(3), fnn.serial(fnn.dense(3), fnn.relu())), (2,)),
    "flatten": (fnn.flatten(), (2, 3, 2)),
    "flatten grey": (fnn.flatten(), (4, 3, 1)),
    "identity": (fnn.identity(), (2, 3)),
    "serial": (fnn.serial(fnn.flatten(), fnn.dense(4), fnn.sigmoid(), fnn.dense(2)), (2, 2, 1)),
    "serial of nothing": (fnn.serial(), (3,)),
    "serial of serials": (fnn.serial(fnn.serial(fnn.dense(3)), fnn.serial(fnn.relu())), (2,)),
    "parallel": (fnn.parallel(fnn.dense(3), fnn.serial(fnn.dense(3), fnn.relu())), (2,)),
    "concatenate": (fnn.concatenate(fnn.dense(3), fnn.serial(fnn.dense(1), fnn.relu())), (2,)),
    "concatenate images": (fnn.concatenate(fnn.conv(3), fnn.identity(), fnn.relu()), (3, 4, 2)),
    "residual": (fnn.residual(fnn.dense(3), fnn.sigmoid()), (3,)),
    "conv": (fnn.conv(3), (4, 5, 2)),
    "conv 5x5": (fnn.conv(2, size=5, bias=False), (5, 6, 1)),
    "conv 1x1": (fnn.conv(2, size=1), (3, 2, 3)),
    "conv even": (fnn.conv(2, size=2, stride=3), (5, 4, 2)),
    "conv strided": (fnn.conv(2, stride=2), (5, 6, 2)),
    "conv unpadded": (fnn.conv(2, pad=0), (4, 3, 2)),
    "conv im2col": (fnn.conv(3, method="im2col"), (5, 4, 2)),
    "conv shifted": (fnn.conv(2, size=5, stride=2, method="shifted"), (5, 6, 2)),
    "conv winograd": (fnn.conv(3, method="winograd"), (6, 5, 2)),
    "conv winograd unpadded": (fnn.conv(2, pad=0, method="winograd"), (7, 8, 2)),
    "conv winograd 5x5": (fnn.conv(3, size=5, method="winograd"), (6, 5, 2)),
    "conv many channels": (fnn.conv(9), (5, 6, 10)),
    "conv rectangular": (fnn.conv(2, size=(1, 3), stride=(1, 2), pad=(0, (2, 1))), (4, 5, 2)),
    "conv padded on one side": (fnn.conv(2, pad=((2, 0), (0, 1))), (4, 5, 2)),
    "conv in groups": (fnn.conv(4, groups=2), (4, 5, 6)),
    "conv in a group for each channel": (fnn.conv(6, size=(2, 3), groups=3), (4, 3, 3)),
    "depthwise conv": (fnn.depthwise_conv(), (4, 5, 3)),
    "depthwise conv strided": (fnn.depthwise_conv(stride=2, multiplier=2), (5, 6, 2)),
    "max pool": (fnn.max_pool(2), (4, 6, 2)),
    "max pool overlapping": (fnn.max_pool(3, stride=2, pad=1), (5, 6, 2)),
    "max pool rectangular": (fnn.max_pool((1, 3)), (4, 7, 2)),
    "max pool with gaps": (fnn.max_pool((1, 2), stride=3, pad=((0, 0), (1, 0))), (5, 6, 2)),
    "avg pool overlapping": (fnn.avg_pool(3, stride=2, pad=1), (5, 6, 2)),
    "avg pool of what is inside": (fnn.avg_pool(3, stride=1, pad=1, count_pad=False), (3, 4, 2)),
    "max pool cut off": (fnn.max_pool(3), (4, 7, 1)),
    "avg pool": (fnn.avg_pool(2), (4, 5, 2)),
    "global avg pool": (fnn.global_avg_pool(), (3, 4, 2)),
    "global max pool": (fnn.global_max_pool(), (3, 4, 2)),
    "batch norm": (fnn.batch_norm(), (4,)),
    "batch norm of images": (fnn.batch_norm(), (3, 2, 2)),
    "batch norm without scale": (fnn.batch_norm(scale=False), (3, 2, 2)),
    "layer norm": (fnn.layer_norm(), (6,)),
    "layer norm of images": (fnn.layer_norm(eps=0.1), (3, 4, 5)),
    "group norm": (fnn.group_norm(2), (6,)),
    "group norm of images": (fnn.group_norm(2), (3, 4, 4)),
    "group norm of one group": (fnn.group_norm(1), (2, 3, 3)),
    "whiten": (fnn.whiten(2), (4, 5, 2)),
    "whiten 3x3": (fnn.whiten(3), (4, 5, 2)),
    "whiten many channels": (fnn.whiten(3), (3, 4, 13)),
    "dropout": (fnn.dropout(0.3), (10,)),
    "dropout of images": (fnn.dropout(0.5), (3, 2, 2)),
    "numpy numbers": (
        fnn.serial(fnn.dropout(np.float64(0.3)), fnn.batch_norm(eps=np.float64(1e-5))),
        (10,),
    ),
    "dropout inverted": (fnn.dropout(0.3, inverted=True), (10,)),
    "mlp": (fnn.models.mlp(3, hidden=4, batch_norm=True, dropout=0.5), (3, 3, 1)),
    "conv net": (fnn.models.conv(3, activation="sigmoid"), (4, 4, 1)),
    "lenet": (fnn.models.lenet(3), (12, 14, 2)),
    "vgg": (fnn.models.vgg(3, width=2), (8, 8, 1)),
    "slim": (fnn.models.slim(3, width=1), (20, 20, 1)),
    "quick": (fnn.models.quick(3, width=1), (21, 20, 1)),
    "air": (fnn.models.air(3, width=2), (9, 8, 1)),
    "air deep": (fnn.models.air(3, width=1, depth=3), (8, 9, 3)),
    "resnet": (fnn.models.resnet(3, width=2, depth=2), (5, 6, 3)),
    "resnet18": (fnn.models.resnet18(3, width=2), (5, 6, 3)),
    "resnet18 of photos": (fnn.models.resnet18(3, width=2, stem="large"), (20, 17, 1)),
    "mobilenet": (fnn.models.mobilenet(3, width=2, activation="gelu"), (5, 6, 3)),
    "weight decay of nothing": (fnn.weight_decay(fnn.serial(fnn.dense(3), fnn.relu()), 0.0), (3,)),
}

every_layer = pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
both_modes = pytest.mark.parametrize("train", [True, False], ids=["train", "test"])


def started(layer: Layer, shape, n=5, dtype=np.float32):
    """Parameters, state and a batch for a layer."""
    x = fnn.keys.generator(7).standard_normal((n, *shape)).astype(dtype)
    return layer.init(1, shape), layer.state(2, shape), x


@every_layer
@both_modes
def test_gradients(layer, shape, train):
    fnn.check_vjp(layer, shape, train=train)


@every_layer
@both_modes
def test_a_gradient_of_another_shape_is_refused(layer, shape, train):
    params, state, x = started(layer, shape)
    y, cache = layer.apply(params, state, x, train)
    others = [y[:1], y[:-1], y[..., :1], y[..., None], y.reshape(-1), np.repeat(y, 2, axis=-1)]
    for dy in (other for other in others if other.shape != y.shape):
        for f in (layer.vjp, lambda *given: parameter_grads(layer, *given)):
            if fnn.tree.leaves(params) or f == layer.vjp:
                with pytest.raises(ValueError, match=r"expected dy of .* shape \(5,.* found") as e:
                    f(params, cache, dy)
                assert str(dy.shape) in str(e.value)


@every_layer
def test_purity(layer, shape):
    fnn.check_pure(layer, shape)


@every_layer
@both_modes
@pytest.mark.parametrize("n", [2, 3, 7])
def test_shapes_are_as_declared(layer, shape, train, n):
    params, state, x = started(layer, shape, n)
    y, cache = layer.apply(params, state, x, train)
    dx, _ = layer.vjp(params, cache, y)
    assert (y.shape, dx.shape) == ((n, *layer.shape(shape)), x.shape)


@every_layer
@both_modes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_follows_the_input(layer, shape, train, dtype):
    params, state, x = started(layer, shape, dtype=dtype)
    params = fnn.tree.map(lambda p: p.astype(dtype), params)
    y, cache = layer.apply(params, state, x, train)
    dx, grads = layer.vjp(params, cache, y)
    assert {a.dtype for a in (y, dx, *fnn.tree.leaves(grads))} == {np.dtype(dtype)}


@every_layer
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16])
def test_other_types_are_refused(layer, shape, dtype):
    params, state, x = started(layer, shape)
    with pytest.raises(TypeError, match=r"expected float32 or float64 input, found .*to_float"):
        layer.apply(params, state, x.astype(dtype), True)


@every_layer
@both_modes
def test_the_memory_order_of_the_input_does_not_matter(layer, shape, train):
    params, state, x = started(layer, shape)
    orders = [x, np.asfortranarray(x), np.flip(np.flip(x).copy())]
    if x.ndim == 4:
        orders += [np.ascontiguousarray(x.transpose(1, 2, 0, 3)).transpose(2, 0, 1, 3)]
    first, *others = (_all(layer, params, state, v, train) for v in orders)
    for other in others:
        for a, b in zip(first, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def _all(layer, params, state, x, train):
    y, cache = layer.apply(params, state, x, train)
    dx, grads = layer.vjp(params, cache, y)
    return [y, dx, *fnn.tree.leaves(grads)]


@every_layer
def test_a_key_decides_the_start(layer, shape):
    def leaves(rng):
        return [a.tobytes() for a in fnn.tree.leaves(layer.init(rng, shape))]

    assert leaves(3) == leaves((3,))
    random = any(a.any() and not (a == 1).all() for a in fnn.tree.leaves(layer.init(3, shape)))
    assert (leaves(3) != leaves(4)) == random


@every_layer
def test_grads_are_those_of_vjp(layer, shape):
    params, state, x = started(layer, shape)
    y, cache = layer.apply(params, state, x, True)
    own = parameter_grads(layer, params, cache, y)
    fnn.tree.map(np.testing.assert_array_equal, own, layer.vjp(params, cache, y)[1])


@pytest.mark.parametrize("depth", [1, 4])
def test_a_depth_that_a_block_cannot_have_is_refused(depth):
    with pytest.raises(ValueError, match=r"air: .*depth"):
        fnn.models.air(depth=depth)


@pytest.mark.parametrize("model", ["slim", "quick"])
def test_images_too_small_for_a_model_are_refused_with_its_name(model):
    net = fnn.models.MODELS[model](10)
    assert net.shape((20, 20, 1)) == (10,)
    for use in (net.shape, lambda shape: net.init(0, shape)):
        with pytest.raises(ValueError, match=f"{model}: expected images of 20x20 .*found 19x20"):
            use((19, 20, 1))
