"""Does training reach the same accuracy with Winograd's convolutions as with im2col's?

    python tests/bench/methods.py --seeds 3

The model `conv` is trained on MNIST (or --data) with each method from the same seeds: the same
initial parameters, the same order of images. Prints the test accuracy of each, and how much the
gradients of one step differ, as a share of the largest.
"""

import argparse
import statistics

import numpy as np

import fnn
from fnn.cli.program import keep_freed_memory
from fnn.optim.schedules import one_cycle

METHODS = ("im2col", "winograd")


def net(method):
    """The model `conv`; its first convolution, of one channel, is the same in both."""

    def block(filters, first):
        half = [fnn.batch_norm(), fnn.relu()]
        return [
            fnn.conv(filters, bias=False, method=first),
            *half,
            fnn.conv(filters, bias=False, method=method),
            *half,
            fnn.max_pool(2),
        ]

    return fnn.serial(*block(32, "auto"), *block(64, method), fnn.flatten(), fnn.dense(10))


def trained(method, seed, data, epochs):
    steps = epochs * -(-len(data.train.labels) // 100)
    model, optimizer = net(method), fnn.momentum(one_cycle(0.05, steps))
    step = fnn.train_step(model, fnn.softmax_cross_entropy, optimizer)
    ts = fnn.init_train_state(model, optimizer, seed, (28, 28, 1))
    for epoch in range(epochs):
        ts = fnn.epoch(step, fnn.batches((seed, epoch), *data.train, 100, fnn.to_float), ts)
    return fnn.evaluate(model, ts.params, ts.state, *data.test, prepare=fnn.to_float)


def difference():
    """The largest difference of a gradient between the methods, as a share of the largest one.

    On images of noise: in MNIST's blank margins, pooled values tie with im2col and all of them get
    the gradient, while with Winograd's rounding only one does.
    """
    draw = np.random.default_rng(0)
    x, labels = fnn.to_float(draw.integers(0, 256, (100, 28, 28), np.uint8)), np.arange(100) % 10
    params, state = net("im2col").init(0, (28, 28, 1)), net("im2col").state(0, (28, 28, 1))
    grads = []
    for method in METHODS:
        y, cache = net(method).apply(params, state, x, True)
        dy = fnn.softmax_cross_entropy(y, labels)[1]
        grads.append(fnn.tree.leaves(net(method).vjp(params, cache, dy)[1]))
    return max(np.abs(a - b).max() / np.abs(a).max() for a, b in zip(*grads, strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--data", default="mnist")
    args = parser.parse_args()
    keep_freed_memory()
    data = fnn.open_data(args.data).data
    print(f"gradients of one step differ by {difference():.1e} of the largest")
    for method in METHODS:
        found = [trained(method, seed, data, args.epochs).accuracy for seed in range(args.seeds)]
        each = ", ".join(f"{a:.4f}" for a in found)
        print(f"{method}: {each}; mean {statistics.mean(found):.4f}", flush=True)


if __name__ == "__main__":
    main()
