"""How well a network recognizes distorted digits: python tests/bench/robust.py [--params FILE]

MNIST's test images are changed with fixed keys, by each kind of change alone and by most of them
together. "Thick" strokes are dilated by a square of 3 pixels, "thin" ones eroded by one of 2. By
default it evaluates the parameters that come with fnn.
"""

import argparse

import numpy as np

import fnn
from fnn.data.augment import compose, distort, noise
from fnn.recognizer.recognizer import recognize

SEED = 2026
BOUNDS = {"degrees": 15, "zoom": 0.15, "pixels": 3, "alpha": 34, "sigma": 4}
TOGETHER = "turned, enlarged, moved, bent and noisy"


def neighbors(images, side):
    """The images shifted to each place of a window of side x side pixels, as a list."""
    h, w = images.shape[1:]
    margin = side // 2
    padded = np.pad(images, [(0, 0), (margin, side - 1 - margin), (margin, side - 1 - margin)])
    return [padded[:, i : i + h, j : j + w] for i in range(side) for j in range(side)]


CHANGES = {
    "as they are": lambda x: x,
    "turned by up to 15 degrees": lambda x: distort(degrees=15)(SEED, x),
    "enlarged by 0.85 to 1.15": lambda x: distort(zoom=0.15)(SEED, x),
    "moved by up to 3 pixels": lambda x: distort(pixels=3)(SEED, x),
    "bent (alpha 34, sigma 4)": lambda x: distort(alpha=34, sigma=4)(SEED, x),
    "noise of deviation 20": lambda x: noise(20)(SEED, x),
    TOGETHER: lambda x: compose(distort(**BOUNDS), noise(20))(SEED, x),
    "thick strokes": lambda x: np.max(neighbors(x, 3), axis=0),
    "thin strokes": lambda x: np.min(neighbors(x, 2), axis=0),
    "inverted": lambda x: 255 - x,
}


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--params", help="a parameter file (default: those that come with fnn)")
    p.add_argument("--only", nargs="+", choices=CHANGES, default=CHANGES, help="only these changes")
    args = p.parse_args()
    found = fnn.load_recognizer(args.params) if args.params else fnn.pretrained()
    _, (images, labels) = fnn.load_mnist()
    for name in args.only:
        share = fnn.accuracy(recognize(found, CHANGES[name](images)), labels)
        print(f"{name:40} {share:.2%}", flush=True)


if __name__ == "__main__":
    main()
