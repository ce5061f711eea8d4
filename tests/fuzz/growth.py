"""How time and memory grow with a file made to be slow: python tests/fuzz/growth.py

For each reader, files of 1, 2 and 4 MB that make it work hardest, or that broke it once. Each is
read in a process of its own, which prints its CPU seconds and its peak of memory beyond the start.
Time and memory should double with the size, at most; "refused" is an InputError.
"""

import argparse
import json
import resource
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from packing import idx, kept_of, npy, npy_of, png_checked, summed, tar_of, tree_of, zipped

from fnn.data import cifar
from fnn.data.cache import HIDDEN, cached
from fnn.data.dataset import Split
from fnn.data.dump import read_dump
from fnn.data.mnist import load_split
from fnn.errors import InputError
from fnn.files import checkpoint
from fnn.files.unpickle import safe_load
from fnn.handwriting.digit_image import digit_image
from fnn.handwriting.image_file import read_grey
from fnn.recognizer.recognizer import load_recognizer
from fnn.training.history import Row, read_rows
from fnn.training.run_directory import read_config

MB, PRIME = 10**6, 2**61 - 1


def until(size: int, piece: Callable[[int], bytes], step: int = 1000) -> bytes:
    """Pieces 0, 1, 2, ... of about `size` bytes together."""
    parts, length, i = [], 0, 0
    while length < size:
        parts.append(b"".join(piece(j) for j in range(i, i + step)))
        length, i = length + len(parts[-1]), i + step
    return b"".join(parts)


def csv_of(size: int, row: str) -> bytes:
    head = f"{','.join(Row._fields)}\n"
    return head.encode() + until(size, lambda i: row.format(i + 1).encode(), 10)


def tree_json(pairs: str) -> bytes:
    return tree_of({"fnn.npy": b""}, f'{{"format": 1, "tree": {{"dict": [{pairs}]}}}}'.encode())


def many(size: int, text: Callable[[int], str]) -> str:
    return until(size, lambda i: f"{text(i)}, ".encode()).decode().rstrip(", ")


def black_png(size: int) -> bytes:
    """A PNG of as many black pixels as compress to `size` bytes, of 64 million at most."""
    side = min(8000, int((size * 1000) ** 0.5))
    body = zlib.compress(bytes((side + 1) * side), 9)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)),
        (b"IDAT", body),
        (b"IEND", b""),
    )
    packed = [
        struct.pack(">I", len(d)) + name + d + bytes(4) for name, d in (*chunks, (b"IEND", b""))
    ]
    return png_checked(b"\x89PNG\r\n\x1a\n" + b"".join(packed))


def read_cache(path: Path) -> Split:
    """The split of a source whose cached copy is damaged: it holds what is in `path`."""
    source = path.with_name("source")
    source.write_bytes(b"")
    cached(path.parent, [source], lambda: SPLIT, "t")
    (kept,) = (path.parent / HIDDEN).iterdir()
    kept.write_bytes(path.read_bytes())
    return cached(path.parent, [source], lambda: SPLIT, "t")


LABELS = idx(np.zeros(100, np.uint8))
VALUE = '{"value": null}'
SPLIT = Split(np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8))

