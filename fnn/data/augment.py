"""Augmentation: pure functions (rng, x) -> x on batches of images (N, H, W) or (N, H, W, C).

Each image is changed in its own random way, drawn from the key; dtype and shape stay the same.
`alternating_flip` works on the whole training set and also takes the epoch.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from fnn.arrays import Array
from fnn.data.batches import Augment
from fnn.data.distort import distort as distort  # part of fnn.augment
from fnn.errors import kind, real, whole
from fnn.keys import Key, child, generator


def shift(pixels: int, *, mode: str = "constant") -> Augment:
    """Shifts each image by -`pixels`..`pixels` along both axes, uniformly distributed.

    The edge is filled with 0, or with the image mirrored there if mode is "reflect".
    Raises ValueError for a negative number of pixels.
    """
    pixels = whole("shift: pixels", pixels, 0)
    if mode not in ("constant", "reflect"):
        raise ValueError(f"shift: mode {mode!r}, expected constant or reflect")

    def augment(rng: Key, x: Array) -> Array:
        around = [(0, 0), (pixels, pixels), (pixels, pixels), (0, 0)][: x.ndim]
        padded = np.pad(x, around, mode=mode)  # type: ignore[call-overload]
        corner = generator(rng).integers(0, 2 * pixels + 1, (2, len(x)))
        windows = sliding_window_view(padded, x.shape[1:3], axis=(1, 2))
        chosen = windows[np.arange(len(x)), corner[0], corner[1]]
        return np.moveaxis(chosen, 1, -1) if x.ndim == 4 else chosen  # (N, C, H, W), or (N, H, W)

    return augment


def alternating_flip(rng: Key, x: Array, epoch: int) -> Array:
    """The images x for one epoch: each is mirrored left to right in every other epoch.

    The key, the same for all epochs, picks the half that is mirrored in odd epochs. Two epochs in
    a row show every image both ways, where `flip` shows half of them the same way twice. Apply it
    to the whole training set, before shuffling.
    Source: Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv:2404.00498.
    """
    mirrored = generator(rng).random(len(x)) < 0.5
    return _mirrored(x, mirrored if epoch % 2 else ~mirrored)


def flip() -> Augment:
    """Mirrors each image left to right with probability 1/2."""
    return lambda rng, x: _mirrored(x, generator(rng).random(len(x)) < 0.5)


def _mirrored(x: Array, chosen: Array) -> Array:
    y = x.copy()
    y[chosen] = x[chosen, :, ::-1]
    return y


def cutout(side: int) -> Augment:
    """Sets a square of `side` pixels, centered anywhere in the image, to 0.

    Source: DeVries and Taylor, "Improved regularization of convolutional neural networks with
    cutout", 2017. Raises ValueError for side < 1.
    """
    side = whole("cutout: side", side)
    center = 0 if side % 2 else 0.5  # a half: between two pixels

    def augment(rng: Key, x: Array) -> Array:
        draw = generator(rng)
        rows, columns = (
            abs(np.arange(n) - draw.integers(0, n, (len(x), 1)) + center) < side / 2
            for n in x.shape[1:3]
        )
        y = x.copy()
        y[rows[:, :, None] & columns[:, None, :]] = 0
        return y

    return augment


def noise(deviation: float) -> Augment:
    """Adds Gaussian noise to each image, its standard deviation uniform in 0..`deviation`.

    uint8 images stay within 0..255. Raises ValueError for a negative deviation.
    """
    deviation = real("noise: deviation", deviation)
    if deviation < 0:
        raise ValueError(f"noise: expected a deviation of 0 or more, found {deviation}")

    def augment(rng: Key, x: Array) -> Array:
        draw = generator(rng)
        each = draw.uniform(0, deviation, (len(x), *[1] * (x.ndim - 1))).astype(np.float32)
        noisy = draw.standard_normal(x.shape, np.float32)
        noisy *= each
        noisy += x
        return noisy.astype(x.dtype) if x.dtype.kind == "f" else to_uint8(noisy)

    return augment


def to_uint8(x: Array) -> Array:
    """Floats rounded and clipped to 0..255, as uint8."""
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)


def check_augments(where: str, *augments: Augment) -> None:
    """Raise TypeError, which begins with `where`, unless all are functions."""
    for given in augments:
        if not callable(given):
            hint = f"{where} takes functions, such as flip()"
            raise TypeError(f"{where}: expected an augmentation, found {kind(given)}: {hint}")


def compose(*augments: Augment) -> Augment:
    """Applies augmentations one after another, each with its own key.

    >>> same = compose()
    >>> same(0, np.ones((1, 2, 2))).shape
    (1, 2, 2)
    """
    check_augments("compose", *augments)

    def augment(rng: Key, x: Array) -> Array:
        for i, change in enumerate(augments):
            x = change(child(rng, i), x)
        return x

    return augment


def partly(augment: Augment, share: float) -> Augment:
    """Applies `augment` to each image with probability `share`; the others stay unchanged.

    A network trained on changed images only finds unchanged ones unusual.
    Raises ValueError for a share outside 0..1.
    """
    check_augments("partly", augment)
    share = real("partly: share", share, finite=False)
    if not 0 <= share <= 1:
        raise ValueError(f"partly: expected a share in 0..1, found {share}")

    def change(rng: Key, x: Array) -> Array:
        chosen = generator(child(rng, 0)).random(len(x)) < share
        y = x.copy()
        y[chosen] = augment(child(rng, 1), x[chosen])
        return y

    return change
