"""The loss of a network's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn.arrays import Array, check_array, check_float
from fnn.errors import real, whole

NEAR = 1e-3  # how far from 1 soft labels may sum to


def log_softmax(logits: Array) -> Array:
    """The logarithm of `softmax`, exact even where a probability would round to 0 or 1.

    Raises TypeError unless the logits are float32 or float64.
    """
    check_float("log_softmax", logits)
    shifted: Array = logits - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def softmax(logits: Array) -> Array:
    """The probability of each class, (N, C), from logits, (N, C).

        p_i = exp(a_i - max a) / sum_j exp(a_j - max a)          equations (5)-(6)

    >>> softmax(np.array([[0.0, 0.0]]))
    array([[0.5, 0.5]])
    """
    return np.exp(log_softmax(logits))


def softmax_cross_entropy(
    logits: Array,
    labels: Array,
    *,
    smoothing: float = 0.0,
    weights: Sequence[float] | Array | None = None,
    ignore: int | None = None,
) -> tuple[float, Array]:
    """The mean cross-entropy of a batch, in nats, and its gradient with respect to the logits.

        loss = mean over the batch of sum over k of -q_k log p_k       equations (7)-(8)
        dlogits = (p - q) / N                                                   (11)-(12)

    logits are (N, C), labels are (N,) integers in 0..C-1: q is 1 at the label and 0 elsewhere. Or
    they are soft, (N, C) floats of 0 or more that sum to 1: q itself. With label smoothing it is
    (1 - smoothing) q, plus smoothing / C at every class (Szegedy et al., "Rethinking the Inception
    architecture", CVPR 2016). `weights`, (C,), multiply the term of each class; the mean is then
    the sum divided by the weights of all labels, or, for soft labels, by N, as in PyTorch. Examples
    whose label is `ignore` count nothing, and their gradient is 0; if there are no others, so is
    the loss. The loss is computed from the logits, not from rounded probabilities: an answer that
    is wrong by 100 costs 100, in float32 too. Raises TypeError or ValueError for labels of another
    type, number or range, for N = 0, for a smoothing outside 0..1, for weights that are not C
    finite numbers of 0 or more, and for `ignore` with soft labels.

    >>> loss, dlogits = softmax_cross_entropy(np.array([[0.0, 100.0]]), np.array([0]))
    >>> loss, dlogits
    (100.0, array([[-1.,  1.]]))
    """
    if ignore is not None:
        return _without(whole("ignore", ignore, -(1 << 63)), logits, labels, smoothing, weights)
    check_labels(logits, labels)
    smoothing = real("smoothing", smoothing)
    if not 0 <= smoothing <= 1:
        raise ValueError(f"expected smoothing in 0..1, found {smoothing}")
    if weights is not None or labels.ndim == 2:
        return _weighted(logits, labels, smoothing, weights)
    n = len(labels)
    log_p = log_softmax(logits)
    rows = np.arange(n)
    loss = -float(log_p[rows, labels].sum()) / n
    dlogits = np.exp(log_p)
    dlogits[rows, labels] -= 1 - smoothing
    if smoothing:
        loss = (1 - smoothing) * loss - smoothing * float(log_p.mean())
        dlogits -= smoothing / logits.shape[1]
    dlogits /= n
    return loss, dlogits


def _weighted(
    logits: Array, labels: Array, smoothing: float, weights: Sequence[float] | Array | None
) -> tuple[float, Array]:
    """The loss for any labels and weights: terms[i, k] is the factor of -log p_k of example i."""
    n, c = logits.shape
    w = np.ones(c) if weights is None else np.asarray(weights, np.float64)
    if w.shape != (c,) or not (np.isfinite(w) & (w >= 0)).all():
        raise ValueError(f"expected weights of {c} classes, finite and 0 or more, found {weights}")
    q = labels if labels.ndim == 2 else np.eye(c)[labels]
    terms = w * ((1 - smoothing) * q + smoothing / c)
    total = n if labels.ndim == 2 else w[labels].sum()
    terms /= total or 1.0
    log_p = log_softmax(logits)
    dlogits = np.exp(log_p) * terms.sum(axis=1, keepdims=True) - terms
    return 0.0 - float((terms * log_p).sum()), dlogits.astype(logits.dtype)


def _without(ignore: int, logits: Array, labels: Array, *rest: Any) -> tuple[float, Array]:
    """The loss of the examples with other labels, and 0 as the gradient of the others."""
    check_array("labels", labels)
    if labels.ndim == 2:
        raise ValueError("expected ignore=None with soft labels: which of them would it be?")
    check_labels(logits, np.zeros_like(labels))
    kept = labels != ignore
    dlogits = np.zeros_like(logits)
    if not kept.any():
        return 0.0, dlogits
    smoothing, weights = rest
    loss, dlogits[kept] = softmax_cross_entropy(
        logits[kept], labels[kept], smoothing=smoothing, weights=weights
    )
    return loss, dlogits


def check_labels(logits: Array, labels: Array) -> None:
    """Raise unless logits are (N, C), N >= 1, and labels (N,) integers in 0..C-1, or soft."""
    check_array("logits", logits)
    check_array("labels", labels)
    soft = labels.ndim == 2 and labels.dtype.kind == "f" and labels.shape == logits.shape
    if logits.ndim != 2 or not (soft or labels.shape == logits.shape[:1]):
        found = f"{logits.shape} and {labels.shape}"
        hint = ""
        if logits.ndim == labels.ndim == 2:
            one_hot = labels.shape == logits.shape
            hint = f": use labels{'.argmax(axis=1), if they are one-hot' if one_hot else '[:, 0]'}"
        raise ValueError(f"expected logits (N, C) and labels (N,), found {found}{hint}")
    if len(labels) == 0:
        raise ValueError("expected at least one example, found an empty batch")
    if not soft:
        check_classes("labels", labels, logits.shape[1])
    elif not (labels.min() >= 0 and np.abs(labels.sum(axis=1) - 1).max() <= NEAR):
        raise ValueError(
            "expected soft labels of 0 or more that sum to 1 for each example, found a smallest of "
            f"{labels.min():g} and sums from {labels.sum(axis=1).min():g} to "
            f"{labels.sum(axis=1).max():g}"
        )


def check_classes(name: str, values: Array, classes: int) -> None:
    """Raise unless the values are integers in 0..classes-1."""
    if values.dtype.kind not in "iu":
        raise TypeError(f"expected integer {name}, found {values.dtype}: use {name}.astype(int)")
    low, high = values.min(initial=0), values.max(initial=0)
    if low < 0 or high >= classes:
        raise ValueError(f"expected {name} in 0..{classes - 1}, found {low if low < 0 else high}")
