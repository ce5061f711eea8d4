import contextlib
import multiprocessing
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

import fnn
from fnn.kernels import rows, shifted, threads, winograd


@given(st.integers(0, 100), st.integers(1, 30))
def test_parts_cover_the_range_and_are_nearly_equal(n, size):
    parts = threads.split(n, size)
    assert [i for a, b in parts for i in range(a, b)] == list(range(n))
    lengths = {b - a for a, b in parts}
    assert not lengths or (max(lengths) <= size and max(lengths) - min(lengths) <= 1)


@pytest.mark.parametrize("number", [1, 2, 5])
def test_every_item_is_worked_on_once(monkeypatch, number):
    monkeypatch.setenv("FNN_THREADS", str(number))
    done = []
    threads.share(lambda queue: done.extend(queue), range(100))
    assert sorted(done) == list(range(100))


@pytest.mark.parametrize("number", [1, 3])
def test_an_exception_is_passed_on_and_the_next_call_works(monkeypatch, number):
    monkeypatch.setenv("FNN_THREADS", str(number))

    def fail(queue):
        for item in queue:
            if item == 7:
                raise KeyError(item)

    with pytest.raises(KeyError):
        threads.share(fail, range(20))
    threads.share(list, range(20))


@pytest.mark.parametrize("wanted", ["0", "-1", "two", "1.5", "²"])
def test_a_bad_count_is_refused(monkeypatch, wanted):
    monkeypatch.setenv("FNN_THREADS", wanted)
    with pytest.raises(ValueError, match="FNN_THREADS"):
        threads.count()


def step():
    """A training step of a network that uses all kernels; its results as bytes."""
    net = fnn.serial(
        fnn.conv(12),
        fnn.batch_norm(),
        fnn.relu(),
        fnn.conv(16, bias=False),
        fnn.batch_norm(),
        fnn.relu(),
        fnn.max_pool(2),
        fnn.conv(8),
        fnn.flatten(),
        fnn.dense(10),
    )
    optimizer = fnn.momentum(0.1)
    ts = fnn.init_train_state(net, optimizer, 0, (20, 18, 3))
    x = fnn.keys.generator(0).random((60, 20, 18, 3), np.float32)
    ts = fnn.train_step(net, fnn.softmax_cross_entropy, optimizer)(ts, (x, np.arange(60) % 10))
    return b"".join(
        leaf.tobytes() for leaf in fnn.tree.leaves({"params": ts.params, "state": ts.state})
    )


def test_the_bits_do_not_depend_on_the_number_of_threads(monkeypatch):
    # many blocks of everything
    monkeypatch.setattr(shifted, "BLOCK", 1 << 17)
    monkeypatch.setattr(rows, "BLOCK", 1 << 14)
    monkeypatch.setattr(winograd, "SMALL", 0)
    results = set()
    for number in (1, 2, 3, 7):
        monkeypatch.setenv("FNN_THREADS", str(number))
        results.add(step())
    assert len(results) == 1


SMALL_CONVOLUTION = """
import hashlib
import numpy as np
import fnn

layer = fnn.conv(94, bias=False)
x = fnn.keys.generator(0).standard_normal((60, 15, 15, 3), np.float32)
y, cache = layer.apply(params := layer.init(0, (15, 15, 3)), {}, x, True)
grads = layer.grads(params, cache, y)
print(hashlib.sha256(y.tobytes() + grads["W"].tobytes()).hexdigest())
"""


