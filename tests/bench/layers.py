"""The speed of each layer compared with what the machine can do: python tests/bench/layers.py

For convolutions, "of SGEMM" is the rate of multiplications, counted as in a direct convolution, as
a share of the rate of a large matrix product on all cores; it may exceed 100%. The other layers
move memory: "of a copy" is the time in which NumPy copies as many bytes as they must read and
write, as a share of their time. Sizes are those of the models `conv` and `vgg`, with batches of
100; medians of --runs calls.
"""

import argparse
import statistics
import time

import numpy as np

import fnn
from fnn.cli.program import keep_freed_memory
from fnn.kernels import memory
from fnn.kernels.conv import METHODS, choose, winograd_fits
from fnn.kernels.window import square

BATCH = 100
CONVOLUTIONS = [  # side, channels, filters, size, stride
    (28, 1, 32, 3, 1),
    (32, 3, 64, 3, 1),
    *((32, c, 64, 3, 1) for c in (4, 8, 12, 16, 24)),
    (28, 32, 32, 3, 1),
    (14, 32, 64, 3, 1),
    (14, 64, 64, 3, 1),
    (32, 64, 64, 3, 1),
    (16, 128, 128, 3, 1),
    (8, 256, 256, 3, 1),
    (32, 16, 32, 3, 2),
    (32, 16, 32, 1, 2),
    (28, 1, 6, 5, 1),
    (14, 6, 16, 5, 1),
    (14, 32, 64, 5, 1),
    (14, 64, 64, 1, 1),
]
OTHERS = {  # layer, and how many arrays of its size it must read or write: forward, backward
    "batch_norm": (fnn.batch_norm(), 3, 5),
    "relu": (fnn.relu(), 2, 3),
    "layer_norm": (fnn.layer_norm(), 2, 3),
    "group_norm(16)": (fnn.group_norm(16), 3, 5),
    "gelu": (fnn.gelu(), 3, 3),
    "gelu, exact": (fnn.gelu(exact=True), 3, 3),
    "silu": (fnn.silu(), 3, 3),
    "depthwise 3x3": (fnn.depthwise_conv(bias=False), 2, 4),
    "depthwise 3x3 by 2": (fnn.depthwise_conv(stride=2, bias=False), 1.25, 2.5),
    "max_pool(2)": (fnn.max_pool(2), 1.25, 2.5),
    "max_pool(3, stride=2, pad=1)": (fnn.max_pool(3, stride=2, pad=1), 1.25, 2.5),
    "dropout(0.2)": (fnn.dropout(0.2), 2, 2),
}


def median(call, runs):
    """The median time of a call, in milliseconds."""
    times = []
    for i in range(runs + 2):
        start = time.perf_counter()
        call()
        times += [(time.perf_counter() - start) * 1e3] * (i >= 2)
    return statistics.median(times)


def images(side, channels):
    x = memory.empty((side, side, BATCH, channels), np.float32)
    x[...] = np.random.default_rng(0).normal(size=x.shape)
    return x


def sgemm(runs):
    """GFLOP/s of a product of 2048 x 2048 matrices with all of BLAS's threads."""
    a = np.random.default_rng(0).random((2048, 2048), np.float32)
    return 2 * 2048**3 / median(lambda: a @ a, runs) / 1e6


def convolutions(limit, runs):
    print(f"SGEMM {limit:.0f} GFLOP/s\n")
    print("| convolution | method | forward ms | of SGEMM | gradients ms | of SGEMM | auto |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for side, c, k, size, stride in CONVOLUTIONS:
        at = square(size, stride, size // 2)
        x, w = images(side, c), np.random.default_rng(1).normal(size=(size, size, c, k))
        w = w.astype(np.float32)
        for name, way in METHODS.items():
            if name == "winograd" and not winograd_fits(at):
                continue
            y = way.forward(x, w, at)
            work = 2 * y.size * size * size * c / 1e6
            forward = median(lambda: way.forward(x, w, at), runs)  # noqa: B023
            grad_w = median(lambda: way.grad_w(x, y, at), runs)  # noqa: B023
            grad_x = median(lambda: way.grad_x(y, w, x.shape, at), runs)  # noqa: B023
            uses = [
                what
                for what, channels, field in (
                    ("forward", c, "forward"),
                    ("dW", c, "grad_w"),
                    ("dX", k, "grad_x"),
                )
                if getattr(choose(at, channels), field) is getattr(way, field)
            ]
            print(
                f"| {side}x{side}x{c} to {k}, {size}x{size} by {stride} | {name} | "
                f"{forward:.2f} | {work / forward / limit:.0%} | {grad_w:.2f} + {grad_x:.2f} | "
                f"{2 * work / (grad_w + grad_x) / limit:.0%} | {', '.join(uses)} |",
                flush=True,
            )


def others(runs):
    print("\n| layer | images | forward ms | of a copy | backward ms | of a copy |")
    print("| --- | --- | --- | --- | --- | --- |")
    for side, channels in ((28, 32), (32, 64), (16, 128)):
        raw = images(side, channels)
        x, target = raw.transpose(2, 0, 1, 3), np.empty_like(raw)
        one = median(lambda: np.copyto(target, raw), runs) / 2  # noqa: B023
        for name, (layer, forth, back) in OTHERS.items():
            params, state = layer.init(0, x.shape[1:]), layer.state(0, x.shape[1:])
            y, cache = layer.apply(params, state, x, True)
            dy = y.copy(order="K")
            forward = median(lambda: layer.apply(params, state, x, True), runs)  # noqa: B023
            backward = median(lambda: layer.vjp(params, cache, dy), runs)  # noqa: B023
            print(
                f"| {name} | {side}x{side}x{channels} | {forward:.2f} | "
                f"{forth * one / forward:.0%} | {backward:.2f} | {back * one / backward:.0%} |",
                flush=True,
            )


def alignment(runs):
    """How the alignment of arrays in the cache affects an element-wise function."""
    arrays = [memory.empty((1 << 18,), np.float32) for _ in range(3)]
    for m in arrays:
        m[...] = 1
    print("\n| bytes past a cache line | ns a number, a + b |\n| --- | --- |")
    for skip in (0, 4, 8):
        a, b, out = (m[skip : skip + (1 << 17)] for m in arrays)
        ms = median(lambda: np.add(a, b, out=out), 50 * runs)  # noqa: B023
        print(f"| {4 * skip} | {ms * 1e6 / len(a):.3f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, help="calls of each function (%(default)s)")
    runs = parser.parse_args().runs
    keep_freed_memory()
    alignment(runs)
    convolutions(sgemm(runs), runs)
    others(runs)


if __name__ == "__main__":
    main()
