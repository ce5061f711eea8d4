import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fnn
from fnn.kernels import depthwise, im2col, shifted, winograd
from fnn.kernels.window import places
from fnn.layers.window import window


def loops(x, w, at, groups=1):
    """Equations (56)-(58) literally: seven loops over 0-based images (N, H, W, C), without B."""
    n, h, wide, channels = x.shape
    filters, own = w.shape[3], channels // groups
    (down, right), ((top, _), (left, _)) = at.stride, at.pad
    rows, cols = places(at, (h, wide))
    y = np.zeros((n, rows, cols, filters))
    for image in range(n):
        for i in range(rows):
            for j in range(cols):
                for k in range(filters):
                    start = k // (filters // groups) * own  # the first channel of its group
                    for s in range(at.size[0]):
                        for t in range(at.size[1]):
                            p, q = i * down + s - top, j * right + t - left
                            if 0 <= p < h and 0 <= q < wide:
                                for c in range(own):
                                    y[image, i, j, k] += x[image, p, q, start + c] * w[s, t, c, k]
    return y


def pairs(low, high):
    return st.integers(low, high) | st.tuples(*[st.integers(low, high)] * 2)


pads = st.integers(0, 3) | st.tuples(pairs(0, 3), pairs(0, 3))
geometry = st.fixed_dictionaries(
    {
        "size": pairs(1, 5),
        "stride": pairs(1, 3),
        "pad": pads,
        "h": st.integers(1, 7),
        "w": st.integers(1, 7),
        "channels": st.integers(1, 3),
        "filters": st.integers(1, 3),
        "n": st.integers(1, 3),
    }
).filter(lambda g: fits(g))


def at_of(g):
    return window("conv", g["size"], g["stride"], g["pad"])


def fits(g):
    return min(places(at_of(g), (g["h"], g["w"]))) >= 1


def chosen(g):
    return {name: g[name] for name in ("filters", "size", "stride", "pad")}


@given(geometry)
def test_convolution_is_the_sum_of_the_course(g):
    layer = fnn.conv(**chosen(g))
    shape = (g["h"], g["w"], g["channels"])
    draw = fnn.keys.generator(0)
    params = fnn.tree.map(lambda p: draw.standard_normal(p.shape), layer.init(0, shape))
    x = draw.standard_normal((g["n"], *shape))
    y, _ = layer.apply(params, {}, x, True)
    expected = loops(x, params["W"], at_of(g)) + params["b"]
    assert y.shape == expected.shape == (g["n"], *layer.shape(shape))
    np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-12)


FAST = {
    "shifted": geometry,
    **{
        f"winograd {size}x{size}": geometry.flatmap(
            lambda g, size=size: st.integers(0, size - 1).map(
                lambda pad: {**g, "size": size, "stride": 1, "pad": pad}
            )
        ).filter(fits)
        for size in winograd.SIZES
    },
}
BOUND = {np.float32: 1e-4, np.float64: 1e-12}


@pytest.mark.parametrize("method", FAST)
@pytest.mark.parametrize("dtype", BOUND)
@given(st.data())
def test_fast_methods_agree_with_the_textbook(method, dtype, data):
    g = data.draw(FAST[method])
    shape = (data.draw(st.integers(1, 4)) * g["h"], g["w"], g["channels"])
    draw = fnn.keys.generator(3)
    layers = [fnn.conv(**chosen(g), method=m) for m in ("im2col", method.split()[0])]
    params = layers[0].init(0, shape)
    params = fnn.tree.map(lambda p: draw.standard_normal(p.shape).astype(dtype), params)
    x = draw.standard_normal((g["n"], *shape)).astype(dtype)
    results = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shifted, "BLOCK", data.draw(st.sampled_from([1, 200, shifted.BLOCK])))
        patch.setattr(winograd, "SMALL", data.draw(st.sampled_from([0, winograd.SMALL])))
        for layer in layers:
            y, cache = layer.apply(params, {}, x, True)
            dy = fnn.keys.generator(4).standard_normal(y.shape).astype(dtype)
            dx, grads = layer.vjp(params, cache, dy)
            results.append([y, dx, grads["W"], grads["b"]])
    for plain, fast in zip(*results, strict=True):
        assert fast.dtype == dtype
        assert np.abs(fast - plain).max() <= BOUND[dtype] * np.abs(plain).max()


