"""Makes fnn/recognizer/photos.npz: python tests/bench/photo_layers.py [--out FILE]

The last layer of the shipped networks is trained again for photos and drawings: on MNIST's training
images, as they are and mildly distorted, and on digits as they are written in Europe, drawn along
outlines with pens of many widths and prepared like a photo. For letters, signs and scrawls all
digits are to be equally probable. Everything below the last layer stays.
A penalty keeps the weights near the shipped ones. On MNIST's images, training and the temperature
aim at the shipped networks' probabilities, which come true on test images (reliability.py). Labels
would make the layers surer than they should be, since the networks have learned these images.
Source: Li and Hoiem, "Learning without forgetting", ECCV 2016.
"""

import argparse
import itertools
import time
from contextlib import suppress

import numpy as np
from situations import outline

import fnn
from fnn.data.augment import distort
from fnn.files import checkpoint
from fnn.losses import softmax, softmax_cross_entropy
from fnn.recognizer.photos import PHOTOS, with_last_layers
from fnn.recognizer.quantize import dequantize, quantize

SEED = 22
OUTLINES = (
    # 1 with a long upstroke, with and without a foot
    (1, "0.5,9 4,5 8,0 | 8,0 7.5,10 7,20"),
    (1, "0,11 4,6 8.5,0 | 8.5,0 8,10 8,20"),
    (1, "1.5,7 5,3.5 8,0 | 8,0 8,10 8,20"),
    (1, "0,8 3,6 6,3 9,0 | 9,0 8,10 6.5,20"),
    (1, "1,6 5,3 8,0 | 8,0 7.8,10 7.5,20 | 3,20 12,20"),
    (1, "0,10 3,7.5 6,4 8,0.5 10,1.5 10,10 10,20"),
    (1, "2,5 5,1 7,1 8,4 8,12 8,20"),
    # 9 with a curled tail
    (9, "11,4 7,0 2,3 2.5,8.5 8,9.5 11,4 | 11,4 11.5,12 9,18.5 5,20 2,17.5"),
    (9, "11,3 6.5,0 1.5,4 4,9 9,8 11,3 | 11,3 12,11 10,18 5,20 1,18 3,15.5 7,16"),
    (9, "10,3 6,0.5 2,3 3,7 8,7.5 10.5,3 | 10.5,3 9,10 11,15 7.5,20 2,18.5"),
    # 4 in two strokes that are open; as a lightning
    (4, "5,0 3,7 0.5,12 | 0.5,12 6,11.5 12,11.5 | 8.5,7 8,14 7.5,20"),
    (4, "6,0 4,6 1.5,11 6,12 12,11 | 9,6 8.5,13 8,20"),
    (4, "4,0 2,9 7,8.5 11,8 | 11,8 9.5,14 8,20"),
    # 7 with a bar and a hook
    (7, "0.5,4 2,0.5 4,2 8,2.5 12,0.5 | 12,0.5 8.5,10 5,20 | 2.5,11 7,10.5 12,10"),
    (7, "0,1 6,0.5 12,0 | 12,0 8,8 5,20 | 1,11 12,9"),
    (7, "1,3.5 1.5,0.5 6,2 12,0.5 | 12,0.5 9,9 7,20 | 3.5,12 13,11"),
    # 0 with a slash; 8 that is open at the top
    (0, "7,0 2.5,3.5 1,10 2.5,16.5 7,20 11.5,16.5 13,10 11.5,3.5 7,0 | 12,1 2,19"),
    (8, "11,2 7,0.5 3,3 6,8 10,12 11,17 7,20 3,18 3,13 8,8 12,3"),
)

