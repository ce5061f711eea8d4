from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fnn.kernels import memory

SHAPES = st.lists(st.integers(0, 5), max_size=4).map(tuple)


@given(SHAPES, st.sampled_from([np.float32, np.float64, bool]))
def test_empty_is_writable_contiguous_and_aligned(shape, dtype):
    a = memory.empty(shape, dtype)
    assert (a.shape, a.dtype) == (shape, dtype)
    assert a.flags.c_contiguous
    assert a.size == 0 or a.ctypes.data % memory.LINE == 0
    a[...] = 1
    assert a.all()


@given(SHAPES.filter(len), st.randoms())
def test_empty_like_keeps_the_order_of_the_axes(shape, random):
    order = random.sample(range(len(shape)), len(shape))
    x = np.ones(shape, np.float32).transpose(order)
    y = memory.empty_like(x)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    if x.size:
        assert y.transpose(memory.axes(x)).flags.c_contiguous
    y[...] = 1  # no two elements share memory
    assert y.sum() == x.size


def test_memory_is_reused_only_when_nothing_refers_to_it():
    size = 90 * memory.LARGE  # no other test leaves memory of this size
    a = memory.empty((size,), np.uint8)
    place = a.ctypes.data
    views = [a[5:].view(np.int8), np.lib.stride_tricks.as_strided(a, (3, 2), (2, 1)), memoryview(a)]
    del a
    while views:
        assert memory.empty((size,), np.uint8).ctypes.data != place
        views.pop()
    assert place in {memory.empty((size,), np.uint8).ctypes.data for _ in range(2)}


def test_threads_never_share_memory():
    def work(number):
        for _ in range(200):
            held = [memory.empty((memory.LARGE + 1000 * j,), np.uint8) for j in range(3)]
            for j, a in enumerate(held):
                a[:: 1 << 12] = number * 3 + j
            for j, a in enumerate(held):
                assert (a[:: 1 << 12] == number * 3 + j).all()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def test_idle_memory_is_limited(monkeypatch):
    monkeypatch.setattr(memory, "IDLE", 20 * memory.LARGE)

    def kept():
        for i in range(1, 12):
            memory.empty((i * memory.LARGE,), np.uint8)
        return [block.size // memory.LARGE for block in memory._kept.blocks]

    with ThreadPoolExecutor(1) as pool:  # a new thread, which has none yet
        sizes = pool.submit(kept).result()
    assert sum(sizes) <= 20 + 11  # the idle memory, and the last block
    assert sizes[-2:] == [10, 11]
