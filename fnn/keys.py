"""Immutable random keys: the only place where a `numpy.random.Generator` is created.

A key is an int seed or a tuple of ints, a path from the seed: `(seed, epoch, purpose, ...)`.
Child `i` of a key is `(*key, i)`. Different keys give independent streams, so every random choice
gets a key that names its purpose, and a run can be resumed from two numbers.
"""

from __future__ import annotations

import hashlib
import operator
from typing import TypeAlias

import numpy as np

Key: TypeAlias = int | tuple[int, ...]

# The purposes of the children of a run's or an epoch's key.
PARAMS, STATE, EPOCH, ORDER, AUGMENT, SAMPLE, SPLIT, FLIP = range(8)


def path(rng: Key) -> tuple[int, ...]:
    """The key as a tuple; a seed is a path of length one.

    >>> path(7), path((7, 1))
    ((7,), (7, 1))

    Raises TypeError for anything but ints (above all a Generator, which every draw would change)
    and ValueError for an empty path or a negative number.
    """
    if isinstance(rng, np.random.Generator | np.random.RandomState):
        raise TypeError(
            f"rng is a {type(rng).__name__}, and drawing from it would change it: "
            "pass a key, an int seed or a tuple of ints such as (seed, 0)"
        )
    try:
        parts = tuple(map(operator.index, rng if isinstance(rng, tuple) else (rng,)))
    except TypeError:
        raise TypeError(f"rng is {rng!r}: expected an int seed or a tuple of ints") from None
    if not parts or min(parts) < 0:
        raise ValueError(f"rng is {rng!r}: expected one or more ints, none negative")
    return parts


def child(rng: Key, *indices: int) -> tuple[int, ...]:
    """The key below `rng` at `indices`.

    >>> child(7, 0), child((7, 0), 3, 1)
    ((7, 0), (7, 0, 3, 1))
    """
    return (*path(rng), *indices)


def generator(rng: Key) -> np.random.Generator:
    """A fresh Philox generator at the start of the key's stream.

    >>> generator((7, 1)).integers(10**9) == generator((7, 1)).integers(10**9)
    np.True_

    Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """
    seed, *spawn = path(rng)
    # SeedSequence takes numbers apart into words of 32 bits: (1, 2**32) would be (1, 0, 1).
    if seed >= 1 << 128 or any(part >= 1 << 32 for part in spawn):
        words = ",".join(map(str, (seed, *spawn)))
        seed, spawn = int.from_bytes(hashlib.sha256(words.encode()).digest()), []
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=spawn)))
