"""Convolutional layers."""

from __future__ import annotations

from collections.abc import Callable

from fnn.arrays import Array, Shape, hwnc, nhwc
from fnn.errors import whole
from fnn.kernels.conv import DEPTHWISE, METHODS, Method, choose, grouped, winograd_fits
from fnn.kernels.rows import add_to_channels
from fnn.kernels.window import Window
from fnn.keys import Key, child
from fnn.layers.checks import check_dy, check_input, check_leaves, check_params
from fnn.layers.initializers import Initializer, check_initializer, he
from fnn.layers.layer import Cache, Layer, constructor
from fnn.layers.window import Pad, Sides, brief, shape_of, window
from fnn.tree import Tree


@constructor
def conv(
    filters: int,
    *,
    size: Sides = 3,
    stride: Sides = 1,
    pad: Pad | None = None,
    groups: int = 1,
    bias: bool = True,
    method: str = "auto",
    init: Initializer = he,
) -> Layer:
    """Filters of `size` x `size` pixels and all input channels, applied all over the image.

        y[i, j, k] = sum over s, t, c of x[i*stride + s - pad, j*stride + t - pad, c] W[s, t, c, k]
                     + b[k]                                          equations (56)-(59)
        dX = dY W^T,  dW = X^T dY,  db = sum of dY                             (60)-(62)

    This is a cross-correlation. x is (N, H, W, C) and 0 outside the image; y is (N, H', W',
    filters) with H' = (H + 2 pad - size) // stride + 1. `pad` is how far a filter may extend
    outside, by default size // 2: then stride 1 keeps the size of the image for odd `size` (and
    adds 1 for even), and stride 2 halves it. `size`, `stride` and `pad` may be pairs, for rows and
    for columns, and each of pad's a pair, before and after: ((top, bottom), (left, right)). With
    `groups`, channels and filters are cut into as many groups, and a filter sees the channels of
    its own. W is (size, size, C / groups, filters), b is (filters,), or absent with bias=False
    (before batch_norm, whose beta does the same). By default W is normal with variance
    2 / (size * size * C / groups) and b is 0 (He et al. 2015), for a ReLU after it. `method` is
    "im2col" (the course's section 5.7.5), "shifted" (the same a few rows of outputs at a time,
    for few channels), "winograd" (3x3 or 5x5, stride 1, pad below the size), or "auto", the
    fastest for the shape. Results agree to 1e-4 of the largest in float32, to 1e-12 in float64.
    Winograd's outputs share sums in tiles of 4x4: a pixel of NaN or 1e10 spoils every output of a
    tile that reads it, with "im2col" only those that see it. Raises ValueError for a size, stride,
    pad, groups or method that is invalid or does not fit, and for an image smaller than a filter.

    >>> conv(32).shape((28, 28, 1)), conv(8, size=5, stride=2).shape((28, 28, 3))
    ((28, 28, 32), (14, 14, 8))
    """
    filters, groups = whole("conv: filters", filters), whole("conv: groups", groups)
    at = window("conv", size, stride, pad)
    name = f"conv({filters}, {_text(at)}{f', groups={groups}' if groups > 1 else ''})"
    if method != "auto" and method not in METHODS:
        raise ValueError(f"{name}: method {method!r}, expected auto, {', '.join(METHODS)}")
    if method == "winograd" and not winograd_fits(at):
        raise ValueError(f"{name}: winograd is for size 3 or 5, stride 1 and pad below size")
    if filters % groups:
        raise ValueError(f"{name}: expected a multiple of {groups} filters")

    def way(own: int, channels: int) -> Method:
        if method == "auto" and channels == groups > 1:
            return DEPTHWISE
        return grouped(choose(at, own) if method == "auto" else METHODS[method], groups)

    return _of_images(name, at, lambda c: filters, lambda c: groups, way, bias, init)