@given(geometry, st.integers(1, 3), st.integers(1, 2))
def test_a_filter_sees_the_channels_of_its_group(g, groups, own):
    filters = g["filters"] * groups
    layer = fnn.conv(**{**chosen(g), "filters": filters}, groups=groups)
    x = fnn.keys.generator(0).standard_normal((g["n"], g["h"], g["w"], groups * own))
    params = layer.init(0, x.shape[1:])
    y, _ = layer.apply(params, {}, x, True)
    expected = loops(x, params["W"], at_of(g), groups)
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(geometry, st.integers(1, 3), st.sampled_from([1, 40, depthwise.BLOCK]))
def test_the_depthwise_kernel_agrees_with_groups_of_one_channel(dtype, g, multiplier, block):
    options = {name: g[name] for name in ("size", "stride", "pad")}
    c = g["channels"]
    fast = fnn.depthwise_conv(multiplier=multiplier, **options)
    plain = fnn.conv(c * multiplier, groups=c, method="im2col", **options)
    draw = fnn.keys.generator(3)
    x = draw.standard_normal((g["n"], g["h"], g["w"], c)).astype(dtype)
    params = plain.init(0, x.shape[1:])
    params = fnn.tree.map(lambda p: draw.standard_normal(p.shape).astype(dtype), params)
    results = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(depthwise, "BLOCK", block)
        patch.setattr(depthwise, "RUN", min(block, depthwise.RUN))
        for layer in (plain, fast):
            y, cache = layer.apply(params, {}, x, True)
            dy = fnn.keys.generator(4).standard_normal(y.shape).astype(dtype)
            dx, grads = layer.vjp(params, cache, dy)
            results.append([y, dx, grads["W"], grads["b"]])
    bound = {np.float32: 1e-5, np.float64: 1e-12}[dtype]
    for a, b in zip(*results, strict=True):
        assert b.dtype == dtype
        assert np.abs(a - b).max() <= bound * np.abs(a).max()


@given(geometry)
def test_col2im_is_exactly_the_adjoint_of_im2col(g):
    draw = fnn.keys.generator(1)
    x = draw.integers(-9, 10, (g["h"], g["w"], g["n"], g["channels"])).astype(np.float64)
    columns = im2col.im2col(x, at_of(g))
    c = draw.integers(-9, 10, columns.shape).astype(np.float64)
    assert np.vdot(columns, c) == np.vdot(x, im2col.col2im(c, x.shape, at_of(g)))


@given(geometry)
def test_the_vjp_is_the_adjoint_of_apply(g):
    layer = fnn.conv(**chosen(g), bias=False)
    shape = (g["h"], g["w"], g["channels"])
    draw = fnn.keys.generator(2)
    params = fnn.tree.map(lambda p: draw.standard_normal(p.shape), layer.init(0, shape))
    x = draw.standard_normal((g["n"], *shape))
    y, cache = layer.apply(params, {}, x, True)
    dy = draw.standard_normal(y.shape)
    dx, grads = layer.vjp(params, cache, dy)
    # y is linear in x and in W, so both inner products are <dy, y>.
    assert np.vdot(dx, x) == pytest.approx(np.vdot(dy, y), rel=1e-9, abs=1e-9)
    assert np.vdot(grads["W"], params["W"]) == pytest.approx(np.vdot(dy, y), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("layer", "before", "after"),
    [
        (fnn.conv(8), (28, 28, 1), (28, 28, 8)),  # (56) keeps the size
        (fnn.conv(8, stride=2), (28, 28, 1), (14, 14, 8)),  # s = 2 halves it
        (fnn.conv(8, size=2), (28, 28, 1), (29, 29, 8)),  # an even filter adds one
        (fnn.conv(8, size=5, pad=0), (28, 20, 1), (24, 16, 8)),
        (fnn.conv(8, size=(5, 1), pad=((0, 1), (2, 0))), (28, 20, 1), (25, 22, 8)),
    ],
)
def test_sizes(layer, before, after):
    assert layer.shape(before) == after


def test_parameters_are_counted_as_in_the_course():
    params = fnn.conv(16, size=3).init(0, (28, 28, 4))
    assert sum(p.size for p in params.values()) == 16 * (3 * 3 * 4 + 1)
    assert fnn.conv(500).init(0, (4, 4, 20))["W"].var() == pytest.approx(2 / 180, rel=0.03)
    assert not params["b"].any()


