"""The programs: a line for each, in the order in which one meets them."""

from __future__ import annotations

# `fnn NAME` and fnn-NAME run `main` of fnn.cli.NAME, whose `arguments` makes the parser.
PROGRAMS = {
    "train": "train a network on a data set, and save it in a file or as a run",
    "predict": "recognize test images, or the pictures in image files",
    "eval": "accuracy, precision, recall and confusion matrix on the test images",
    "serve": "a page on which one draws a digit, and sees the network's answer",
    "show": "pictures of a data set, of a network's mistakes, or of its filters",
    "plot": "losses and accuracies of runs, as curves or for TensorBoard",
    "loss": "mean cross-entropy of a mini-batch of test images",
    "contest": "a digit for each image of a dump",
    "export": "write a network as an ONNX model, which other programs run",
}
SHELLS = ("bash", "zsh", "tcsh")  # whose completion `fnn --print-completion` writes
