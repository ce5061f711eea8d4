"""Train over two hosts that are network namespaces: python tests/bench/hosts.py

Makes two namespaces, joined by a pair of virtual cables, starts one process of fnn-train in each
under one mpiexec, and compares the parameters with those of one process alone. Prints the bytes
that crossed the cable, which show that nothing went through shared memory. Then the cable is
pulled: all processes must end, and the run must resume to the same bits. Needs root, `ip`
(iproute2) and fnn[mpi]; says why and ends with status 77 where that is not allowed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAMES, ADDRESSES = ("fnn-a", "fnn-b"), ("10.213.77.1", "10.213.77.2")
START = Path(__file__).parents[2] / "fnn/cli/start.py"
# Without these, processes of one kernel talk through shared memory.
NET = {"MPIR_CVAR_CH4_NETMOD": "ofi", "FI_PROVIDER": "tcp", "MPIR_CVAR_NOLOCAL": "1"}
TRAIN = ("--data", "digits", "--epochs", "6", "--shards", "2", "--quiet")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@contextmanager
def two_hosts() -> Iterator[None]:
    """Two network namespaces with a cable between them."""
    try:
        for name in NAMES:
            ip("netns", "add", name)
        ip("link", "add", "fnn-a0", "type", "veth", "peer", "name", "fnn-b0")
        for name, address in zip(NAMES, ADDRESSES, strict=True):
            ip("link", "set", f"{name}0", "netns", name)
            ip("-n", name, "addr", "add", f"{address}/24", "dev", f"{name}0")
            for device in ("lo", f"{name}0"):
                ip("-n", name, "link", "set", device, "up")
        yield
    finally:
        for name in NAMES:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def crossed() -> int:
    """Bytes that the first host has sent."""
    count = f"/sys/class/net/{NAMES[0]}0/statistics/tx_bytes"
    read = subprocess.run(
        ["ip", "netns", "exec", NAMES[0], "cat", count], capture_output=True, text=True, check=True
    )
    return int(read.stdout)


def launcher(folder: Path) -> Path:
    """What mpiexec calls in place of ssh: `launcher HOST COMMAND...` runs it in the namespace."""
    path = folder / "launcher"
    cases = "\n".join(
        f'{address}) exec ip netns exec {name} sh -c "$*" ;;'
        for name, address in zip(NAMES, ADDRESSES, strict=True)
    )
    path.write_text(f'#!/bin/sh\nwhile [ "${{1#-}}" != "$1" ]; do shift; done\n'
                    f'host=$1; shift\ncase $host in\n{cases}\nesac\n')  # fmt: skip
    path.chmod(0o755)
    return path


def train(folder: Path, *options: str) -> "subprocess.Popen[str]":
    """fnn-train on both hosts."""
    mpiexec = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    command = [
        "ip", "netns", "exec", NAMES[0], str(mpiexec), "-launcher", "ssh",
        "-launcher-exec", str(launcher(folder)), "-hosts", ",".join(ADDRESSES), "-n", "2",
        "-iface", f"{NAMES[0]}0", sys.executable, str(START), "fnn-train", *options,
    ]  # fmt: skip
    env = {**os.environ, **NET, "FNN_THREADS": "1"}
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]", seconds: float) -> tuple[int, str]:
    try:
        told = process.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        raise SystemExit(f"the processes did not end within {seconds:g} s") from None
    return process.returncode, told


def main() -> int:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        print("left out: needs root and iproute2's ip", file=sys.stderr)
        return 77
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone = [sys.executable, str(START), "fnn-train", *TRAIN, "--run", str(folder / "alone")]
        subprocess.run(alone, check=True)
        expected = (folder / "alone/params.npz").read_bytes()
        try:
            with two_hosts():
                return compare(folder, expected)
        except subprocess.CalledProcessError as error:
            print(f"left out: {' '.join(error.cmd)}: {error.stderr.strip()}", file=sys.stderr)
            return 77


def compare(folder: Path, expected: bytes) -> int:
    before, start = crossed(), time.monotonic()
    status, told = ended(train(folder, *TRAIN, "--run", str(folder / "two")), 300)
    if status:
        print(f"status {status}: {told}", file=sys.stderr)
        return 1
    same = (folder / "two/params.npz").read_bytes() == expected
    told = "the same bits" if same else "OTHER BITS"
    sent = (crossed() - before) / 1e6
    print(f"two hosts: {told}, {time.monotonic() - start:.1f} s, {sent:.1f} MB sent by the first")
    run = folder / "pulled"
    process = train(folder, *TRAIN, "--run", str(run))
    while not (run / "last.npz").exists():
        if process.poll() is not None:
            print(process.communicate()[1], file=sys.stderr)
            return 1
        time.sleep(0.05)
    ip("-n", NAMES[0], "link", "set", f"{NAMES[0]}0", "down")
    start = time.monotonic()
    status, told = ended(process, 300)
    print(f"cable pulled: status {status} after {time.monotonic() - start:.1f} s: {told.strip()}")
    subprocess.run([sys.executable, str(START), "fnn-train", "--resume", str(run), "--quiet"])
    resumed = (run / "params.npz").read_bytes() == expected
    print(f"resumed on one process: {'the same bits' if resumed else 'OTHER BITS'}")
    return 0 if same and resumed and status else 1


if __name__ == "__main__":
    sys.exit(main())
