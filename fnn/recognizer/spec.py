"""The spec of any network: what a file says of how it is built."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fnn import keys
from fnn.arrays import Shape
from fnn.layers.checks import check_layers
from fnn.layers.layer import Layer
from fnn.models import Spec
from fnn.models.description import describe
from fnn.recognizer.quantize import is_shape
from fnn.tree import Tree


def spec_of(net: Layer, shape: Shape | None, classes: Sequence[str] = (), model: str = "") -> Spec:
    """The spec of a network; ValueError if there can be none."""
    check_layers("save_recognizer", net)
    if not is_shape(shape) or shape is None:
        raise ValueError(f"save_recognizer: expected shape=(H, W, C), found {shape}")
    out = net.shape(shape)
    if len(out) != 1 or len(classes) not in (0, out[0]):
        names = f" and {len(classes)} names of classes" if classes else ""
        raise ValueError(f"save_recognizer: expected a vector of logits, found {out}{names}")
    try:
        form = describe(net)
    except ValueError as error:
        if not model:
            advice = "name the function that makes the network, model='FILE.py:NAME'"
            raise ValueError(f"save_recognizer: {error}; {advice}") from None
        form = None
    return Spec(model, shape, out[0], {}, form=form, names=unless_numbers(classes))


def unless_numbers(names: Sequence[str]) -> tuple[str, ...]:
    """The names of classes, or none if they only number them.

    >>> unless_numbers(("0", "1")), unless_numbers(("cat", "dog"))
    ((), ('cat', 'dog'))
    """
    return () if all(name == str(i) for i, name in enumerate(names)) else tuple(names)


def check_copy(net: Layer, copy: Layer, params: Tree, state: Tree, shape: Shape) -> None:
    """Raise ValueError unless a network built anew answers with the same bits.

    It does not if a layer was changed after it was made, as by `_replace`.
    """
    x = keys.generator((0, keys.SAMPLE)).random((1, *shape), np.float32)
    one, other = (made.apply(params, state, x, False)[0] for made in (net, copy))
    if not np.array_equal(one, other, equal_nan=True):
        raise ValueError(
            "save_recognizer: a layer was changed after it was made, so that a file cannot say how "
            "it is built; name the function that makes the network, model='FILE.py:NAME'"
        )
