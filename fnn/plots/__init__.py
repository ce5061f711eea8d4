"""Pictures of images, networks and trainings, as matplotlib figures; needs `fnn[plot]`.

`sheet`             small images in rows, each a `Card` with its caption: a data set, mistakes,
                    filters
`answer`            an image beside the probabilities that a network gives its classes
`confusion_matrix`  which classes are taken for which
`lines`             values against numbers: losses against steps, a function and its derivative
`smoothed`          the means of a noisy series, for `lines`
`curves`            trainings epoch by epoch, each a `Curves`; `curves_of` makes one from rows
`png`               a figure as a `Picture`, which a notebook shows, with an alternative text

Each function takes arrays and returns a new `matplotlib.figure.Figure`, which is nobody's current
figure: pyplot knows nothing of it, and nothing has to be closed. `figure.savefig("a.png")` writes a
file. The programs draw with the same functions. Without matplotlib they raise InputError.

>>> import numpy as np
>>> from fnn import plots
>>> image = np.eye(28) * 255
>>> figure = plots.sheet([plots.Card(image, "7"), plots.Card(image, "1")], "two images")
>>> figure = plots.lines({"loss": ([1, 2, 3], [2.3, 1.1, 0.6])}, xlabel="epoch")
"""

from fnn.plots.cards import Card, sheet
from fnn.plots.matrix import confusion_matrix
from fnn.plots.picture import Picture, png
from fnn.plots.series import answer, lines, smoothed
from fnn.plots.trainings import Curves, curves, curves_of

__all__ = [
    "Card", "Curves", "Picture", "answer", "confusion_matrix", "curves", "curves_of", "lines",
    "png", "sheet", "smoothed",
]  # fmt: skip
