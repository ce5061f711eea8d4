import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fnn
from fnn.kernels import im2col, shifted, winograd


def loops(x, w, b, stride, pad):
    """Equations (56)-(58) literally: seven loops over 0-based images (N, H, W, C)."""
    n, h, wide, channels = x.shape
    size, filters = w.shape[0], w.shape[3]
    rows, cols = (((d + 2 * pad - size) // stride) + 1 for d in (h, wide))
    y = np.zeros((n, rows, cols, filters))
    for image in range(n):
        for i in range(rows):
            for j in range(cols):
                for k in range(filters):
                    y[image, i, j, k] = b[k]
                    for s in range(size):
                        for t in range(size):
                            p, q = i * stride + s - pad, j * stride + t - pad
                            if 0 <= p < h and 0 <= q < wide:
                                for c in range(channels):
                                    y[image, i, j, k] += x[image, p, q, c] * w[s, t, c, k]
    return y


geometry = st.fixed_dictionaries(
    {
        "size": st.integers(1, 5),
        "stride": st.integers(1, 3),
        "pad": st.integers(0, 3),
        "h": st.integers(1, 7),
        "w": st.integers(1, 7),
        "channels": st.integers(1, 3),
        "filters": st.integers(1, 3),
        "n": st.integers(1, 3),
    }
).filter(lambda g: min(g["h"], g["w"]) + 2 * g["pad"] >= g["size"])


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
    expected = loops(x, params["W"], params["b"], g["stride"], g["pad"])
    assert y.shape == expected.shape == (g["n"], *layer.shape(shape))
    np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-12)


FAST = {
    "shifted": geometry,
    **{
        f"winograd {size}x{size}": geometry.flatmap(
            lambda g, size=size: st.integers(0, size - 1).map(
                lambda pad: {**g, "size": size, "stride": 1, "pad": pad}
            )
        ).filter(lambda g: min(g["h"], g["w"]) + 2 * g["pad"] >= g["size"])
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


@given(geometry)
def test_col2im_is_exactly_the_adjoint_of_im2col(g):
    draw = fnn.keys.generator(1)
    x = draw.integers(-9, 10, (g["h"], g["w"], g["n"], g["channels"])).astype(np.float64)
    arguments = (g["size"], g["stride"], g["pad"])
    columns = im2col.im2col(x, *arguments)
    c = draw.integers(-9, 10, columns.shape).astype(np.float64)
    assert np.vdot(columns, c) == np.vdot(x, im2col.col2im(c, x.shape, *arguments))


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
    "layer", [fnn.conv(4), fnn.conv(4, size=5), fnn.conv(4, size=1), fnn.max_pool(2)]
)
def test_no_images_give_no_images(layer):
    params = layer.init(0, (8, 8, 16))
    y, cache = layer.apply(params, {}, np.zeros((0, 8, 8, 16), np.float32), True)
    assert y.shape == (0, *layer.shape((8, 8, 16)))
    dx, grads = layer.vjp(params, cache, y)
    assert dx.shape == (0, 8, 8, 16)
    assert all(not g.any() for g in fnn.tree.leaves(grads))