# What is no digit: letters and signs that no digit looks like.
SIGNS = (
    "0,20 5.5,0 | 5.5,0 12,20 | 2,13 10,13",  # A
    "11,1 0,0 | 0,0 0.5,20 | 0.5,20 11,19.5 | 0.3,10 9,9.5",  # E
    "11,0 0,0.5 | 0,0.5 0.5,20 | 0.3,9.5 8,9",  # F
    "0,0 0.5,20 | 11,0 10.5,20 | 0.3,10.5 10.8,9.5",  # H
    "0,0 0.5,20 | 11,1 0.3,11 | 0.3,11 11.5,20",  # K
    "0,20 1,0 | 1,0 6.5,13 | 6.5,13 12,0.5 | 12,0.5 13,20",  # M
    "0,20 0.5,0 | 0.5,0 11,20 | 11,20 11,0",  # N
    "0,20 0.5,0 | 0.5,0 10,2 10,8 0.4,10 | 3,10 11,20",  # R
    "0,0 6,10 | 12,0 6,10 | 6,10 6,20",  # Y
    "0,0 3.5,20 | 3.5,20 7,6 | 7,6 10.5,20 | 10.5,20 14,0",  # W
    "0,0 12,20 | 12,0.5 0,19.5",  # X
    "0,0.5 13,0 | 6.5,0.3 6.5,20",  # T
    "0,5 0.5,20 | 0.5,11 4,5.5 7,7 7,20 | 7,11 10.5,5.5 13.5,7 13.5,20",  # m
    "11,6 4,5 0.5,10 1,17 5,20 10,16 | 11,5 10.5,15 13,20",  # a
    "0,0 0.5,20 | 0.5,14 5,9 9,11 9.5,20",  # h
    "10,2 7,0 5,3 5,20 | 1,8 9,8",  # f
    "0,6 0.5,15 4,20 8,17 10,6 | 10,6 10,20",  # u
    "7,0 7,20 | 0,10 14,10",  # +
    "4,0 3,20 | 10,0 9,20 | 0,6 13,6 | 0,14 13,14",  # a number sign
    "0,0 11,9.5 | 11,9.5 0,20",  # >
    "7,6 3,0 0,4 2,10 7,17 12,10 14,4 11,0 7,6",  # a heart
    "7,0 9,7 14,7 10,12 12,19 7,15 2,19 4,12 0,7 5,7 7,0",  # a star
    "7,0 0,18 | 0,18 14,18 | 14,18 7,0",  # a triangle
    "0,0 14,0.5 | 14,0.5 13.5,18 | 13.5,18 0.5,18 | 0.5,18 0,0",  # a square
)


def scrawl(random):
    """A pen that wanders."""
    places = random.uniform(0, 1, (int(random.integers(5, 11)), 2)) * (14, 20)
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def european(n):
    """Digits along the outlines, as `digit_image` makes them of a drawing: images and labels."""
    images = drawn(n, [drawing for _, drawing in OUTLINES], 0)
    return images, np.resize([digit for digit, _ in OUTLINES], n)


def drawn(n, drawings, key):
    """Images of drawings with pens of many widths; None is a scrawl."""
    images = []
    for i in itertools.count():
        if len(images) == n:
            return np.stack(images)
        random = np.random.default_rng([SEED, key, i])
        drawing = drawings[i % len(drawings)] or scrawl(random)
        ink = outline(random, int(random.integers(28, 120)), drawing)
        with suppress(fnn.InputError):  # a scrawl of which digit_images says that it is none
            images.append(fnn.digit_images((255 * (1 - ink)).astype(np.uint8))[0])
    raise AssertionError


def toned(random, images):
    """Images with other tones: a random gain, and some of them softer."""
    gain = random.uniform(0.8, 1.3, (len(images), 1, 1)).astype(np.float32)
    x = images.astype(np.float32)
    soft = np.pad(x, [(0, 0), (1, 1), (1, 1)])
    soft = sum(soft[:, i : i + 28, j : j + 28] for i in range(3) for j in range(3)) / 9
    share = random.uniform(0, 0.6, (len(images), 1, 1)).astype(np.float32)
    return ((1 - share) * x + share * soft).__mul__(gain).clip(0, 255).astype(np.uint8)


