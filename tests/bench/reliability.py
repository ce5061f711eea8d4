"""How often probabilities come true: python tests/bench/reliability.py

MNIST's test images, turned, enlarged, moved, bent and noisy as in robust.py, are read by the
networks that come with fnn, with their own last layers and with those for photos. For each range of
the probability of an answer, the table shows how many answers have it, their mean probability, and
how many are right.
"""

from itertools import pairwise

import numpy as np
from robust import CHANGES, TOGETHER

import fnn
from fnn.losses import softmax
from fnn.recognizer.photos import for_photos

EDGES = (0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0001)


def main():
    _, (images, labels) = fnn.load_mnist()
    hard = CHANGES[TOGETHER](images)
    shipped = fnn.pretrained()
    for name, found in (("shipped", shipped), ("for photos", for_photos(shipped))):
        p = softmax(fnn.recognize(found, hard).astype(np.float64))
        best, right = p.max(axis=1), p.argmax(axis=1) == labels
        place = np.digitize(best, EDGES) - 1
        print(f"{name}: {right.mean():.2%} of {len(labels)} distorted images are read rightly")
        print(f"{'probability':>16}{'answers':>9}{'mean':>8}{'right':>8}")
        gap = 0.0
        for i, (low, high) in enumerate(pairwise(EDGES)):
            here = place == i
            if here.any():
                gap += here.mean() * abs(best[here].mean() - right[here].mean())
                told = f"{low:.3f} - {min(high, 1):.3f}"
                print(f"{told:>16}{here.sum():9}{best[here].mean():8.3f}{right[here].mean():8.3f}")
        print(f"expected calibration error {gap:.4f}\n", flush=True)


if __name__ == "__main__":
    main()
