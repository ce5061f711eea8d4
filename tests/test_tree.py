import pytest
from hypothesis import given
from hypothesis import strategies as st
from toolz import assoc_in, get_in

from fnn import tree

trees = st.recursive(
    st.integers() | st.tuples(st.integers()),
    lambda t: st.dictionaries(st.integers(0, 3) | st.sampled_from(["W", "b"]), t, max_size=3),
)


@given(trees)
def test_map_keeps_the_structure_and_the_order(t):
    assert tree.map(lambda leaf: leaf, t) == t
    assert tree.leaves(tree.map(lambda leaf: (leaf,), t)) == [(leaf,) for leaf in tree.leaves(t)]


@given(trees)
def test_items_name_every_leaf(t):
    for where, leaf in tree.items(t):
        assert get_in(where, t) == leaf


def test_toolz_functions_work_on_trees():
    params = {0: {"W": 1, "b": 2}, 1: {}}
    assert assoc_in(params, [0, "b"], 3) == {0: {"W": 1, "b": 3}, 1: {}}


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ({0: {"W": 1}}, {0: {"b": 1}}, r"at 0: one has the keys \['W'\], another the keys \['b'\]"),
        ({0: 1}, {0: 1, 1: 2}, r"at the root: one has the keys \[0\], another the keys \[0, 1\]"),
        ({0: {"W": 1}}, {0: 5}, r"at 0: .*another a leaf \(int\)"),
        ({0: 5}, {0: {"W": 1}}, r"at 0: one has a leaf \(int\)"),
    ],
)
def test_trees_that_differ_are_refused_and_both_are_named(a, b, words):
    with pytest.raises(ValueError, match=words):
        tree.map(lambda x, y: x, a, b)
