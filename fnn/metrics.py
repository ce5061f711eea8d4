"""Metrics of a classifier: accuracy, and figures for each class from the confusion matrix.

0/0 is nan: a class that is never predicted has no precision, and one without examples has no
recall. `np.nanmean` is the mean over the other classes.

Source: definitions as in Manning, Raghavan and Schuetze, "Introduction to Information Retrieval",
2008, chapter 8; each class in turn counts as the relevant one.
"""

from __future__ import annotations

import math

import numpy as np

from fnn.arrays import Array
from fnn.losses import check_classes, check_labels


def accuracy(logits: Array, labels: Array) -> float:
    """The share of examples, 0..1, whose largest logit is at their label; nan if a logit is nan.

    Soft labels, (N, C), stand for the class of the largest.

    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    check_labels(logits, labels)
    if np.isnan(logits).any():
        return math.nan
    classes = labels.argmax(axis=1) if labels.ndim == 2 else labels
    return float((logits.argmax(axis=1) == classes).mean())


def confusion(labels: Array, predicted: Array, classes: int) -> Array:
    """The confusion matrix: counts (C, C), [true class, predicted class].

    `labels` and `predicted` are (N,) integers in 0..classes-1; other types, shapes and ranges raise
    TypeError or ValueError. The counts are int64.

    >>> confusion(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2)
    array([[1, 1],
           [0, 2]])
    """
    if classes < 1:
        raise ValueError(f"confusion: expected at least one class, found {classes}")
    if labels.ndim != 1 or labels.shape != predicted.shape:
        found = f"{labels.shape} and {predicted.shape}"
        raise ValueError(f"confusion: expected labels (N,) and as many answers, found {found}")
    check_classes("labels", labels, classes)
    check_classes("answers", predicted, classes)
    pairs = labels.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def precision(counts: Array) -> Array:
    """The share of the predictions of class c that are right: (C,) from counts (C, C); nan for 0/0.

    >>> precision(np.array([[3, 1], [0, 0]]))
    array([1., 0.])
    """
    return _share(np.diagonal(counts), counts.sum(axis=0))


def recall(counts: Array) -> Array:
    """The share of the examples of class c that are recognized: (C,) from counts; nan for 0/0.

    >>> recall(np.array([[3, 1], [0, 0]]))
    array([0.75,  nan])
    """
    return _share(np.diagonal(counts), counts.sum(axis=1))


def f1(counts: Array) -> Array:
    """The harmonic mean of precision and recall, (C,), as 2 hits / (predictions + examples).

    If one of the two is 0/0, it is 0; only a class that is neither predicted nor present has nan.

    >>> f1(np.array([[3, 1, 0], [0, 0, 0], [0, 0, 0]])).round(3)
    array([0.857, 0.   ,   nan])
    """
    return _share(2 * np.diagonal(counts), counts.sum(axis=0) + counts.sum(axis=1))


def _share(part: Array, whole: Array) -> Array:
    share = np.full(len(whole), np.nan)
    np.divide(part, whole, out=share, where=whole != 0)
    return share
