"""Draws README's picture: the test images of MNIST that fnn's own network gets wrong.

python tests/docs/picture.py        # writes tests/docs/mistakes.png; needs MNIST and fnn[plot]
"""

from pathlib import Path

import numpy as np

import fnn
from fnn import plots

OUT = Path(__file__).with_name("mistakes.png")
COLUMNS = 8


def main() -> None:
    x, labels = fnn.open_data("mnist", "test").data
    logits = fnn.recognize(fnn.pretrained(), x)
    p, said = fnn.softmax(logits.astype(np.float64)), logits.argmax(axis=1)
    wrong = np.flatnonzero(said != labels)
    surest = wrong[np.argsort(-p[wrong, said[wrong]], kind="stable")]
    cards = [
        plots.Card(x[i], f"is {labels[i]}", f"said {said[i]}, {p[i, said[i]]:.1%}") for i in surest
    ]
    title = f"Of MNIST's {len(x):,} test images, fnn's network gets these {len(wrong)} wrong"
    OUT.write_bytes(plots.png(plots.sheet(cards, title, columns=COLUMNS), title).data)
    print(f"{OUT.name}: {len(wrong)} images, {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