@constructor
def depthwise_conv(
    size: Sides = 3,
    *,
    multiplier: int = 1,
    stride: Sides = 1,
    pad: Pad | None = None,
    bias: bool = True,
    init: Initializer = he,
) -> Layer:
    """`conv` with a group for each channel: `multiplier` filters see it, and nothing else.

        y[i, j, k] = sum over s, t of x[i*stride + s - pad, j*stride + t - pad, k // multiplier]
                                      W[s, t, 0, k] + b[k]

    x is (N, H, W, C), y is (N, H', W', C * multiplier), W is (size, size, 1, C * multiplier).
    Options and errors as for `conv`. Results agree with its to 1e-5 of the largest in float32.

    Source: Howard et al., "MobileNets", arXiv:1704.04861.

    >>> depthwise_conv(stride=2).shape((28, 28, 16))
    (14, 14, 16)
    """
    at, m = (
        window("depthwise_conv", size, stride, pad),
        whole("depthwise_conv: multiplier", multiplier),
    )
    name = f"depthwise_conv({_text(at)}{f', multiplier={m}' if m > 1 else ''})"
    return _of_images(
        name, at, lambda c: c * m, lambda c: c, lambda own, channels: DEPTHWISE, bias, init
    )


def _text(at: Window) -> str:
    size, stride, pad = map(brief, at)
    return f"size={size}, stride={stride}, pad={pad}"


def _of_images(
    name: str,
    at: Window,
    filters: Callable[[int], int],
    groups: Callable[[int], int],
    way: Callable[[int, int], Method],
    bias: bool,
    init: Initializer,
) -> Layer:
    """A convolution; filters and groups depend on the channels.

    `way` gives the method for the channels that a filter sees and for those of the image; for the
    gradient of x, the filters of a group take the place of the former.
    """
    check_initializer(name.split("(")[0], init)
    sides = shape_of(name, at, "filter")

    def shape(s: Shape) -> Shape:
        high, wide = sides(s)
        if s[2] % groups(s[2]):
            raise ValueError(f"{name}: {s[2]} channels cannot be cut into {groups(s[2])} groups")
        return (high, wide, filters(s[2]))

    def shapes(c: int) -> dict[str, Shape]:
        w: dict[str, Shape] = {"W": (*at.size, c // groups(c), filters(c))}
        return {**w, "b": (filters(c),)} if bias else w

    def make(rng: Key, s: Shape) -> Tree:
        shape(s)
        high, wide, own, k = shapes(s[2])["W"]
        fans = (high * wide * own, high * wide * k // groups(s[2]))
        w = {"W": init.W(child(rng, 0), (high, wide, own, k), *fans)}
        return {**w, "b": init.b(child(rng, 1), (k,), *fans)} if bias else w

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_input(name, x, shape)
        c = x.shape[3]
        check_params(name, params, x, shapes(c))
        check_leaves(name, "state", state, {}, x)
        images = hwnc(x)
        y = way(c // groups(c), c).forward(images, params["W"], at)
        if bias:
            add_to_channels(y, params["b"])
        return nhwc(y), Cache(images, state)

    def grads(params: Tree, cache: Cache, dy: Array) -> Tree:
        d, c = outputs(cache, dy), cache.saved.shape[3]
        w = {"W": way(c // groups(c), c).grad_w(cache.saved, d, at)}
        return {**w, "b": d.sum(axis=(0, 1, 2))} if bias else w

    def outputs(cache: Cache, dy: Array) -> Array:
        h, w, n, c = cache.saved.shape
        check_dy(name, dy, (n, *shape((h, w, c))))
        return hwnc(dy)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        d, c = outputs(cache, dy), cache.saved.shape[3]
        # The gradient of x is a convolution of dy, which has as many channels as there are filters.
        dx = way(filters(c) // groups(c), c).grad_x(d, params["W"], cache.saved.shape, at)
        return nhwc(dx), grads(params, cache, nhwc(d))

    return Layer(make, apply, vjp, shape, grads=grads, name=name)
