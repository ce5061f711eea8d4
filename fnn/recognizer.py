"""A trained network in a file: its spec, parameters and state, saved and made whole again."""

import math
import os
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from fnn import checkpoint, keys, tree
from fnn.compact import BITS, compact, expanded
from fnn.data.batches import to_float
from fnn.errors import InputError
from fnn.keys import Key
from fnn.layers.initializers import Initializer
from fnn.layers.layer import Array, Layer, Shape, is_shape
from fnn.models import Spec, build
from fnn.train import predict
from fnn.tree import Tree
from fnn.views import VIEWS, averaged, unless_sure

SURE = 0.999  # of an answer that needs no other views
LARGEST = 1e30  # of a logit: differences of larger ones overflow


class Recognizer(NamedTuple):
    """A network with all it takes to use it."""

    spec: Spec
    net: Layer
    params: Tree
    state: Tree


def untrained(spec: Spec, rng: Key = 0, **more: Any) -> Recognizer:
    """The network as it starts: what a training run with the seed `rng` begins with."""
    net = build(spec, **more)
    params = net.init(keys.child(rng, keys.PARAMS), spec.shape)
    return Recognizer(spec, net, params, net.state(keys.child(rng, keys.STATE), spec.shape))


def save_recognizer(
    path: str | os.PathLike[str], spec: Spec, params: Tree, state: Tree, small: bool = False
) -> None:
    """Write the network to `path`; see `fnn.checkpoint.save`.

    With `small`, weights take seven bits each (see `fnn.compact`): enough to recognise images.
    Raises ValueError where the parameters or the state are not those of the network that the spec
    describes.
    """
    _fitted(spec, params, state)
    checkpoint.save(path, model_of(spec, compact(params) if small else params, state))


def model_of(spec: Spec, params: Tree, state: Tree) -> Tree:
    """What a file must hold, besides what else it may, for `load_recognizer`."""
    model = spec._replace(shape=tuple(map(int, spec.shape)))._asdict()
    return {"model": model, "params": params, "state": state}


def load_recognizer(path: str | os.PathLike[str]) -> Recognizer:
    """The network in `path`.

    Raises InputError for a file that is missing, damaged, or whose parameters do not fit the
    model it names.
    """
    content = checkpoint.load(path)
    try:
        if type(content) is not dict:
            raise TypeError(f"it holds a {type(content).__name__}")
        spec = Spec(**content["model"])
        if not is_shape(spec.shape):
            raise ValueError(f"its images are of shape {spec.shape}")
        limit = os.path.getsize(path) * 8 // BITS
        params, state = _fitted(spec, expanded(content["params"]), content["state"], limit)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, MemoryError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise InputError(
            f"{path}: not the parameters of a network that this fnn builds ({why}); "
            "make the file with fnn-train"
        ) from None
    return Recognizer(spec, build(spec), params, state)


def recognise(found: Recognizer, images: Array) -> Array:
    """The logits of uint8 images, (N, classes).

    Of an image of which the network is not quite sure it is the mean over the views that the spec
    names.
    Raises InputError where the parameters are so large, though finite, that they are senseless.
    """
    answer = partial(predict, found.net, found.params, found.state, prepare=to_float)
    more = VIEWS[found.spec.views]
    look = answer if len(more) == 1 else unless_sure(answer, averaged(answer, more), SURE)
    with np.errstate(all="ignore"):
        logits = look(images)
    if not (abs(logits) < LARGEST).all():  # this way round NaN fails too
        raise InputError(
            "the network's outputs are no numbers or beyond all measure: the training of its "
            "parameters diverged; train again with a smaller --lr"
        )
    return logits


def _fitted(spec: Spec, params: Tree, state: Tree, limit: float = math.inf) -> tuple[Tree, Tree]:
    """Parameters and state of the spec's network; ValueError where they are not its.

    It must not have more than `limit` parameters in one leaf.
    """
    fresh = untrained(spec, init=_claimed(limit))
    return tree.map(fitting, fresh.params, params), tree.map(fitting, fresh.state, state)


def _claimed(limit: float) -> Initializer:
    """Parameters of the claimed shapes that take no memory; ValueError beyond `limit` of them."""

    def fill(rng: Key, shape: Shape, fan_in: int, fan_out: int) -> Array:
        if math.prod(shape) > limit:
            raise ValueError("a layer would have more parameters than the file has room for")
        return np.broadcast_to(np.float32(0), shape)

    return Initializer(fill, fill)


def fitting(fresh: Array, loaded: Array) -> Array:
    """A leaf that was loaded; ValueError unless it is finite and of the fresh one's form.

    A key may be of any length: a network of an ensemble was trained with one of its own.
    """
    if isinstance(fresh, tuple) and isinstance(loaded, tuple):
        keys.path(loaded)
        return loaded
    if np.shape(loaded) != np.shape(fresh) or np.asarray(loaded).dtype != np.asarray(fresh).dtype:
        raise ValueError(
            f"expected shape {np.shape(fresh)} and type {np.asarray(fresh).dtype}, "
            f"found {np.shape(loaded)} and {np.asarray(loaded).dtype}"
        )
    if not np.isfinite(loaded).all():
        raise ValueError("some numbers are not finite: the training diverged")
    return loaded
