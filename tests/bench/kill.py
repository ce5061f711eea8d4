"""Kill a training run at random moments, resume it, and compare it with an undisturbed one.

    python tests/bench/kill.py --kills 20

SIGKILL leaves a process no time to clean up. However often a run was killed, it must end with the
same bits in params.npz and best.npz, and with the same metrics except for the seconds. Half of the
runs write a checkpoint after every step, the others only after every epoch.
"""

import argparse
import csv
import itertools
import random
import shlex
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fnn.data.synthetic import digits

PROGRAM = Path(__file__).resolve().parents[2] / "bin" / "fnn-train"
MODELS = {
    "mlp": (shlex.split("--model mlp --hidden 30 --dropout 0.2 --epochs 3 --batch-size 50"), 3000),
    "conv": (shlex.split("--model conv --epochs 2 --batch-size 20"), 160),
}
OPTIMIZERS = {"momentum": ["--lr", "0.1"], "adam": ["--lr", "0.003"]}
COMMON = shlex.split(
    "--schedule one-cycle --augment shift,cutout --alternating-flip --lookahead --validation 0.1"
)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--kills", type=int, default=20, help="kills for each case (%(default)s)")
    p.add_argument("--seed", type=int, default=0, help="seed of their moments (%(default)s)")
    args = p.parse_args()
    for (model, (options, images)), (optimizer, rate) in itertools.product(
        MODELS.items(), OPTIMIZERS.items()
    ):
        with tempfile.TemporaryDirectory() as folder:
            data = write_set(Path(folder) / "data", images)
            options_of_run = [*options, "--optimizer", optimizer, *rate, *COMMON, "--data", data]
            check(f"{model}, {optimizer}", options_of_run, Path(folder), args.kills, args.seed)


def check(title, options, folder, kills, seed):
    """Run undisturbed, then with this many kills; exit with 1 if the results differ."""
    start = time.perf_counter()
    finish(["--run", folder / "whole", *options])
    whole = time.perf_counter() - start
    draw = random.Random(f"{title} {seed}")
    hits = runs = 0
    while hits < kills:
        runs += 1
        run = folder / f"run{runs}"
        often = ["--save-every", "0" if runs % 2 else "1000"]
        # A run is killed again and again until it is done or has had its share of kills.
        for _ in range(min(10, kills - hits)):
            ask = go_on(run, options)
            process = subprocess.Popen(
                [sys.executable, PROGRAM, *ask, *often], stdout=-3, stderr=-3
            )
            try:
                process.wait(draw.uniform(0.1, whole))
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                hits += 1
        finish([*go_on(run, options), *often])
        for name in ("params.npz", "best.npz"):
            if (run / name).read_bytes() != (folder / "whole" / name).read_bytes():
                sys.exit(f"{title}: {name} of run {runs} (seed {seed}) differs")
        if figures(run) != figures(folder / "whole"):
            sys.exit(f"{title}: the metrics of run {runs} (seed {seed}) differ")
    print(f"{title}: killed {hits} times in {runs} runs, same bits in all", flush=True)


def go_on(run, options):
    """Arguments that resume a run, or start it again if it was killed before it had a config."""
    return ["--resume", run] if (run / "config.json").exists() else ["--run", run, *options]


def finish(arguments):
    subprocess.run([sys.executable, PROGRAM, "--quiet", *arguments], check=True)


def figures(run):
    """The metrics without the seconds."""
    with open(run / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    timed = {"seconds", "images_per_second"}
    return [{name: row[name] for name in row if name not in timed} for row in rows]


def write_set(directory, n):
    """Synthetic digits in the format of MNIST."""
    directory.mkdir()
    for stem, (images, labels) in (("train", digits(1, n)), ("t10k", digits(2, 100))):
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape)
            data = head + array.astype(np.uint8).tobytes()
            (directory / f"{stem}-{kind}-ubyte").write_bytes(data)
    return directory


if __name__ == "__main__":
    main()