def test_the_bits_of_a_small_convolution_do_not_depend_on_the_threads_of_blas():
    printed = {
        subprocess.run(
            [sys.executable, "-c", SMALL_CONVOLUTION],
            env={**os.environ, "OPENBLAS_NUM_THREADS": number, "MKL_NUM_THREADS": number},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for number in ("1", "2")
    }
    assert len(printed) == 1


def test_calls_from_many_threads_at_once_and_nested_ones(monkeypatch):
    monkeypatch.setenv("FNN_THREADS", "3")
    alone = step()
    results = []
    callers = [threading.Thread(target=lambda: results.append(step())) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert results == [alone] * 6
    inner = []

    def outer(queue):
        for _ in queue:
            threads.share(lambda q: inner.extend(q), range(5))

    threads.share(outer, range(8))
    assert sorted(inner) == sorted(list(range(5)) * 8)


def put_step(queue):
    queue.put(step())


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork"
)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_after_a_fork(monkeypatch):
    monkeypatch.setenv("FNN_THREADS", "2")
    alone = step()  # now the parent has a pool
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=put_step, args=(queue,))
    child.start()
    assert queue.get() == alone
    child.join(60)
    assert child.exitcode == 0


def blas_threads():
    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}


def test_blas_has_one_thread_from_the_first_shared_call():
    seen = []
    threads.share(lambda queue: seen.extend(blas_threads() for _ in queue), range(4))
    assert seen == [{1}] * 4
    assert blas_threads() == {1}


def test_threads_compute_under_the_callers_error_state(monkeypatch):
    monkeypatch.setenv("FNN_THREADS", "3")
    big = np.full(10, 1e30, np.float32)

    def work(queue):
        for _ in queue:
            big * big  # a warning in a worker would become an error

    with np.errstate(over="ignore"):
        threads.share(work, range(50))
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        threads.share(work, range(50))


@pytest.mark.parametrize("started", [0, 1])
def test_without_permission_to_start_threads_the_work_is_done(monkeypatch, started):
    monkeypatch.setenv("FNN_THREADS", "3")
    alone = step()
    threads._pool.cache_clear()
    allowed, start = iter(range(started)), threading.Thread.start

    def limited(thread):
        if next(allowed, None) is None:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    assert step() == alone
    assert step() == alone
    threads._pool.cache_clear()


def test_work_that_a_busy_thread_takes_late_is_waited_for(monkeypatch):
    monkeypatch.setenv("FNN_THREADS", "2")
    threads._pool.cache_clear()
    pool, done = threads._pool(os.getpid(), 1), []

    def refused(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)

    def work(queue):
        for item in queue:
            time.sleep(0.05)
            done.append(item)

    for _ in range(3):
        pool._max_workers = 2  # as if it had a thread less than it may have
        with contextlib.suppress(RuntimeError):
            pool.submit(time.sleep, 0.03)
        threads.share(work, range(4))
        assert sorted(done) == [0, 1, 2, 3]
        done.clear()
    threads._pool.cache_clear()


AT_THE_END = """
import atexit, threading, time
import numpy as np
import fnn

def work():
    x = fnn.keys.generator(0).random((100, 28, 28, 16), np.float32)
    layer = fnn.conv(32)
    layer.apply(layer.init(0, (28, 28, 16)), {}, x, True)
    print("done", flush=True)

def later():
    threading.main_thread().join()
    work()

atexit.register(work)
threading.Thread(target=later).start()
"""


def test_computing_goes_on_when_python_is_about_to_end():
    done = subprocess.run([sys.executable, "-c", AT_THE_END], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\ndone\n", "")


@pytest.mark.parametrize("number", [1, 2, 5])
def test_each_keeps_the_order_and_leaves_one_thread_to_each_item(monkeypatch, number):
    monkeypatch.setenv("FNN_THREADS", str(number))

    def f(item):
        inside = []
        threads.share(lambda queue: inside.extend(threading.get_ident() for _ in queue), range(9))
        return item, set(inside) == {threading.get_ident()}

    assert threads.each(f, range(20)) == [(item, True) for item in range(20)]
    with pytest.raises(ZeroDivisionError):
        threads.each(lambda item: 1 // item, range(3))
    seen = []
    threads.share(lambda queue: seen.extend(queue), range(9))  # as before
    assert sorted(seen) == list(range(9))
