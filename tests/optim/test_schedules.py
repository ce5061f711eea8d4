import numpy as np
import pytest

from fnn.optim import schedules


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (schedules.constant(0.1), {0: 0.1, 10**6: 0.1}),
        (schedules.linear(0.2, 100), {0: 0.2, 25: 0.15, 100: 0, 500: 0}),
        (schedules.cosine(0.2, 100), {0: 0.2, 50: 0.1, 100: 0, 500: 0}),
        (
            schedules.one_cycle(1.0, 100, warm_up=0.2, start=0.1),
            {0: 0.1, 10: 0.55, 20: 1, 60: 0.5, 100: 0},
        ),
        (schedules.one_cycle(1.0, 1, warm_up=0), {0: 1, 1: 0}),
        (schedules.step_decay(1.0, 10, factor=0.1), {0: 1, 9: 1, 10: 0.1, 29: 0.01}),
    ],
)
def test_values(schedule, values):
    for step, value in values.items():
        assert schedule(step) == pytest.approx(value, abs=1e-12)


def test_a_rate_is_a_plain_float():
    assert type(schedules.rate_at(lambda step: np.float64(0.5), 0)) is float


@pytest.mark.parametrize(
    "make",
    [
        lambda: schedules.cosine(0.1, 0),
        lambda: schedules.linear(0.1, 0),
        lambda: schedules.step_decay(0.1, 0),
        lambda: schedules.one_cycle(0.1, 0),
        lambda: schedules.one_cycle(0.1, 10, warm_up=1),
    ],
)
def test_bad_arguments_are_refused(make):
    with pytest.raises(ValueError, match="expected"):
        make()
