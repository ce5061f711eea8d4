import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnn import keys

numbers = st.integers(0, 2**40) | st.sampled_from([0, 1, 2**32, 2**64, 2**128, 2**160 + 1])
paths = st.lists(numbers, min_size=1, max_size=4).map(tuple)


@given(paths, paths)
def test_streams_are_equal_only_for_equal_keys(a, b):
    draws = [keys.generator(k).integers(2**63, size=2).tolist() for k in (a, b)]
    assert (draws[0] == draws[1]) == (a == b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((1, 2**32), (1, 0, 1)),
        ((1, 2**32 + 5), (1, 5, 1)),
        ((1, 2**64, 7), (1, 0, 0, 1, 7)),
        ((2**128, 3), (0, 1, 3)),
        ((2**160 + 2**128,), (0, 1, 1)),
    ],
)
def test_large_numbers_are_not_taken_for_several(a, b):
    assert keys.generator(a).integers(2**63) != keys.generator(b).integers(2**63)


def test_a_key_differs_from_its_children_and_their_children():
    all_keys = [(0,), (1,), *itertools.product([0, 1], [0, 1]), (0, 0, 0), (0, 1, 0)]
    assert len({keys.generator(k).integers(2**63) for k in all_keys}) == len(all_keys)


def test_a_seed_is_a_path_of_length_one():
    assert keys.generator(5).random() == keys.generator((5,)).random()
    assert keys.child(np.int64(5), 1) == (5, 1)


def test_children_are_those_of_seed_sequence():
    ours = keys.generator((3, 1)).random()
    theirs = np.random.Generator(np.random.Philox(np.random.SeedSequence(3).spawn(2)[1])).random()
    assert ours == theirs


@pytest.mark.parametrize(
    ("rng", "error", "words"),
    [
        (np.random.default_rng(0), TypeError, "pass a key, an int seed or a tuple"),
        (0.5, TypeError, "expected an int seed"),
        ("0", TypeError, "expected an int seed"),
        ((0, None), TypeError, "expected an int seed"),
        ([0, 1], TypeError, "expected an int seed"),
        ((), ValueError, "one or more ints"),
        (-1, ValueError, "none negative"),
    ],
)
def test_other_values_are_refused(rng, error, words):
    with pytest.raises(error, match=words):
        keys.generator(rng)
