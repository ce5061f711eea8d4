"""The loss of a network's outputs."""

import numpy as np

from fnn.arrays import Array, check_array, check_float
from fnn.errors import real


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
    logits: Array, labels: Array, *, smoothing: float = 0.0
) -> tuple[float, Array]:
    """The mean cross-entropy of a batch, in nats, and its gradient with respect to the logits.

        loss = mean over the batch of sum over k of -q_k log p_k       equations (7)-(8)
        dlogits = (p - q) / N                                                   (11)-(12)

    q is 1 at the label and 0 elsewhere. With label smoothing it is 1 - smoothing at the label, plus
    smoothing / C at every class (Szegedy et al., "Rethinking the Inception architecture", CVPR
    2016). logits are (N, C), labels are (N,) integers in 0..C-1. The loss is computed from the
    logits, not from rounded probabilities: an answer that is wrong by 100 costs 100, in float32
    too. Raises TypeError or ValueError for labels of another type, number or range, for N = 0 and
    for a smoothing outside 0..1.

    >>> loss, dlogits = softmax_cross_entropy(np.array([[0.0, 100.0]]), np.array([0]))
    >>> loss, dlogits
    (100.0, array([[-1.,  1.]]))
    """
    check_labels(logits, labels)
    smoothing = real("smoothing", smoothing)
    if not 0 <= smoothing <= 1:
        raise ValueError(f"expected smoothing in 0..1, found {smoothing}")
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


def check_labels(logits: Array, labels: Array) -> None:
    """Raise unless logits are (N, C), N >= 1, and labels (N,) integers in 0..C-1."""
    check_array("logits", logits)
    check_array("labels", labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        found = f"{logits.shape} and {labels.shape}"
        hint = ""
        if logits.ndim == labels.ndim == 2:
            one_hot = labels.shape == logits.shape
            hint = f": use labels{'.argmax(axis=1), if they are one-hot' if one_hot else '[:, 0]'}"
        raise ValueError(f"expected logits (N, C) and labels (N,), found {found}{hint}")
    if len(labels) == 0:
        raise ValueError("expected at least one example, found an empty batch")
    check_classes("labels", labels, logits.shape[1])


def check_classes(name: str, values: Array, classes: int) -> None:
    """Raise unless the values are integers in 0..classes-1."""
    if values.dtype.kind not in "iu":
        raise TypeError(f"expected integer {name}, found {values.dtype}: use {name}.astype(int)")
    low, high = values.min(initial=0), values.max(initial=0)
    if low < 0 or high >= classes:
        raise ValueError(f"expected {name} in 0..{classes - 1}, found {low if low < 0 else high}")
