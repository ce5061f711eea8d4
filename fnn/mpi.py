"""The processes that mpiexec started, as a group for `fnn.sharded_step`; needs `fnn[mpi]`.

    mpiexec -n 4 python -m mpi4py train.py       # -m mpi4py: an error in one process ends them all

The sums are sent by our own exchanges, since MPI's Allreduce adds in an order that depends on the
number of processes. Recursive doubling sends the whole vector log2(size) times; recursive halving
sends 2 (size - 1) / size of it and is used for long vectors of more than two processes. Both add in
the order of the tree: neighbors first.

Source: Thakur, Rabenseifner and Gropp, "Optimization of collective communication operations in
MPICH", IJHPCA 2005.
"""

from __future__ import annotations

import os
import time
from importlib.util import find_spec
from typing import Any

from fnn.arrays import Array
from fnn.errors import InputError
from fnn.kernels.memory import empty
from fnn.shards import ALONE, Group

LONG = 1 << 12  # numbers; below, the count of messages decides and not their length
SPINS = 2000  # polls before a process begins to sleep between them
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "PMIX_SIZE")  # set by mpiexec for its processes
RANKS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK")

# Where there are more processes than cores, the one that is waited for must get a core.
yield_core = getattr(os, "sched_yield", lambda: None)


def started() -> bool:
    """Whether mpiexec started this process as one of several."""
    return any(os.environ.get(name, "1") not in ("", "1") for name in SIZES)


def group(comm: Any = None, patience: float = 30.0) -> Group:
    """The processes of a communicator, by default all that mpiexec started: without it, ALONE.

    A process that hears nothing from another for `patience` seconds raises InputError. Raises
    InputError too if mpi4py is missing or belongs to another MPI than mpiexec, and ValueError
    unless there are 1, 2, 4, 8, ... processes.
    """
    if comm is None and not started() and find_spec("mpi4py") is None:
        return ALONE
    MPI = _mpi4py()
    comm = MPI.COMM_WORLD if comm is None else comm
    rank, size = comm.Get_rank(), comm.Get_size()
    if size & (size - 1):
        raise ValueError(f"expected 1, 2, 4, 8, ... processes, found {size}: choose mpiexec -n")
    if size == 1 and started():
        raise InputError(
            "mpiexec started several processes, but mpi4py's MPI finds one: take the mpiexec of "
            "that MPI (with fnn[mpi], the one beside python)"
        )
    if size == 1:
        return ALONE

    def exchange(mine: Array, other: Array, peer: int) -> None:
        try:
            requests = [comm.Irecv(other, peer), comm.Isend(mine, peer)]
            end, polls = time.monotonic() + patience, 0
            while not MPI.Request.Testall(requests):
                polls += 1
                if polls <= SPINS:
                    yield_core()
                else:
                    time.sleep(1e-4)
                    if time.monotonic() > end:
                        raise InputError(
                            f"process {rank} heard nothing from process {peer} for {patience:g} s"
                        )
        except MPI.Exception as error:
            why = " ".join(str(error).split())
            raise InputError(f"process {rank} cannot reach process {peer}: {why:.200}") from None

    def add(vector: Array) -> Array:
        way = halving if size > 2 and vector.size >= LONG else doubling
        return way(vector)

    def doubling(vector: Array) -> Array:
        for k in range(size.bit_length() - 1):
            total = empty(vector.shape, vector.dtype)
            exchange(vector, total, rank ^ (1 << k))
            total += vector  # a + b is b + a: all have the same bits
            vector = total
        return vector

    def halving(vector: Array) -> Array:
        total = empty((vector.size + -vector.size % size,), vector.dtype)
        total[: vector.size], total[vector.size :] = vector, 0
        start, stop, done = 0, total.size, []
        for k in range(size.bit_length() - 1):
            peer, middle = rank ^ (1 << k), (start + stop) // 2
            halves = slice(start, middle), slice(middle, stop)
            keep, give = halves if rank < peer else halves[::-1]
            other = empty((keep.stop - keep.start,), total.dtype)
            exchange(total[give], other, peer)
            total[keep] += other
            done.append((keep, give, peer))
            start, stop = keep.start, keep.stop
        for keep, give, peer in reversed(done):
            exchange(total[keep], total[give], peer)
        return total[: vector.size]

    return Group(rank, size, add)


def abort(status: int) -> None:
    """End all processes of the job: those that wait for this one would wait for nothing."""
    _mpi4py().COMM_WORLD.Abort(status)


def _mpi4py() -> Any:
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # RuntimeError: no MPI library is found
        why = f"training on several processes needs mpi4py and an MPI ({error})"
        raise InputError(f"{why}: pip install 'fnn[mpi]'") from None
    return MPI
