"""A whole training step in fnn and in other libraries: python tests/bench/steps.py

Each variant runs in a process of its own, and the processes take turns, so that a machine whose
speed drifts affects all alike. Each turn gives the median of a few steps; the table shows the
median of the turns and their range. "as fnn-train" keeps freed memory, as the program does
(fnn/cli/program.py); "one thread" is the same with FNN_THREADS=1; "processes" is the same batch
in as many shards as there are cores (at most the largest power of two), each computed by a process
of its own (fnn/shards.py), messages included; it needs fnn[mpi]. "PyTorch processes" is the same
with its DistributedDataParallel and gloo. The mlp is also compared with
scikit-learn. PyTorch and scikit-learn may be in other environments: --torch PYTHON, --sklearn
PYTHON. Libraries that are not installed are left out. "ratio" is the time divided by that of the
fastest of PyTorch's formats, "scaling" the time of one thread divided by that of all.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from typing import Any, NamedTuple


class Net(NamedTuple):
    """A model, the shape of its images, and the steps and batch size of a turn."""

    model: str
    options: dict[str, Any]
    shape: tuple[int, int, int]
    steps: int  # in a turn
    batch: int = 100


NETS = {
    "mlp": Net("mlp", {"hidden": 100}, (28, 28, 1), 500),
    "conv": Net("conv", {}, (28, 28, 1), 5),
    "vgg": Net("vgg", {"width": 64}, (32, 32, 3), 2),
    "inference": Net("conv", {}, (28, 28, 1), 2, 1000),
    "slim": Net("slim", {}, (28, 28, 1), 3, 250),
    "quick": Net("quick", {}, (28, 28, 1), 10, 500),
    "air": Net("air", {"width": 64}, (32, 32, 3), 1, 500),
    "narrow air": Net("air", {"width": 32}, (32, 32, 3), 1, 500),
    "5x5": Net("two convolutions of 5x5", {}, (28, 28, 1), 20),
    "wide mlp": Net("mlp", {"hidden": 800, "activation": "relu"}, (28, 28, 1), 50, 250),
}


KEPT = ("as fnn-train", "one thread", "processes")
ALONE = ("one thread", "processes", "torch processes")  # a process of these has one thread
CORES = len(os.sched_getaffinity(0))
PROCESSES = 1 << (CORES.bit_length() - 1)
ONE = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}


def fnn_net(what):
    import fnn

    if what.model in fnn.models.MODELS:
        return fnn.models.MODELS[what.model](10, **what.options)
    blocks = [[fnn.conv(k, size=5, pad=2), fnn.relu(), fnn.max_pool(2)] for k in (16, 32)]
    return fnn.serial(*blocks[0], *blocks[1], fnn.flatten(), fnn.dense(10))


def fnn_calls(name, group=None):
    """Functions without arguments that take one step each, and the versions."""
    import numpy as np

    import fnn

    what = NETS[name]
    net, optimizer = fnn_net(what), fnn.momentum(0.01)
    group = group or fnn.ALONE
    step = fnn.sharded_step(net, fnn.softmax_cross_entropy, optimizer, group.size, group)
    ts = fnn.init_train_state(net, optimizer, 0, what.shape)
    images = np.random.default_rng(0).integers(0, 256, (what.batch, *what.shape), np.uint8)
    batch = fnn.to_float(images), np.arange(what.batch) % 10

    def train():
        nonlocal ts
        ts = step(ts, batch)

    call = train
    if name == "inference":
        call = lambda: net.apply(ts.params, ts.state, batch[0], False)  # noqa: E731
    return {"fnn": call}, f"fnn {fnn.__version__}, NumPy {np.__version__}"


def torch_calls(name, wrap=lambda net: net, processes=1):
    import torch
    from torch import nn

    torch.set_num_threads(int(os.environ.get("FNN_THREADS") or len(os.sched_getaffinity(0))))

    def block(i, o, size=3, pad=1, pool=1):
        conv = nn.Conv2d(i, o, size, padding=pad, bias=False)
        return [conv, *([nn.MaxPool2d(pool)] * (pool > 1)), nn.BatchNorm2d(o), nn.ReLU()]

    def plain(i, o, size):
        return [nn.Conv2d(i, o, size, padding=size // 2), nn.ReLU(), nn.MaxPool2d(2)]

    def pooled(*widths):
        layers = []
        for before, o in itertools.pairwise(widths):
            layers += [*block(before, o), *block(o, o), nn.MaxPool2d(2)]
        return layers

    def air(width):
        def half(i, o, *pool):
            conv = nn.Conv2d(i, o, 3, padding=1, bias=False)
            norm = nn.BatchNorm2d(o)
            norm.weight.requires_grad = False
            return [conv, *pool, norm, nn.GELU(approximate="tanh")]

        first = nn.Conv2d(3, 24, 2, bias=False)
        first.weight.requires_grad = False
        layers = [nn.ReplicationPad2d((0, 1, 0, 1)), first, nn.GELU(approximate="tanh")]
        for before, o in itertools.pairwise((24, width, 4 * width, 4 * width)):
            layers += [*half(before, o, nn.MaxPool2d(2)), *half(o, o)]
        return nn.Sequential(
            *layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4 * width, 10)
        )

    nets = {
        "air": lambda: air(64),
        "narrow air": lambda: air(32),
        "mlp": lambda: nn.Sequential(nn.Linear(784, 100), nn.Sigmoid(), nn.Linear(100, 10)),
        "conv": lambda: nn.Sequential(
            *block(1, 32),
            *block(32, 32, pool=2),
            *block(32, 64),
            *block(64, 64, pool=2),
            nn.Flatten(),
            nn.Linear(64 * 49, 10),
        ),
        "vgg": lambda: nn.Sequential(*pooled(3, 64, 128, 256), nn.Flatten(), nn.Linear(4096, 10)),
    }
    nets["inference"] = nets["conv"]
    nets["slim"] = lambda: nn.Sequential(
        *block(1, 32, 5, 0, 2), *block(32, 64), *block(64, 64),
        *block(64, 64, pad=0), *block(64, 64, pad=0, pool=2),
        *block(64, 128), *block(128, 128, pool=2), nn.Flatten(), nn.Linear(128 * 4, 10),
    )  # fmt: skip
    nets["quick"] = lambda: nn.Sequential(
        *block(1, 12, 5, 0, 2), *block(12, 24, pad=0), *block(24, 24, pad=0, pool=2),
        *block(24, 48, pool=2), nn.Flatten(), nn.Linear(48 * 4, 10),
    )  # fmt: skip
    nets["5x5"] = lambda: nn.Sequential(
        *plain(1, 16, 5), *plain(16, 32, 5), nn.Flatten(), nn.Linear(32 * 49, 10)
    )
    nets["wide mlp"] = lambda: nn.Sequential(nn.Linear(784, 800), nn.ReLU(), nn.Linear(800, 10))
    what = NETS[name]
    h, w, c = what.shape
    flat = what.model == "mlp"
    calls = {}
    for order in ["contiguous"] if flat else ["contiguous", "channels_last"]:
        memory = getattr(torch, order + "_format" if order == "contiguous" else order)
        net, n = wrap(nets[name]().to(memory_format=memory)), what.batch // processes
        x = torch.rand(n, h * w * c) if flat else torch.rand(n, c, h, w)
        x, labels = x.to(memory_format=memory), torch.arange(n) % 10
        optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9)

        def train(net=net, x=x, optimizer=optimizer, labels=labels):
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(net(x), labels).backward()
            optimizer.step()

        def infer(net=net, x=x):
            with torch.no_grad():
                net(x)

        if name == "inference":
            net.eval()
        calls[f"PyTorch, {order.replace('_', ' ')}"] = infer if name == "inference" else train
    return calls, f"PyTorch {torch.__version__}"


def sklearn_calls(name):
    import numpy as np
    import sklearn
    from sklearn.neural_network import MLPClassifier

    n = NETS[name].batch
    net = MLPClassifier((100,), activation="logistic", solver="sgd", batch_size=n, alpha=0)
    x = np.random.default_rng(0).random((n, 784), np.float32)
    labels = np.arange(n) % 10
    call = lambda: net.partial_fit(x, labels, classes=np.arange(10))  # noqa: E731
    return {"scikit-learn": call}, f"scikit-learn {sklearn.__version__}"


def turn(calls, steps):
    """The median milliseconds of each call."""
    answer = {}
    for label, call in calls.items():
        times = []
        for _ in range(steps):
            start = time.perf_counter()
            call()
            times.append((time.perf_counter() - start) * 1e3)
        answer[label] = statistics.median(times)
    return answer


def worker(side, name):
    """Serve turns: answer each line of standard input with the milliseconds of each call, JSON."""
    import resource

    if side in ("processes", "torch processes"):
        {"processes": together, "torch processes": torch_together}[side](name)
        return
    try:
        makers = {"torch": torch_calls, "scikit-learn": sklearn_calls}
        calls, version = makers.get(side, fnn_calls)(name)
        if side in KEPT:
            from fnn.cli.program import keep_freed_memory

            keep_freed_memory()
            calls = {side: calls["fnn"]}
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    steps = NETS[name].steps
    turn(calls, 3 if steps < 100 else steps)
    print(json.dumps({"version": version}), flush=True)
    for _ in sys.stdin:
        answer = turn(calls, steps)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"times": answer, "peak": peak}), flush=True)


def together(name):
    """`worker` for several processes of fnn."""
    import numpy as np

    import fnn
    from fnn.cli.program import keep_freed_memory

    group = fnn.mpi.group(patience=3600)
    (call,), _ = fnn_calls(name, group)[0].values(), keep_freed_memory()

    def agreed(go):
        return group.add(np.array([go], np.float32))[0] > 0

    in_turns({"processes": call}, f"{group.size} processes", NETS[name].steps, group.rank, agreed)


def torch_together(name):
    """`worker` for several processes of PyTorch, which add their gradients by gloo."""
    import torch
    from torch import distributed
    from torch.nn.parallel import DistributedDataParallel

    rank, size = (int(os.environ[f"PMI_{part}"]) for part in ("RANK", "SIZE"))
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29577")
    distributed.init_process_group("gloo", rank=rank, world_size=size)
    calls, version = torch_calls(name, DistributedDataParallel, size)
    calls = {label.replace("PyTorch", "PyTorch processes"): call for label, call in calls.items()}

    def agreed(go):
        flag = torch.tensor([float(go)])
        distributed.all_reduce(flag)
        return flag.item() > 0

    in_turns(calls, version, NETS[name].steps, rank, agreed)


def in_turns(calls, version, steps, rank, agreed):
    """Turns of several processes: the first one answers; `agreed` tells the others to go on."""
    turn(calls, 3 if steps < 100 else steps)
    if rank == 0:
        print(json.dumps({"version": version}), flush=True)
    while agreed(rank == 0 and bool(sys.stdin.readline())):
        answer = turn(calls, steps)
        if rank == 0:
            print(json.dumps({"times": answer, "peak": float("nan")}), flush=True)


def compare(name, runs, pythons):
    """For each label, the milliseconds of each turn and the peak in MiB; and the versions."""
    started = {}
    versions = []
    for side, python in pythons.items():
        mpiexec = ["mpiexec", "-n", str(PROCESSES)] if "processes" in side else []
        process = subprocess.Popen(
            [*mpiexec, python, __file__, "--worker", side, name],
            env={**os.environ, **({"FNN_THREADS": "1", **ONE} if side in ALONE else {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        hello = json.loads(process.stdout.readline())
        if "missing" in hello:
            versions.append(f"{side} left out: {hello['missing']}")
            continue
        started[side] = process
        versions.append(hello["version"])
    turns, peaks = {}, {}
    for _ in range(runs):
        for process in started.values():
            process.stdin.write("turn\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            for label, ms in answer["times"].items():
                turns.setdefault(label, []).append(ms)
                peaks[label] = answer["peak"]
    for process in started.values():
        process.stdin.close()
        process.wait()
    return turns, peaks, versions


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nets", nargs="*", default=list(NETS), help=", ".join(NETS))
    parser.add_argument("--runs", type=int, default=7, help="turns for each variant (%(default)s)")
    parser.add_argument("--torch", default=sys.executable, help="the Python with PyTorch")
    parser.add_argument("--sklearn", default=sys.executable, help="the Python with scikit-learn")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        worker(*args.worker)
        return
    print("| what | with | n | median ms | least - most | ratio | scaling | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in args.nets:
        kept = [side for side in KEPT if side != "processes" or name != "inference"]
        sides = dict.fromkeys(("fnn", *kept), sys.executable) | {"torch": args.torch}
        if name != "inference":
            sides["torch processes"] = args.torch
        if name == "mlp":
            sides["scikit-learn"] = args.sklearn
        turns, peaks, versions = compare(name, args.runs, sides)
        medians = {label: statistics.median(ms) for label, ms in turns.items()}
        peers = [m for label, m in medians.items() if "PyTorch" in label]
        for label, ms in turns.items():
            ours = "fnn" in label or label == "processes"
            ratio = f"{medians[label] / min(peers):.2f}" if ours and peers else ""
            scaling = f"{medians['one thread'] / medians[label]:.2f}" if label in KEPT else ""
            print(
                f"| {name} | {label} | {len(ms)} | {medians[label]:.2f} | "
                f"{min(ms):.2f} - {max(ms):.2f} | {ratio} | {scaling} | {peaks[label]:.0f} |",
                flush=True,
            )
    print(f"\n{'; '.join(versions)}; {CORES} cores, {platform.machine()}, {platform.platform()}")


if __name__ == "__main__":
    main()
