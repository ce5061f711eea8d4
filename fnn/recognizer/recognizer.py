"""A trained network in a file: its spec, parameters and state, and how it looks at images."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from fnn import keys, tree
from fnn.arrays import Array, Shape
from fnn.data.batches import to_float
from fnn.errors import InputError
from fnn.files import checkpoint
from fnn.keys import Key
from fnn.layers.layer import Layer
from fnn.models import Spec, build, together
from fnn.models.own import is_own
from fnn.recognizer.fit import fitting, without_memory
from fnn.recognizer.quantize import dequantize, is_shape, quantize
from fnn.recognizer.spec import check_copy, spec_of
from fnn.recognizer.tta import VIEWS, averaged, unless_sure
from fnn.train import predict
from fnn.tree import Tree

T = TypeVar("T")

MNIST = Path(__file__).with_name("mnist.npz")  # made by the recipe "pretrained"
PRETRAINED = "pretrained"  # the name of that file
SURE = 0.999  # a more probable answer needs no other views
LARGEST = 1e30  # of a logit: differences of larger ones overflow


class Origin(NamedTuple):
    """What a network has learned from: the name of the data set, and what tells it from others.

    `test` is the hash of the test images (`fnn.data.dataset.fingerprint`), `accuracy` the share of
    them that the network recognizes, in 0..1, if that is known.
    """

    data: str
    test: str
    accuracy: float | None = None


class Recognizer(NamedTuple):
    """A network with everything that is needed to use it."""

    spec: Spec
    net: Layer
    params: Tree
    state: Tree


def untrained(spec: Spec, rng: Key = 0, net: Layer | None = None, **more: Any) -> Recognizer:
    """The network before a training with the seed `rng`; by default the one that `build` gives."""
    if spec.views not in VIEWS:
        raise ValueError(f"views {spec.views!r}: expected one of {', '.join(VIEWS)}")
    net = build(spec, **more) if net is None else net
    params = net.init(keys.child(rng, keys.PARAMS), spec.shape)
    return Recognizer(spec, net, params, net.state(keys.child(rng, keys.STATE), spec.shape))


def save_recognizer(
    path: str | os.PathLike[str],
    net: Layer | Spec,
    params: Tree,
    state: Tree,
    shape: Shape | None = None,
    *,
    classes: Sequence[str] = (),
    model: str = "",
    small: bool = False,
    origin: Origin | None = None,
) -> None:
    """Write a network to `path`, in the format of `fnn.save`, for `load_recognizer` and --params.

    `net` is any network that turns images of `shape`, (H, W, C) in 0..1, into logits. `classes` are
    the names of its classes, by default 0, 1, .... A file says how the network is built, if it is
    made of fnn's layers; for layers of your own, `model` is "FILE.py:NAME", the function that makes
    it, which whoever loads the file must name again. With `small`, weights take four to seven bits
    (see `fnn.recognizer.quantize`): enough to recognize images, not to train on. `origin` says what
    it has learned from. In place of the network, a `Spec` may say how it is built.

    Raises ValueError if the parameters or the state are not the network's, or if no file can say
    how it is built; InputError if the file cannot be written.
    """
    spec = net if isinstance(net, Spec) else spec_of(net, shape, classes, model)
    network = build(spec) if isinstance(net, Spec) else net
    _fitted(untrained(spec, net=network), params, state)
    if isinstance(net, Layer) and spec.form is not None:
        check_copy(net, build(spec), params, state, spec.shape)
    write_recognizer(path, spec, params, state, small, origin)


def write_recognizer(
    path: str | os.PathLike[str],
    spec: Spec,
    params: Tree,
    state: Tree,
    small: bool,
    origin: Origin | None,
) -> None:
    """Like `save_recognizer`, for parameters and a state that are those of the spec's network."""
    checkpoint.save(path, model_of(spec, quantize(params) if small else params, state, origin))


def model_of(spec: Spec, params: Tree, state: Tree, origin: Origin | None = None) -> Tree:
    """What a file must hold for `load_recognizer`; it may hold more."""
    model = spec._replace(shape=tuple(map(int, spec.shape)))._asdict()
    known = {} if origin is None else {"origin": origin._asdict()}
    return {"model": model, **known, "params": params, "state": state}


def load_recognizer(path: str | os.PathLike[str], net: Layer | None = None) -> Recognizer:
    """The network in `path`; if it has layers of your own, `net` must be the network itself.

    Runs no code that the file names. Raises InputError if the file is missing or damaged, or does
    not fit the network.
    """
    return read_recognizer(path, lambda spec: net)[0]