# reader, what the file is, its name, its content, and how it is read
CASES: list[tuple[str, str, str, Callable[[int], bytes], Callable[[Path], Any]]] = [
    (
        "pickle",
        "PUT, indices equal modulo 2**61 - 1",
        "x",
        lambda n: b"N" + until(n, lambda i: b"p%d\n" % (i * PRIME)),
        safe_load,
    ),
    (
        "pickle",
        "PUT, small indices far apart",
        "x",
        lambda n: b"N" + until(n, lambda i: b"p%d\n" % (i << 10)),
        safe_load,
    ),
    ("pickle", "MEMOIZE", "x", lambda n: b"\x80\x04" + b"N\x94" * (n // 2) + b".", safe_load),
    ("pickle", "empty lists", "x", lambda n: b"(" + b"]" * n + b"l.", safe_load),
    ("pickle", "lists in lists", "x", lambda n: b"]" * n + b"a" * n + b".", safe_load),
    (
        "pickle",
        "a dict of integers",
        "x",
        lambda n: b"}(" + until(n, lambda i: b"J" + struct.pack("<i", i << 8) + b"N") + b"u.",
        safe_load,
    ),
    (
        "pickle",
        "a dict of floats of one hash",
        "x",
        lambda n: (
            b"}("
            + until(n, lambda i: b"G" + struct.pack(">d", 2.0 ** (61 * (i % 16) - 400)) + b"N")
            + b"u."
        ),
        safe_load,
    ),
    (
        "pickle",
        "long integers",
        "x",
        lambda n: until(n, lambda i: b"I" + b"9" * 3000 + b"\n0", 1) + b"N.",
        safe_load,
    ),
    (
        "pickle",
        "escapes in strings",
        "x",
        lambda n: b"S'" + b"\\x41" * (n // 4) + b"'\n.",
        safe_load,
    ),
    (
        "checkpoint",
        "integer keys equal modulo 2**61 - 1",
        "x.npz",
        lambda n: tree_json(many(n, lambda i: f"[{i * PRIME}, {VALUE}]")),
        checkpoint.load,
    ),
    (
        "checkpoint",
        "small integer keys",
        "x.npz",
        lambda n: tree_json(many(n, lambda i: f"[{i << 20}, {VALUE}]")),
        checkpoint.load,
    ),
    (
        "checkpoint",
        "deep JSON",
        "x.npz",
        lambda n: tree_of({"fnn.npy": b""}, b"[" * n),
        checkpoint.load,
    ),
    (
        "parameters",
        "a wall of keys",
        "x.npz",
        lambda n: tree_json(many(n, lambda i: f'["k{i}", {VALUE}]')),
        load_recognizer,
    ),
    (
        "metrics.csv",
        "rows",
        "x.csv",
        lambda n: csv_of(n, "{},1,0.1,0.5,0.5,,0.1,1,1,,\n"),
        read_rows,
    ),
    (
        "metrics.csv",
        "long numbers",
        "x.csv",
        lambda n: csv_of(n, "{}," + "9" * 100000 + ",0.1,0.5,0.5,,0.1,1,1,,\n"),
        read_rows,
    ),
    (
        "metrics.csv",
        "columns",
        "x.csv",
        lambda n: b"epoch,loss" + until(n, lambda i: b",a%d" % i) + b"\n1,1\n",
        read_rows,
    ),
    ("config.json", "deep", "config.json", lambda n: b"[" * n, lambda p: read_config(p.parent)),
    (
        "config.json",
        "keys",
        "config.json",
        lambda n: b'{"format": 1' + until(n, lambda i: b', "k%d": 1' % i) + b"}",
        lambda p: read_config(p.parent),
    ),
    (
        "dump (pickle)",
        "lists of numbers",
        "x",
        lambda n: b"(" + until(n, lambda i: b"(" + b"K\x07" * 784 + b"l", 10) + b"l.",
        read_dump,
    ),
    ("dump (.npy)", "a long header", "x", lambda n: npy_of(b"", b"{" + b" " * n + b"}"), read_dump),
    (
        "dump (.npy)",
        "pixels",
        "x",
        lambda n: npy(np.ones((n // 784, 784), np.uint8) * 9),
        read_dump,
    ),
    (
        "MNIST",
        "pixels",
        "t10k-images-idx3-ubyte",
        lambda n: idx(np.zeros((100, 100, n // 10000), np.uint8)),
        lambda p: load_split(p.parent, "test", root=p.parent),
    ),
    (
        "MNIST",
        "a gzip of zeros",
        "t10k-images-idx3-ubyte.gz",
        lambda n: zipped(idx(np.zeros((100, 100, n // 100), np.uint8))),
        lambda p: load_split(p.parent, "test", root=p.parent),
    ),
    (
        "CIFAR-10",
        "many files in a tar",
        "c.tar.gz",
        lambda n: zipped(until(n * 8, lambda i: summed(tar_of(f"f{i}", b""))[:512], 100)),
        lambda p: cifar.load_split(p, "test"),
    ),
    (
        "CIFAR-10",
        "a gzip of zeros",
        "c.tar.gz",
        lambda n: zipped(tar_of("test_batch", bytes(n * 50))),
        lambda p: cifar.load_split(p, "test"),
    ),
    ("cache", "a header of one line", "x.u8", lambda n: kept_of(b"", b"[" * n), read_cache),
    ("picture", "black pixels", "x.png", black_png, lambda p: digit_image(read_grey(p))),
    (
        "picture",
        "noise",
        "x.png",
        lambda n: black_png(1) + np.random.default_rng(0).bytes(n),
        read_grey,
    ),
]


def measured(case: int, path: str) -> dict[str, Any]:
    """What reading the file takes."""
    read = CASES[case][4]
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    outcome = "read"
    try:
        read(Path(path))
    except InputError:
        outcome = "refused"
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"seconds": seconds, "MiB": peak / 1024, "outcome": outcome}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measured(int(args.one[0]), args.one[1])))
        return
    print("| reader | file | 1, 2, 4 MB: CPU s | growth | MiB | outcome |")
    print("| --- | --- | --- | --- | --- | --- |")
    for number, (reader, about, name, content, _) in enumerate(CASES):
        results = []
        for size in (MB, 2 * MB, 4 * MB):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / name
                path.write_bytes(content(size))
                (path.parent / "t10k-labels-idx1-ubyte").write_bytes(LABELS)
                argv = [sys.executable, __file__, "--one", str(number), str(path)]
                results.append(json.loads(subprocess.check_output(argv)))
        seconds = [r["seconds"] for r in results]
        times = ", ".join(f"{s:.2f}" for s in seconds)
        memory = ", ".join(f"{r['MiB']:.0f}" for r in results)
        growth = f"{seconds[2] / max(seconds[0], 1e-9):.1f}" if seconds[2] > 0.02 else "-"
        outcomes = ", ".join(sorted({r["outcome"] for r in results}))
        print(f"| {reader} | {about} | {times} | {growth} | {memory} | {outcomes} |", flush=True)


if __name__ == "__main__":
    main()
