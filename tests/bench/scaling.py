"""What messages cost, measured, and how training scales, simulated: python tests/bench/scaling.py

First table: the computing of a step. Second: the sum of a step's vector over 2 and 4 processes of
this machine, through shared memory and through TCP. Third table: steps a second for 1 to 1,024
processes in a model whose parts are

    computing   t(n), the time of a forward and backward pass of n examples on one core: measured
    optimizer   on every process alike: measured
    messages    2 log2(N) a + 2 (N - 1) / N V (1 / b + c), recursive halving and doubling of V
                bytes; c, what copying and adding a byte takes: measured; a, a message's latency:
                measured through TCP for 1 Gbit/s, 3 us for 100 Gbit/s (RDMA); b the bandwidth

Weak scaling: each process has 100 examples, so the batch grows. Strong: a batch of 1,024, so each
has 1,024 / N. Needs fnn[mpi].
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import fnn
from fnn.cli.program import keep_freed_memory

NETS = {"mlp": ("mlp", {"hidden": 100}, (28, 28, 1)), "conv": ("conv", {}, (28, 28, 1)),
        "vgg": ("vgg", {"width": 64}, (32, 32, 3))}  # fmt: skip
SIZES = {"0.1 million": 10**5, "2 million": 2 * 10**6, "25 million": 25 * 10**6}
TCP = {"MPIR_CVAR_CH4_NETMOD": "ofi", "FI_PROVIDER": "tcp", "MPIR_CVAR_NOLOCAL": "1"}
NETWORKS = {"1 Gbit/s": (None, 125e6), "100 Gbit/s": (3e-6, 12.5e9)}  # a, b
PROCESSES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]


def seconds(call: Callable[[], object], least: float = 0.3) -> float:
    """The median time of a call."""
    call()
    times, end = [], time.perf_counter() + least
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def sums() -> None:
    """As one of several processes: the time of a sum of each size, as JSON from the first."""
    keep_freed_memory()  # as fnn-train does
    group = fnn.mpi.group(patience=600)
    found = {}
    for n in (1, *SIZES.values()):
        vector = np.ones(n, np.float32)
        times = []
        for _ in range(3 + max(5, min(300, 10**7 // n))):
            group.add(vector[:1])  # all begin together
            start = time.perf_counter()
            group.add(vector)
            times.append(time.perf_counter() - start)
        found[n] = statistics.median(times[3:])
    if group.rank == 0:
        print(json.dumps(found))


def measured_sums(size: int, more: dict[str, str]) -> dict[int, float]:
    places = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = [str(shutil.which("mpiexec", path=places)), "-n", str(size), sys.executable, __file__]
    done = subprocess.run(
        [*command, "--sums"], env={**os.environ, **more}, capture_output=True, text=True, check=True
    )
    return {int(n): took for n, took in json.loads(done.stdout).items()}


def computing(name: str) -> tuple[dict[int, float], float, int]:
    """The time of 1, 2, 4, ... examples on one core, that of the optimizer, and the parameters."""
    model, options, shape = NETS[name]
    net, optimizer = fnn.models.MODELS[model](10, **options), fnn.momentum(0.01)
    ts = fnn.init_train_state(net, optimizer, 0, shape)

    def passes(n: int) -> Callable[[], object]:
        x = np.random.default_rng(0).random((n, *shape), np.float32)
        x = fnn.to_float((x * 255).astype(np.uint8))

        def call() -> object:
            y, cache = net.apply(ts.params, ts.state, x, True)
            _, dy = fnn.softmax_cross_entropy(y, np.arange(n) % 10)
            return fnn.parameter_grads(net, ts.params, cache, dy)

        return call

    grads = passes(2)()
    times = {n: seconds(passes(n)) for n in (2, 4, 8, 16, 32, 64, 128)}

    def update() -> object:
        updates, _ = optimizer.update(grads, ts.opt_state)
        return fnn.tree.map(lambda p, u: p + u, ts.params, updates)

    return times, seconds(update), sum(np.size(p) for p in fnn.tree.leaves(ts.params))


def time_of(times: dict[int, float], n: float) -> float:
    """The time of n examples: between two measurements, and beyond them in proportion."""
    sizes = sorted(times)
    if n >= sizes[-1]:
        return times[sizes[-1]] * n / sizes[-1]
    return float(np.interp(n, sizes, [times[s] for s in sizes]))


def simulated(
    times: dict[int, float], update: float, parameters: int, a: float, b: float, c: float
) -> tuple[list[float], list[float]]:
    """Steps a second for each number of processes: weak, and strong."""
    weak, strong = [], []
    for n in PROCESSES:
        size = 4 * parameters
        message = 2 * math.log2(n) * a + 2 * (n - 1) / n * size * (1 / b + c)
        weak.append(1 / (time_of(times, 100) + update + message))
        strong.append(1 / (time_of(times, 1024 / n) + update + message))
    return weak, strong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sums", action="store_true", help=argparse.SUPPRESS)
    if parser.parse_args().sums:
        sums()
        return
    os.environ["FNN_THREADS"] = "1"
    nets = {name: computing(name) for name in NETS}
    print("| net | parameters | 50 examples, ms | 100 examples, ms | optimizer, ms |")
    print("| --- | --- | --- | --- | --- |")
    for name, (times, update, parameters) in nets.items():
        half, whole = (1e3 * time_of(times, n) for n in (50, 100))
        print(f"| {name} | {parameters} | {half:.2f} | {whole:.2f} | {update * 1e3:.2f} |")
    ways = {"shared memory": {}, "TCP": TCP}
    found = {(way, n): measured_sums(n, more) for way, more in ways.items() for n in (2, 4)}
    print("\n| parameters | MB sent by each of 2 (4) processes | of the least possible |", end="")
    print("".join(f" {way}, {n}: ms |" for way, n in found))
    print("| --- | --- | --- |" + " --- |" * len(found))
    for label, n in SIZES.items():
        mb = 4e-6 * n
        row = "".join(f" {1e3 * times[n]:.2f} |" for times in found.values())
        print(f"| {label} | {mb:.1f} ({1.5 * mb:.1f}) | 1.00 |{row}")
    latency = found["TCP", 2][1]
    big = SIZES["25 million"]
    c = found["shared memory", 2][big] / (4 * big)
    print(f"\nmeasured: a = {latency * 1e6:.0f} us through TCP, c = {c * 1e9:.2f} ns per byte\n")
    print("| steps a second | " + " | ".join(map(str, PROCESSES)) + " |")
    print("| --- |" + " --- |" * len(PROCESSES))
    for name, (times, update, parameters) in nets.items():
        for network, (a, b) in NETWORKS.items():
            both = simulated(times, update, parameters, latency if a is None else a, b, c)
            for kind, rates in zip(("weak", "strong"), both, strict=True):
                row = " | ".join(f"{rate:.3g}" for rate in rates)
                print(f"| {name}, {network}, {kind} | {row} |")


if __name__ == "__main__":
    main()