def test_images_are_stored_in_rows_of_the_whole_batch():
    layer = fnn.conv(3)
    x = fnn.to_float(np.ones((5, 4, 4, 2), np.uint8))
    params = layer.init(0, (4, 4, 2))
    y, cache = layer.apply(params, {}, x, True)
    dx, _ = layer.vjp(params, cache, y)
    for images in (y, dx):
        assert images.transpose(1, 2, 0, 3).flags.c_contiguous


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fnn.conv(0), "at least 1"),
        (lambda: fnn.conv(1, size=0), "at least 1"),
        (lambda: fnn.conv(1, stride=0), "at least 1"),
        (lambda: fnn.conv(1, pad=-1), "pad: expected at least 0"),
        (lambda: fnn.conv(1, method="fft"), "expected auto, im2col, shifted, winograd"),
        (lambda: fnn.conv(1, size=7, method="winograd"), "winograd is for size 3 or 5"),
        (lambda: fnn.conv(1, pad=3, method="winograd"), "pad below size"),
        (lambda: fnn.conv(1, stride=2, method="winograd"), "winograd is for size 3 or 5, stride 1"),
        (lambda: fnn.conv(1, size=(3, 0)), "size: expected at least 1"),
        (lambda: fnn.conv(1, pad=((0, 1), (0, -1))), "pad: expected at least 0"),
        (lambda: fnn.conv(3, groups=2), "expected a multiple of 2 filters"),
        (lambda: fnn.conv(2, groups=2).shape((4, 4, 3)), "3 channels cannot be cut into 2 groups"),
        (lambda: fnn.conv(1, size=(3, 5), method="winograd"), "winograd is for size 3 or 5"),
        (lambda: fnn.depthwise_conv(multiplier=0), "multiplier: expected at least 1"),
        (lambda: fnn.depthwise_conv(5, pad=0).shape((4, 9, 1)), "smaller than a filter"),
        (lambda: fnn.conv(1).init(0, (784,)), r"expected an example of shape \(H, W, C\), found"),
        (lambda: fnn.conv(1, size=5, pad=0).shape((4, 9, 1)), "smaller than a filter"),
        (
            lambda: fnn.conv(1).apply(
                fnn.conv(1).init(0, (4, 4, 2)), {}, np.ones((1, 4, 4, 3)), True
            ),
            r"conv\(1.*\(3, 3, 3, 1\) for input of shape \(1, 4, 4, 3\), found \(3, 3, 2, 1\)",
        ),
    ],
)
def test_bad_arguments_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_passing_filters_copy_the_image_and_the_others_start_small():
    layer = fnn.conv(200, bias=False, init=fnn.initializers.passing)
    x = fnn.keys.generator(0).standard_normal((2, 5, 6, 3)).astype(np.float32)
    params = layer.init(0, (5, 6, 3))
    y, _ = layer.apply(params, {}, x, True)
    np.testing.assert_allclose(y[..., :3], x, atol=1e-5)
    assert abs(27 * params["W"][..., 3:].var() - 1 / 3) < 0.02


@pytest.mark.parametrize(
    "layer",
    [
        fnn.conv(4),
        fnn.conv(4, size=5),
        fnn.conv(4, size=1),
        fnn.conv(4, groups=2),
        fnn.depthwise_conv(),
        fnn.max_pool(2),
        fnn.max_pool(3, stride=2, pad=1),
        fnn.avg_pool(3, stride=2, pad=1),
    ],
)
def test_no_images_give_no_images(layer):
    params = layer.init(0, (8, 8, 16))
    y, cache = layer.apply(params, {}, np.zeros((0, 8, 8, 16), np.float32), True)
    assert y.shape == (0, *layer.shape((8, 8, 16)))
    dx, grads = layer.vjp(params, cache, y)
    assert dx.shape == (0, 8, 8, 16)
    assert all(not g.any() for g in fnn.tree.leaves(grads))


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (fnn.conv(32), "conv(32, size=3, stride=1, pad=1)"),
        (
            fnn.conv(4, size=(1, 3), groups=2),
            "conv(4, size=(1, 3), stride=1, pad=(0, 1), groups=2)",
        ),
        (fnn.conv(4, pad=((0, 1), (1, 1))), "conv(4, size=3, stride=1, pad=((0, 1), 1))"),
        (fnn.depthwise_conv(5, stride=2), "depthwise_conv(size=5, stride=2, pad=2)"),
    ],
)
def test_names_say_what_differs_from_squares(layer, name):
    assert layer.name == name


@pytest.mark.parametrize("size", [(3, 3, 3), (3,), ((3, 3), 3), "3", 3.0])
def test_a_size_is_an_integer_or_two(size):
    with pytest.raises(TypeError, match="size: expected an integer, found"):
        fnn.conv(1, size=size)
