"""Batch normalisation of rows: x is (M, C), a row for each example (and pixel), C nodes."""

from fnn.layers.layer import Array


def vjp_by_the_course(x: Array, gamma: Array, eps: float, dy: Array) -> tuple[Array, Array, Array]:
    """dx, dgamma and dbeta by equations (32)-(37), one after another.

    This is the plain version; `vjp_closed` is the same thing with the sums worked out.
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


def vjp_closed(xhat: Array, inv: Array, gamma: Array, dy: Array) -> tuple[Array, Array, Array]:
    """dx, dgamma and dbeta from xhat, (M, C), and inv = 1 / sqrt(var + eps), (C,).

    (34)'s second term is 0, since deviations from a mean sum to 0; (33) and (34) put into (35) give
    dx = gamma inv (dy - dbeta / M - xhat dgamma / M).
    """
    m = len(xhat)
    dbeta = dy.sum(axis=0)
    dgamma = (dy * xhat).sum(axis=0)
    dx = xhat * (dgamma / -m)
    dx += dy
    dx -= dbeta / m
    dx *= gamma * inv
    return dx, dgamma, dbeta
