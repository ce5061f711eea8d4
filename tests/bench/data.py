"""What preparing an epoch's data costs, compared with training: python tests/bench/data.py

Batches of 100 are shuffled, gathered, augmented by flip and shift and scaled, as in fnn-train; the
times are compared with a training step on the same images in the same process. Medians of --runs
rounds.
"""

import argparse
import statistics
import time

import numpy as np

import fnn
from fnn import augment
from fnn.cli.program import keep_freed_memory

CASES = {  # model, options, shape of an image, steps per round
    "mlp 784-100-10": ("mlp", {"hidden": 100}, (28, 28), 200),
    "conv": ("conv", {}, (28, 28), 3),
    "vgg 64-128-256": ("vgg", {"width": 64}, (32, 32, 3), 1),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, help="rounds (%(default)s)")
    runs = parser.parse_args().runs
    keep_freed_memory()
    changes = augment.compose(augment.flip(), augment.shift(2))
    print("| net | step ms | data ms a batch | share | with augmentation | share |")
    print("| --- | --- | --- | --- | --- | --- |")
    for title, (model, options, shape, steps) in CASES.items():
        images = np.random.default_rng(0).integers(0, 256, (10_000, *shape), np.uint8)
        labels = np.arange(10_000) % 10
        net, optimizer = fnn.models.MODELS[model](10, **options), fnn.momentum(0.01)
        step = fnn.train_step(net, fnn.softmax_cross_entropy, optimizer)
        ts = fnn.init_train_state(net, optimizer, 0, (*shape, 1)[:3])
        batch = fnn.to_float(images[:100]), labels[:100]
        ts = step(step(ts, batch), batch)
        times = {"step": [], "data": [], "augmented": []}
        for _ in range(runs):
            start = time.perf_counter()
            for _ in range(steps):
                step(ts, batch)
            times["step"].append((time.perf_counter() - start) * 1e3 / steps)
            for name, change in (("data", None), ("augmented", changes)):
                start = time.perf_counter()
                for _ in fnn.batches(0, images, labels, 100, fnn.to_float, change):
                    pass
                times[name].append((time.perf_counter() - start) * 1e3 / 100)
        one, data, augmented = (statistics.median(t) for t in times.values())
        print(
            f"| {title} | {one:.2f} | {data:.3f} | {data / (one + data):.1%} | {augmented:.3f} | "
            f"{augmented / (one + augmented):.1%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
