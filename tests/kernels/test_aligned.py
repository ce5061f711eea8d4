import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fnn.kernels import aligned

SHAPES = st.lists(st.integers(0, 5), max_size=4).map(tuple)


@given(SHAPES, st.sampled_from([np.float32, np.float64, bool]))
def test_empty_is_writable_contiguous_and_begins_at_a_line(shape, dtype):
    a = aligned.empty(shape, dtype)
    assert (a.shape, a.dtype) == (shape, dtype)
    assert a.flags.c_contiguous
    assert a.size == 0 or a.ctypes.data % aligned.LINE == 0
    a[...] = 1
    assert a.all()


@given(SHAPES.filter(len), st.randoms())
def test_empty_like_has_the_order_of_the_axes(shape, random):
    order = random.sample(range(len(shape)), len(shape))
    x = np.ones(shape, np.float32).transpose(order)
    y = aligned.empty_like(x)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    if x.size:
        assert y.transpose(aligned.axes(x)).flags.c_contiguous
    y[...] = 1  # every place is one of its own
    assert y.sum() == x.size