def features(found, images):
    """What the last layer of each network gets, (N, features)."""
    for i, net in enumerate(found.net.made.parts):
        below = fnn.serial(*net.made.parts[:-1])
        params, state = (dict(list(t[0][i].items())[:-1]) for t in (found.params, found.state))
        yield fnn.predict(below, params, state, images, prepare=fnn.to_float)


def fitted(x, labels, weights, start, keep, steps=600):
    """The last layer's parameters that minimize the weighted loss near `start`, by Adam."""
    net, optimizer = fnn.dense(10), fnn.adam(lr=2e-3)
    params, state = start, optimizer.init(start)
    share = (weights / weights.sum()).astype(np.float32)
    for _ in range(steps):
        logits, cache = net.apply(params, {}, x, True)
        slope = softmax(logits)
        slope -= labels
        _, grads = net.vjp(params, cache, slope * share[:, None])
        grads = fnn.tree.map(lambda g, w, w0: g + np.float32(keep) * (w - w0), grads, params, start)
        updates, state = optimizer.update(grads, state)
        params = fnn.tree.map(np.add, params, updates)
    return params


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--out", default=PHOTOS)
    p.add_argument("--european", type=float, default=0.05, help="their share of the loss (0.05)")
    p.add_argument("--signs", type=float, default=0.1, help="the share of what is no digit (0.1)")
    p.add_argument("--keep", type=float, default=1e-5, help="the penalty (0.00001)")
    args = p.parse_args()
    begun, found, random = time.time(), fnn.pretrained(), np.random.default_rng(SEED)
    train, (test, test_labels) = fnn.load_mnist()
    known = np.asarray(train.images).reshape(-1, 28, 28)
    euro, euro_labels = european(1800)
    signs = drawn(1920, [*SIGNS, *[None] * 8], 1)
    one_hot = np.eye(10, dtype=np.float32)
    bent = distort(degrees=12, zoom=0.12, pixels=2, alpha=30, sigma=4)(SEED, known[20000:40000])
    rest = 0.6 - args.european - args.signs
    sets = [
        (known[:20000], softmax(fnn.recognize(found, known[:20000])), 0.4),
        (toned(random, bent), softmax(fnn.recognize(found, bent)), rest),
        (toned(random, euro), one_hot[euro_labels], args.european),
        (toned(random, signs), np.full((len(signs), 10), 0.1, np.float32), args.signs),
    ]
    images, every = (np.concatenate([s[i] for s in sets]) for i in (0, 1))
    weights = np.concatenate([np.full(len(s[0]), s[2] / len(s[0])) for s in sets])
    layers = {}
    for i, x in enumerate(features(found, images)):
        last = found.params[0][i]
        layers[i] = fitted(x, every, weights, last[max(last)], args.keep)
        print(f"network {i}: fitted, {time.time() - begun:.0f} s", flush=True)
    hard = distort(degrees=15, zoom=0.15, pixels=3, alpha=34, sigma=4)(SEED + 1, known[40000:45000])
    logits = fnn.recognize(with_last_layers(found, layers), hard)
    p = softmax(fnn.recognize(found, hard))
    heats = np.exp(np.linspace(-0.7, 0.7, 57))
    losses = [softmax_cross_entropy(logits / np.float32(h), p)[0] for h in heats]
    heat = heats[int(np.argmin(losses))]
    print(f"temperature {heat:.3f}")
    small = quantize(fnn.tree.map(lambda w: (w / heat).astype(np.float32), layers))
    checkpoint.save(args.out, small)
    again = with_last_layers(found, dequantize(small))
    for name, one in (("shipped", found), ("retrained", again)):
        print(f"{name}: MNIST test {fnn.accuracy(fnn.recognize(one, test), test_labels):.2%}")


if __name__ == "__main__":
    main()
