"""Batch normalization at the speed of memory.

Arrays are contiguous (..., C): C nodes, and along all other axes together M values of each.
"""

from typing import NamedTuple

import numpy as np

from fnn.arrays import Array
from fnn.kernels import memory
from fnn.kernels.rows import each_block, longest, repeated, row_blocks, runs


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
    sample = rows[:: -(-len(rows) // 8)]
    ones = _ones(rows, c)
    pivot = _sum(sample, ones, c) / (sample.size // c)
    parts = np.empty((2, len(row_blocks(rows)), c), np.float64)

    def f(number: int, x: Array, pivot: Array, t: Array) -> None:
        np.subtract(x, pivot, out=t)
        parts[0, number] = _sum(t, ones, c)
        np.multiply(t, t, out=t)
        parts[1, number] = _sum(t, ones, c)

    each_block(f, [rows, repeated(pivot, rows)], scratch=[x.dtype])
    from_pivot, squares = parts.sum(axis=1) / (x.size // c)
    return Moments(pivot + from_pivot, np.maximum(squares - from_pivot**2, 0))


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
    return dx, dgamma.astype(x.dtype), dbeta.astype(x.dtype)


def gradients(x: Array, mean: Array, inv: Array, dy: Array) -> tuple[Array, Array]:
    """dgamma and dbeta, equations (36)-(37), (C,) as float64."""
    c = x.shape[-1]
    source = runs(x)
    ones = _ones(source, c)
    parts = np.empty((2, len(row_blocks(source)), c), np.float64)

    def f(number: int, x: Array, dy: Array, mean: Array, t: Array) -> None:
        np.subtract(x, mean, out=t)
        np.multiply(t, dy, out=t)
        parts[0, number], parts[1, number] = _sum(t, ones, c), _sum(dy, ones, c)

    each_block(f, [source, runs(dy), repeated(mean, source)], scratch=[x.dtype])
    products, sums = parts.sum(axis=1)
    return products * inv, sums


def _ones(rows: Array, c: int) -> Array:
    """As many ones as a block, or a sample of 8 rows, has values of a node."""
    most = max(longest(row_blocks(rows)), min(len(rows), 8))
    return np.ones(most * rows.shape[1] // c, rows.dtype)


def _sum(rows: Array, ones: Array, c: int) -> Array:
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
