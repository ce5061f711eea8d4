"""Fuzz a reader for a while, led by the coverage of its code.

    python tests/fuzz/atheris_readers.py READER [--seconds N]      look for a finding
    python tests/fuzz/atheris_readers.py READER --again FILE       see a finding once more

READER is a name in the table of readers.py, which has the valid files to begin with and what a
reader promises. A promise that is broken, by an exception that is not promised above all, ends the
run with exit status 1 and a traceback; the input is kept as finding-... in the current directory.
Its first byte says which sample's packing it takes, the others are what is packed.
"""

import argparse
import multiprocessing
import sys
import tempfile
import tracemalloc
import warnings
from importlib.util import find_spec
from pathlib import Path

CODE = ["fnn", "mnist", "zipfile", "gzip", "pickle", "json", "numpy.lib._format_impl", "PIL"]
LONGEST = 4096  # bytes of an input


def main() -> int:
    from readers import READERS

    table = {reader.name: reader for reader in READERS}
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("reader", choices=table)
    p.add_argument("--seconds", type=int, default=60, help="how long (%(default)s)")
    p.add_argument("--again", metavar="FILE", type=Path, help="run a finding instead")
    args = p.parse_args()
    if find_spec("atheris") is None and args.again is None:
        p.error("this needs atheris, which runs on Linux: pip install atheris")
    shared = Path("/dev/shm")  # in memory, where there is such a place
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as name:
        if args.again is not None:
            run(args.reader, args.again.read_bytes(), Path(name))
            return 0
        # atheris ends its process, which would leave the directory behind
        fuzzer = multiprocessing.get_context("spawn").Process(
            target=fuzz, args=(args.reader, args.seconds, Path(name))
        )
        fuzzer.start()
        fuzzer.join()
        return int(fuzzer.exitcode != 0)


def run(name: str, data: bytes, work: Path) -> None:
    """Read the file that an input stands for."""
    from readers import READERS, exercise

    if data:
        (reader,) = (reader for reader in READERS if reader.name == name)
        exercise(reader, reader.seeds[data[0] % len(reader.seeds)], data[1:], work)


def fuzz(name: str, seconds: int, work: Path) -> None:
    import atheris

    with atheris.instrument_imports(include=CODE):
        from readers import READERS
    (reader,) = (reader for reader in READERS if reader.name == name)
    warnings.simplefilter("error")
    tracemalloc.start()  # once, since that is slow
    corpus = work / "corpus"
    corpus.mkdir()
    for i, seed in enumerate(reader.seeds):
        data = bytes([i]) + seed.data
        run(name, data, work)  # what is imported late is no memory of the next
        (corpus / str(i)).write_bytes(data)
    options = {
        "max_total_time": seconds,
        "max_len": LONGEST,
        "timeout": 30,
        "artifact_prefix": f"finding-{name}-",
        "print_final_stats": 1,
    }
    flags = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], lambda data: run(name, data, work))
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
