"""Batch normalisation at the speed of memory.

Arrays are contiguous (..., C): C nodes, and along all other axes together M values of each.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fnn.kernels import aligned
from fnn.kernels.pointwise import longest, repeated, row_blocks, runs
from fnn.kernels.threads import share
from fnn.layers.layer import Array


class Moments(NamedTuple):
    """Means and biased variances of the nodes, both (C,), as float64."""

    mean: Array
    var: Array


def moments(x: Array) -> Moments:
    """The mean and the biased variance of each node, equations (28)-(29), in one pass over x.

    Sums of t = x - pivot and of t^2 give both: mean = pivot + E[t], var = E[t^2] - E[t]^2. The
    pivot is the mean of a few rows, so that a large mean costs no digits, as it would in
    E[x^2] - E[x]^2.

    Source: Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983.
    """
    c = x.shape[-1]
    rows = runs(x)
    blocks = row_blocks(rows)
    ones = _ones(rows, blocks, c)
    sample = rows[:: -(-len(rows) // 8)]
    pivot = _sum(sample, ones, c) / (sample.size // c)
    minus = repeated(pivot, rows)
    sums, squares = np.empty((2, len(blocks), c), np.float64)

    def work(queue: Iterator[tuple[int, tuple[int, int]]]) -> None:
        scratch = aligned.empty_like(rows[: longest(blocks)])
        for number, (i, j) in queue:
            t = np.subtract(rows[i:j], minus, out=scratch[: j - i])
            sums[number] = _sum(t, ones, c)
            np.multiply(t, t, out=t)
            squares[number] = _sum(t, ones, c)

    share(work, enumerate(blocks))
    m = x.size // c
    from_pivot = sums.sum(axis=0) / m
    var = squares.sum(axis=0) / m - from_pivot**2
    return Moments(pivot + from_pivot, np.maximum(var, 0))


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
    dx = aligned.empty_like(x)
    source, above, target = runs(x), runs(dy), runs(dx)
    a, b, d = (repeated(v, source) for v in (of_dy, of_x, shift))
    blocks = row_blocks(source)

    def work(queue: Iterator[tuple[int, int]]) -> None:
        scratch = aligned.empty_like(source[: longest(blocks)])
        for i, j in queue:
            t = scratch[: j - i]
            np.multiply(source[i:j], b, out=t)
            np.add(t, d, out=t)
            np.multiply(above[i:j], a, out=target[i:j])
            np.add(target[i:j], t, out=target[i:j])

    share(work, blocks)
    return dx, dgamma.astype(x.dtype), dbeta.astype(x.dtype)


def gradients(x: Array, mean: Array, inv: Array, dy: Array) -> tuple[Array, Array]:
    """dgamma and dbeta, equations (36)-(37), (C,) as float64."""
    c = x.shape[-1]
    source, above = runs(x), runs(dy)
    blocks = row_blocks(source)
    minus, ones = repeated(mean, source), _ones(source, blocks, c)
    parts = np.empty((2, len(blocks), c), np.float64)

    def work(queue: Iterator[tuple[int, tuple[int, int]]]) -> None:
        scratch = aligned.empty_like(source[: longest(blocks)])
        for number, (i, j) in queue:
            t = scratch[: j - i]
            np.subtract(source[i:j], minus, out=t)
            np.multiply(t, above[i:j], out=t)
            parts[0, number], parts[1, number] = _sum(t, ones, c), _sum(above[i:j], ones, c)

    share(work, enumerate(blocks))
    products, sums = parts.sum(axis=1)
    dgamma: Array = products * inv
    return dgamma, sums


def _ones(rows: Array, blocks: list[tuple[int, int]], c: int) -> Array:
    """As many ones as a block has values a node."""
    return np.ones(longest(blocks) * rows.shape[1] // c, rows.dtype)


def _sum(rows: Array, ones: Array, c: int) -> Array:
    """The sum of each node, (C,): as a matrix product, which is the fastest sum over rows.

    `@` would keep other threads waiting: it holds Python's lock where results are so few.
    """
    values = rows.reshape(-1, c)
    total: Array = np.dot(ones[: len(values)], values)
    return total


def vjp_by_the_course(x: Array, gamma: Array, eps: float, dy: Array) -> tuple[Array, Array, Array]:
    """dx, dgamma and dbeta for x, (M, C), by equations (32)-(37), one after another.

    This is the plain version: `backward` is the same thing with the sums worked out.
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
