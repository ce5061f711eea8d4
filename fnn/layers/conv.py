"""The convolutional layer."""

from fnn.arrays import Array, Shape, hwnc, nhwc
from fnn.errors import whole
from fnn.kernels.conv import METHODS, Method, choose, winograd_fits
from fnn.kernels.im2col import output_side
from fnn.kernels.rows import add_to_channels
from fnn.keys import Key, child
from fnn.layers.checks import check_dy, check_input, check_leaves, check_params, check_rank
from fnn.layers.initializers import Initializer, check_initializer, he
from fnn.layers.layer import Cache, Layer, constructor
from fnn.tree import Tree


@constructor
def conv(
    filters: int,
    *,
    size: int = 3,
    stride: int = 1,
    pad: int | None = None,
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
    adds 1 for even), and stride 2 halves it. W is (size, size, C, filters), b is (filters,), or
    absent with bias=False (before batch_norm, whose beta does the same). By default W is normal
    with variance 2 / (size * size * C) and b is 0 (He et al. 2015), for a ReLU after it. `method`
    is "im2col" (the course's section 5.7.5), "shifted" (the same a few rows of outputs at a time,
    for few channels), "winograd" (3x3 or 5x5, stride 1, pad below the size), or "auto", the
    fastest for the shape. Results agree to 1e-4 of the largest in float32, to 1e-12 in float64.
    Winograd's outputs share sums in tiles of 4x4: a pixel of NaN or 1e10 spoils every output of a
    tile that reads it, with "im2col" only those that see it. Raises ValueError for a size, stride,
    pad or method that is invalid or does not fit, and for an image smaller than a filter.

    >>> conv(32).shape((28, 28, 1)), conv(8, size=5, stride=2).shape((28, 28, 3))
    ((28, 28, 32), (14, 14, 8))
    """
    filters, size = whole("conv: filters", filters), whole("conv: size", size)
    check_initializer("conv", init)
    stride = whole("conv: stride", stride)
    pad = size // 2 if pad is None else whole("conv: pad", pad, 0)
    name = f"conv({filters}, size={size}, stride={stride}, pad={pad})"
    if method != "auto" and method not in METHODS:
        raise ValueError(f"{name}: method {method!r}, expected auto, {', '.join(METHODS)}")
    if method == "winograd" and not winograd_fits(size, stride, pad):
        raise ValueError(f"{name}: winograd is for size 3 or 5, stride 1 and pad below size")

    def way(channels: int) -> Method:
        return choose(size, stride, pad, channels) if method == "auto" else METHODS[method]

    def shape(s: Shape) -> Shape:
        check_rank(name, s, "(H, W, C)", "give it images")
        if min(s[:2]) + 2 * pad < size:
            raise ValueError(f"{name}: an image of shape {s} is smaller than a filter, even padded")
        h, w = (output_side(side, size, stride, pad) for side in s[:2])
        return (h, w, filters)

    def make(rng: Key, s: Shape) -> Tree:
        shape(s)
        w_shape = (size, size, s[2], filters)
        fans = (size * size * s[2], size * size * filters)
        w = {"W": init.W(child(rng, 0), w_shape, *fans)}
        return {**w, "b": init.b(child(rng, 1), (filters,), *fans)} if bias else w

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_input(name, x, shape)
        shapes: dict[str, Shape] = {"W": (size, size, x.shape[3], filters)}
        check_params(name, params, x, {**shapes, "b": (filters,)} if bias else shapes)
        check_leaves(name, "state", state, {}, x)
        images = hwnc(x)
        y = way(images.shape[3]).forward(images, params["W"], stride, pad)
        if bias:
            add_to_channels(y, params["b"])
        return nhwc(y), Cache(images, state)

    def grads(params: Tree, cache: Cache, dy: Array) -> Tree:
        d = outputs(cache, dy)
        w = {"W": way(cache.saved.shape[3]).grad_w(cache.saved, d, size, stride, pad)}
        return {**w, "b": d.sum(axis=(0, 1, 2))} if bias else w

    def outputs(cache: Cache, dy: Array) -> Array:
        h, w, n, c = cache.saved.shape
        check_dy(name, dy, (n, *shape((h, w, c))))
        return hwnc(dy)

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        d = outputs(cache, dy)
        # The gradient of x is a convolution of dy, which has as many channels as there are filters.
        dx = way(filters).grad_x(d, params["W"], cache.saved.shape, stride, pad)
        return nhwc(dx), grads(params, cache, nhwc(d))

    return Layer(make, apply, vjp, shape, grads=grads, name=name)