def load_origin(path: str | os.PathLike[str]) -> Origin | None:
    """What the network in a file of `save_recognizer` has learned from, if the file says so."""
    return _origin(checkpoint.load(path))


def read_spec(path: str | os.PathLike[str]) -> Spec:
    """What a file says of how its network is built; raises what `load_recognizer` does."""
    return _made_of(path, checkpoint.load(path), _spec)


def read_recognizer(
    path: str | os.PathLike[str], make: Callable[[Spec], Layer | None] = lambda spec: None
) -> tuple[Recognizer, Origin | None]:
    """Like `load_recognizer`, with what the network has learned from.

    `make` gives one network of a spec; None stands for the one that the file describes.
    """

    def made(content: Tree) -> tuple[Recognizer, Origin | None]:
        spec = _spec(content)
        one = make(spec)
        if one is None and spec.form is None and is_own(spec.name):
            raise InputError(
                f"{path}: its network has layers of your own: add --model {spec.name}, whose code "
                "makes them (in Python: load_recognizer(path, net))"
            )
        net = None if one is None else together(one, spec)
        if net is None:
            limit = os.path.getsize(path) * 8  # a weight takes a bit or more
            fresh = untrained(spec, init=without_memory(limit))
        else:
            fresh = untrained(spec, net=net)
        if fresh.net.shape(spec.shape) != (spec.classes,):
            raise ValueError(f"the network gives {fresh.net.shape(spec.shape)}, not its classes")
        params, state = _fitted(fresh, dequantize(content["params"]), content["state"])
        return Recognizer(spec, net or build(spec), params, state), _origin(content)

    return _made_of(path, checkpoint.load(path), made)


def _made_of(path: str | os.PathLike[str], content: Tree, make: Callable[[Tree], T]) -> T:
    """What is made of a file's content; InputError, which names the file, if it cannot be."""
    try:
        return make(content)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, MemoryError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise InputError(
            f"{path}: not the parameters of a network that this fnn builds ({why}); "
            "make the file with fnn-train"
        ) from None


def _spec(content: Tree) -> Spec:
    if type(content) is not dict:
        raise TypeError(f"it holds a {type(content).__name__}")
    spec = Spec(**content["model"])
    if not is_shape(spec.shape):
        raise ValueError(f"its images are of shape {spec.shape}")
    if type(spec.names) is not tuple or not {str}.issuperset(map(type, spec.names)):
        raise TypeError("the names of its classes are no words")
    if len(spec.names) not in (0, spec.classes):
        raise ValueError(f"it has {spec.classes} classes and {len(spec.names)} names for them")
    return spec


def _origin(content: Tree) -> Origin | None:
    if "origin" not in content:
        return None
    found = Origin(**content["origin"])
    share = 0.0 if found.accuracy is None else found.accuracy
    if not (type(found.data) is type(found.test) is str and type(share) is float):
        raise TypeError("its origin is damaged")
    if not 0 <= share <= 1:
        raise ValueError(f"its accuracy is {share}")
    return found


def file_of(name: str) -> str | Path:
    """The file of that name; "pretrained" is the one that comes with fnn."""
    return MNIST if name == PRETRAINED else name


def pretrained() -> Recognizer:
    """Networks trained on MNIST: for grey images (N, 28, 28) of light digits on black."""
    return load_recognizer(MNIST)


def recognize(found: Recognizer, images: Array) -> Array:
    """The logits, (N, classes), of uint8 images, (N, H, W) or (N, H, W, C).

    An image whose answer is less probable than 0.999 gets the mean over the spec's views.
    Raises InputError if the logits are not finite or beyond 1e30: the parameters make no sense.
    """
    answer = partial(predict, found.net, found.params, found.state, prepare=to_float)
    more = VIEWS[found.spec.views]
    look = answer if len(more) == 1 else unless_sure(answer, averaged(answer, more), SURE)
    with np.errstate(all="ignore"):
        logits = look(images)
    if not (abs(logits) < LARGEST).all():  # this way round NaN fails too
        raise InputError(
            "the network's outputs are not finite or above 1e30: its training diverged; "
            "train again with a smaller --lr"
        )
    return logits


def _fitted(fresh: Recognizer, params: Tree, state: Tree) -> tuple[Tree, Tree]:
    """The parameters and the state; ValueError unless they are like those of a fresh network."""
    return tree.map(fitting, fresh.params, params), tree.map(fitting, fresh.state, state)
