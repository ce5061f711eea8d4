"""Batch normalization at the speed of memory.

Arrays are contiguous (..., C): C nodes, and along all other axes together M values of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from fnn.arrays import Array
from fnn.kernels import memory
from fnn.kernels.rows import each_block, repeated, row_blocks, runs
from fnn.kernels.threads import longest


def moments(x: Array) -> tuple[Array, Array]:
    """The mean and the biased variance of each node, equations (28)-(29), in one pass over x.

    Both are (C,), float64, from the sums of t = x - pivot and of t^2: mean = pivot + E[t],
    var = E[t^2] - E[t]^2. The pivot is the mean of a few rows, so that a large mean costs no
    digits, as it would in E[x^2] - E[x]^2.

    Source: Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983.
    """
    rows, c = runs(x), x.shape[-1]
    sample = rows[:: -(-len(rows) // 8)]
    pivot = _sum(sample, c, np.ones(sample.size // c, x.dtype)) / (sample.size // c)

    def terms(x: Array, pivot: Array, t: Array) -> Iterator[Array]:
        yield np.subtract(x, pivot, out=t)
        yield np.multiply(t, t, out=t)

    from_pivot, squares = _two_sums(terms, c, rows, repeated(pivot, rows)) / (x.size // c)
    return pivot + from_pivot, np.maximum(squares - from_pivot**2, 0)


def backward(
    x: Array, mean: Array, inv: Array, gamma: Array, dy: Array
) -> tuple[Array, Array, Array]:
    """dx, dgamma and dbeta of y = gamma (x - mean) inv + beta, inv = 1 / sqrt(var + eps).

    (34)'s second term is 0, since deviations from a mean sum to 0; (33) and (34) put into (35) give
    dx = gamma inv (dy - dbeta / M - xhat dgamma / M).
    """
    m = x.size // x.shape[-1]
    dgamma, dbeta = gradients(x, mean, inv, dy)
    of_dy = gamma * inv
    of_x = -of_dy * inv * dgamma / m
    shift = -of_dy * dbeta / m - of_x * mean
    dx = combined(dy, of_dy, x, of_x, shift)
    return dx, dgamma.astype(x.dtype), dbeta.astype(x.dtype)


def combined(dy: Array, of_dy: Array, x: Array, of_x: Array, shift: Array) -> Array:
    """dy * of_dy + (x * of_x + shift), for one factor a node."""
    dx = memory.empty_like(x)
    source = runs(x)

    def f(number: int, x: Array, dy: Array, a: Array, b: Array, c: Array, *out: Array) -> None:
        dx, t = out
        np.multiply(x, b, out=t)
        np.add(t, c, out=t)
        np.multiply(dy, a, out=dx)
        np.add(dx, t, out=dx)

    factors = (repeated(v, source) for v in (of_dy, of_x, shift))
    each_block(f, [source, runs(dy), *factors, runs(dx)], scratch=[x.dtype])
    return dx


def gradients(x: Array, mean: Array, inv: Array, dy: Array) -> tuple[Array, Array]:
    """dgamma and dbeta, equations (36)-(37), (C,) as float64."""
    rows = runs(x)

    def terms(x: Array, dy: Array, mean: Array, t: Array) -> Iterator[Array]:
        np.subtract(x, mean, out=t)
        yield np.multiply(t, dy, out=t)
        yield dy

    products, sums = _two_sums(terms, x.shape[-1], rows, runs(dy), repeated(mean, rows))
    return products * inv, sums


def _two_sums(terms: Callable[..., Iterator[Array]], c: int, *rows: Array) -> Array:
    """The sums over all values of a node, (2, C), of two terms(*parts, t); t is a scratch array."""
    blocks = row_blocks(rows[0])
    ones = np.ones(longest(blocks) * rows[0].shape[1] // c, rows[0].dtype)
    sums = np.empty((2, len(blocks), c), np.float64)

    def f(number: int, *parts: Array) -> None:
        for i, term in enumerate(terms(*parts)):
            sums[i, number] = _sum(term, c, ones)

    each_block(f, rows, scratch=[rows[0].dtype])
    return np.asarray(sums.sum(axis=1))


def _sum(rows: Array, c: int, ones: Array) -> Array:
    """The sum of each node, (C,): as a matrix product, which is the fastest sum over rows.

    `@` would make other threads wait: for so few results it holds Python's lock.
    """
    values = rows.reshape(-1, c)
    total: Array = np.dot(ones[: len(values)], values)
    return total


def vjp_by_the_course(x: Array, gamma: Array, eps: float, dy: Array) -> tuple[Array, Array, Array]:
    """dx, dgamma and dbeta for x, (M, C), by equations (32)-(37), one after another.

    This is the plain version: `backward` is the same with the sums simplified.
    """
    m = len(x)
    mean, var = x.mean(axis=0), x.var(axis=0)  # (28), (29)
    xhat = (x - mean) / (var + eps) ** 0.5  # (30)
    dxhat = dy * gamma  # (32)
    dvar = (dxhat * (x - mean) * -0.5 * (var + eps) ** -1.5).sum(axis=0)  # (33)
    dmean = (dxhat * -1 / (var + eps) ** 0.5).sum(axis=0)  # (34)
    dmean = dmean + dvar * (-2 * (x - mean)).sum(axis=0) / m
    dx = dxhat / (var + eps) ** 0.5 + dvar * 2 * (x - mean) / m + dmean / m  # (35)
    return dx, (dy * xhat).sum(axis=0), dy.sum(axis=0)  # (36), (37)
