"""Batch normalisation at the speed of memory.

Arrays are contiguous (..., C): C nodes, and along all other axes together M values of each.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fnn.kernels import aligned
from fnn.kernels.pointwise import repeated, row_blocks, runs
from fnn.kernels.threads import share
from fnn.layers.layer import Array


class Moments(NamedTuple):
    """Means and biased variances of the nodes, both (C,), as float64."""

    mean: Array
    var: Array


def moments(x: Array) -> Moments:
    """The mean and the biased variance of each node, equations (28)-(29), in one pass over x.

    Each block of rows, while it is in the cache, gives its own mean and its squared deviations
    from that; blocks are then put together. A large mean costs no digits, as it would in
    E[x^2] - E[x]^2.

    Source: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances", 1979.
    """
    c = x.shape[-1]
    rows = runs(x)
    blocks = row_blocks(rows)
    means, squares = np.empty((2, len(blocks), c), np.float64)

    def work(queue: Iterator[tuple[int, tuple[int, int]]]) -> None:
        scratch = aligned.empty_like(rows[: _longest(blocks)])
        for number, (i, j) in queue:
            block, t = rows[i:j], scratch[: j - i]
            mean = _sum(block, c) / (block.size // c)
            np.subtract(block, repeated(mean, rows), out=t)
            np.multiply(t, t, out=t)
            means[number], squares[number] = mean, _sum(t, c)

    share(work, enumerate(blocks))
    counts = np.array([(j - i) * (rows.shape[1] // c) for i, j in blocks], np.float64)[:, None]
    m = x.size // c
    mean = (counts * means).sum(axis=0) / m
    var = (squares + counts * (means - mean) ** 2).sum(axis=0) / m
    return Moments(mean, var)


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
        scratch = aligned.empty_like(source[: _longest(blocks)])
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
    minus = repeated(mean, source)
    blocks = row_blocks(source)
    parts = np.empty((2, len(blocks), c), np.float64)

    def work(queue: Iterator[tuple[int, tuple[int, int]]]) -> None:
        scratch = aligned.empty_like(source[: _longest(blocks)])
        for number, (i, j) in queue:
            t = scratch[: j - i]
            np.subtract(source[i:j], minus, out=t)
            np.multiply(t, above[i:j], out=t)
            parts[0, number], parts[1, number] = _sum(t, c), _sum(above[i:j], c)

    share(work, enumerate(blocks))
    products, sums = parts.sum(axis=1)
    dgamma: Array = products * inv
    return dgamma, sums


def _sum(rows: Array, c: int) -> Array:
    """The sum of each node, (C,): as a matrix product, which is the fastest sum over rows."""
    values = rows.reshape(-1, c)
    total: Array = np.dot(np.ones(len(values), rows.dtype), values)
    return total


def _longest(blocks: list[tuple[int, int]]) -> int:
    return max(j - i for i, j in blocks)


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
