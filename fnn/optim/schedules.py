"""Learning rates: a number, or a function of the step count, which starts at 0."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from fnn.errors import real, whole

Schedule: TypeAlias = Callable[[int], float]
Rate: TypeAlias = float | Schedule


def rate_at(rate: Rate, step: int) -> float:
    """The value of a rate at a step.

    >>> rate_at(0.1, 7), rate_at(lambda step: 0.1 / (1 + step), 1)
    (0.1, 0.05)

    Raises ValueError if it is not finite.
    """
    value = real("a rate", rate(step) if callable(rate) else rate, finite=False)
    if not math.isfinite(value):
        raise ValueError(f"expected a finite rate, found {value} at step {step}")
    return value


def constant(lr: float) -> Schedule:
    """The same rate at every step."""
    lr = real("constant: lr", lr)
    return lambda step: lr


def cosine(lr: float, steps: int) -> Schedule:
    """From `lr` down to 0 along half a cosine in `steps` steps, then 0.

    Source: Loshchilov and Hutter, "SGDR", ICLR 2017, equation (5) without restarts.

    >>> [round(cosine(1.0, 4)(step), 3) for step in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    lr, steps = real("cosine: lr", lr), whole("cosine: steps", steps)
    return lambda step: lr * 0.5 * (1 + math.cos(math.pi * min(step, steps) / steps))


def linear(lr: float, steps: int) -> Schedule:
    """From `lr` straight down to 0 in `steps` steps, then 0.

    >>> [linear(1.0, 4)(step) for step in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    lr, steps = real("linear: lr", lr), whole("linear: steps", steps)
    return lambda step: lr * (1 - min(step, steps) / steps)


def step_decay(lr: float, every: int, *, factor: float = 0.1) -> Schedule:
    """`lr`, multiplied by `factor` after each `every` steps.

    >>> [step_decay(1.0, every=2, factor=0.5)(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    lr, every = real("step_decay: lr", lr), whole("step_decay: every", every)
    factor = real("step_decay: factor", factor)
    return lambda step: lr * factor ** (step // every)


def one_cycle(peak: float, steps: int, *, warm_up: float = 0.25, start: float = 0.1) -> Schedule:
    """Linearly up from `start * peak` to `peak`, then down along half a cosine to 0.

    The way up takes the share `warm_up` of the `steps`, 0 <= warm_up < 1.

    Source: Smith and Topin, "Super-convergence", 2017.

    >>> [round(one_cycle(1.0, 8, start=0.2)(step), 3) for step in range(9)]
    [0.2, 0.6, 1.0, 0.933, 0.75, 0.5, 0.25, 0.067, 0.0]
    """
    peak, steps = real("one_cycle: peak", peak), whole("one_cycle: steps", steps)
    warm_up, start = real("one_cycle: warm_up", warm_up), real("one_cycle: start", start)
    if not 0 <= warm_up < 1:
        raise ValueError(f"one_cycle: expected 0 <= warm_up < 1, found {warm_up}")
    up = round(warm_up * steps)
    down = cosine(peak, max(1, steps - up))
    return lambda step: peak * (start + (1 - start) * step / up) if step < up else down(step - up)


def triangular(
    peak: float, steps: int, *, warm_up: float = 0.23, start: float = 0.2, end: float = 0.07
) -> Schedule:
    """Linearly up from `start * peak` to `peak`, then linearly down to `end * peak`.

    The way up takes the share `warm_up` of the `steps`, 0 < warm_up < 1.

    >>> rate = triangular(1.0, 4, warm_up=0.5, start=0.5, end=0.25)
    >>> [round(rate(step), 3) for step in range(6)]
    [0.5, 0.75, 1.0, 0.625, 0.25, 0.25]
    """
    peak, steps = real("triangular: peak", peak), whole("triangular: steps", steps)
    start, end = real("triangular: start", start), real("triangular: end", end)
    warm_up = real("triangular: warm_up", warm_up)
    if not 0 < warm_up < 1:
        raise ValueError(f"triangular: expected 0 < warm_up < 1, found {warm_up}")
    top = warm_up * steps

    def rate(step: int) -> float:
        up = start + (1 - start) * step / top
        down = 1 - (1 - end) * (step - top) / (steps - top)
        return peak * (up if step < top else max(end, down))

    return rate


def slowing(steps: int, share: float = 0.95**5) -> Schedule:
    """For `fnn.lookahead`: the share of the way that the slow parameters go, from 1 to 1 - share.

    1 - share (step / steps)^3: towards the end they average over more and more steps.

    >>> [round(slowing(2, 0.8)(step), 3) for step in range(3)]
    [1.0, 0.9, 0.2]
    """
    steps, share = whole("slowing: steps", steps), real("slowing: share", share)
    return lambda step: 1 - share * min(1.0, step / steps) ** 3
