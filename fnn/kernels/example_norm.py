"""Normalization within an example: over the channels of a pixel, or over groups of channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnn.arrays import Array
from fnn.kernels import memory, norm
from fnn.kernels.rows import affine, each_block, row_blocks


def by_row(x: Array, gamma: Array, beta: Array, eps: float) -> tuple[Array, Any]:
    """Each row of x, (R, C), with mean 0 and variance 1, times gamma plus beta.

    The second result is what `by_row_vjp` needs: x, and the mean and 1 / sqrt(var + eps) of each
    row, (R, 1).
    """
    y, mean, inv = memory.empty_like(x), *(np.empty((len(x), 1), x.dtype) for _ in range(2))
    each = np.full(x.shape[1], 1 / x.shape[1], x.dtype)

    def f(number: int, x: Array, *rest: Array) -> None:
        y, mean, inv, gamma, beta, t = rest
        np.dot(x, each, out=mean[:, 0])
        np.subtract(x, mean, out=t)
        np.multiply(t, t, out=y)
        np.dot(y, each, out=inv[:, 0])
        inv += eps
        np.sqrt(inv, out=inv)
        np.reciprocal(inv, out=inv)
        t *= inv
        np.multiply(t, gamma, out=y)
        y += beta

    vectors = (v.astype(x.dtype) for v in (gamma, beta))
    each_block(f, [x, y, mean, inv, *vectors], scratch=[x.dtype])
    return y, (x, mean, inv)


def by_row_vjp(saved: Any, gamma: Array, dy: Array) -> tuple[Array, Array, Array]:
    """dx, dgamma and dbeta of `by_row`.

    dx = inv (g - mean of g - xhat * mean of g xhat), g = gamma dy, over each row
    """
    x, mean, inv = saved
    dx, each = memory.empty_like(x), np.full(x.shape[1], 1 / x.shape[1], x.dtype)
    blocks = row_blocks(x)
    sums = np.zeros((2, len(blocks), x.shape[1]))

    def f(number: int, x: Array, dy: Array, dx: Array, *rest: Array) -> None:
        mean, inv, gamma, xhat, t = rest
        ones = np.ones(len(x), x.dtype)
        np.subtract(x, mean, out=xhat)
        xhat *= inv
        np.multiply(dy, xhat, out=t)
        sums[0, number], sums[1, number] = np.dot(ones, t), np.dot(ones, dy)
        np.multiply(dy, gamma, out=dx)
        np.multiply(dx, xhat, out=t)
        xhat *= np.dot(t, each)[:, None]
        dx -= np.dot(dx, each)[:, None]
        dx -= xhat
        dx *= inv

    each_block(f, [x, dy, dx, mean, inv, gamma.astype(x.dtype)], scratch=[x.dtype] * 2)
    dgamma, dbeta = sums.sum(axis=1).astype(x.dtype)
    return dx, dgamma, dbeta


def by_group(x: Array, gamma: Array, beta: Array, groups: int, eps: float) -> tuple[Array, Any]:
    """Each group of channels of each example with mean 0 and variance 1, times gamma plus beta.

    x is (pixels, N, C). Batch normalization's sums, for each channel of each example as a node, are
    added up in the groups.
    """
    n, c = x.shape[1:]
    if n == 0:
        return np.empty_like(x), (x, np.empty(0), np.empty(0))
    rows = x.reshape(len(x), n * c)
    means, variances = (v.reshape(n, groups, c // groups) for v in norm.moments(rows))
    mean = means.mean(axis=2, keepdims=True)
    var = (variances + (means - mean) ** 2).mean(axis=2)
    spread = (n, groups, c // groups)
    mean, inv = (
        np.broadcast_to(v.reshape(n, groups, 1), spread).reshape(n * c)
        for v in (mean, 1 / np.sqrt(var + eps))
    )
    factor = np.tile(gamma, n) * inv
    y = affine(rows, factor, np.tile(beta, n) - mean * factor)
    return y.reshape(x.shape), (x, mean, inv)


def by_group_vjp(saved: Any, gamma: Array, dy: Array, groups: int) -> tuple[Array, Array, Array]:
    """dx, dgamma and dbeta of `by_group`."""
    x, mean, inv = saved
    pixels, n, c = x.shape
    if n == 0:
        return np.empty_like(x), *np.zeros((2, c), x.dtype)
    rows, d = (a.reshape(pixels, n * c) for a in (x, dy))
    products, sums = norm.gradients(rows, mean, inv, d)  # of each channel of each example

    def of_group(v: Array) -> Array:
        """The mean over a group's channels and pixels, for each of its channels."""
        parts = (np.tile(gamma, n) * v).reshape(n, groups, c // groups)
        mean = parts.mean(axis=2, keepdims=True) / pixels
        return np.broadcast_to(mean, parts.shape).reshape(n * c)

    of_x = -inv * inv * of_group(products)
    dx = norm.combined(d, np.tile(gamma, n) * inv, rows, of_x, -inv * of_group(sums) - of_x * mean)
    dgamma, dbeta = (v.reshape(n, c).sum(axis=0).astype(x.dtype) for v in (products, sums))
    return dx.reshape(x.shape), dgamma, dbeta
