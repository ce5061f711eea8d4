"""fnn-train on several processes ("ranks"): how they are started, and how they end as one."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from fnn import mpi
from fnn.cli import start
from fnn.cli.progress import TERMINAL, tell
from fnn.errors import InputError, say
from fnn.kernels.threads import count
from fnn.shards import ALONE, Group

EXIT = "EXIT STRING:"
# How lines begin that mpiexec adds to those of the processes.
MPIEXEC_SAYS = ("===", "=  ", "This typically refers", "Please see the FAQ", "[mpiexec@", "[proxy:")

LAUNCHED = "FNN_LAUNCHED"  # for processes that end with their launcher, which is at their input
STOPPED = 130
DOWNLOAD = 3600.0  # seconds that the others wait while the first process gets the data
FIRST_SPEAKS, FIRST_SAVES = 2.0, 60.0  # seconds
PASSED_ON = 0.5  # seconds in which mpiexec passes on what was said: an abort may overtake it


def start_ranks(prog: str, ranks: int, argv: Sequence[str]) -> NoReturn:
    """Run the program as so many processes and exit with their status; `argv` has no --ranks.

    mpiexec is in a session of its own, so that Ctrl-C reaches the processes once, through this
    one. What it says on standard output about a lost process becomes one line.
    """
    if mpi.started():
        raise InputError("--ranks: mpiexec has started this process already; leave out one of them")
    mpiexec = find_mpiexec()
    if find_spec("mpi4py") is None or mpiexec is None:
        missing = "mpi4py" if find_spec("mpi4py") is None else "mpiexec"
        raise InputError(f"--ranks: {missing} is not installed: pip install 'fnn[mpi]'")
    sys.stdout.flush()
    command = [mpiexec, "-n", str(ranks), sys.executable, str(start.__file__), prog, *argv]
    why = ""
    over_bar = "\r\x1b[K" if sys.stdout.isatty() and sys.stderr.isatty() else ""
    with subprocess.Popen(
        command,
        env={**os.environ, **settings(ranks)},
        stdin=subprocess.PIPE,  # never written to: its end tells that this process is gone
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as job:
        for kind in (signal.SIGINT, signal.SIGTERM):
            signal.signal(kind, lambda number, frame: job.terminate())
        for line in job.stdout or ():
            if EXIT in line:
                why = line.partition(EXIT)[2].strip()
            elif line.strip() and not line.startswith(MPIEXEC_SAYS):
                tell(over_bar + line.rstrip())
    status = job.returncode
    if why:
        say(f"{prog}: one of the processes ended unexpectedly ({why}), and so did the others")
    raise SystemExit(status)


def usual(shards: int) -> int:
    """As many processes as there are shards and cores; 1 within mpiexec and without MPI."""
    if shards == 1 or mpi.started() or find_spec("mpi4py") is None or find_mpiexec() is None:
        return 1
    return min(shards, 1 << (count().bit_length() - 1))


def end_with_launcher() -> None:
    """Kill this process, and with it the job, when the one that launched it has been killed."""
    while os.read(0, 1):  # not sys.stdin, whose lock would be held at the end
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def settings(ranks: int) -> dict[str, str]:
    """Environment variables for each process: its part of FNN_THREADS, the bar's terminal."""
    told = {LAUNCHED: "1"}
    if os.environ.get("FNN_THREADS"):
        told["FNN_THREADS"] = str(max(1, count() // ranks))
    if sys.stderr.isatty():
        told[TERMINAL] = str(os.get_terminal_size(sys.stderr.fileno()).columns)
    return told


def find_mpiexec() -> str | None:
    """The mpiexec beside this Python, or else that of PATH."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return shutil.which("mpiexec", path=places)


def groups() -> tuple[Group, Group]:
    """The processes of this job, for its steps and for waiting until the data is there."""
    return (mpi.group(), mpi.group(patience=DOWNLOAD)) if mpi.started() else (ALONE, ALONE)


def as_one(prog: str, main: Callable[[], int]) -> int:
    """The exit status of a program that may be one of several processes.

    The first process speaks for all. If another fails alone, it waits, so that the first one can
    say or save what it has to, then says its own line and ends the job.
    """
    if not mpi.started():
        return main()
    try:
        rank = mpi.group().rank
    except (InputError, ValueError) as error:  # in all processes alike
        if all(os.environ.get(name, "0") == "0" for name in mpi.RANKS):
            say(f"{prog}: {error}")
        return 2
    told, status = io.StringIO(), 1
    with ExitStack() as stack:
        if os.environ.get(LAUNCHED) and not rank:
            threading.Thread(target=end_with_launcher, daemon=True).start()
        if rank:
            os.environ.pop(TERMINAL, None)
            stack.enter_context(redirect_stdout(io.StringIO()))
            stack.enter_context(redirect_stderr(told))
        try:
            status = main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        except Exception:
            traceback.print_exc()
    if status:
        if rank:
            time.sleep(FIRST_SAVES if status == STOPPED else FIRST_SPEAKS)
            sys.stderr.write(told.getvalue())
        sys.stdout.flush()
        sys.stderr.flush()
        time.sleep(PASSED_ON)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # MPI would add a line of its own
        mpi.abort(status)
    return status
