"""Mutated files: every reader gives a valid value or one line, in bounds (see readers.py)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated
from readers import READERS, exercise

every_reader = pytest.mark.parametrize("reader", READERS, ids=[r.name for r in READERS])


@every_reader
def test_the_samples_are_read(reader, tmp_path):
    for seed in reader.seeds:
        assert exercise(reader, seed, seed.data, tmp_path)


@every_reader
@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_mutated_files_are_read_or_refused(reader, tmp_path, data):
    seed = data.draw(st.sampled_from(reader.seeds))
    exercise(reader, seed, data.draw(mutated(seed.data)), tmp_path)
