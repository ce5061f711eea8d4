"""A training that begins with what another one has learned."""

from __future__ import annotations

from typing import Any

from fnn import tree
from fnn.errors import InputError
from fnn.keys import Key
from fnn.layers.layer import Layer
from fnn.models import Spec, build
from fnn.models.description import with_outputs
from fnn.optim.transforms import Optimizer, stateless
from fnn.recognizer.fit import fitting
from fnn.recognizer.recognizer import Recognizer, untrained
from fnn.tree import Tree

SWITCHED = {"key", "count"}  # a layer's own random choices begin anew


def network_like(found: Recognizer, spec: Spec) -> tuple[Spec, Layer]:
    """The network of a file for the images and classes of `spec`, with its description.

    A file's network whose last layer is dense gets one of another size for other classes. Raises
    ValueError if it cannot be one for them.
    """
    one = found.spec
    own = spec._replace(name=one.name, options=one.options, form=one.form, networks=1)
    if one.form is not None and one.classes != spec.classes:
        own = own._replace(form=with_outputs(one.form, spec.classes))
    return own._replace(networks=spec.networks), build(own)


def started(
    found: Recognizer, net: Layer, spec: Spec, rng: Key, which: int = 0
) -> tuple[Tree, Tree]:
    """Parameters and state of `net` before a training that begins with those of a file.

    If the classes are others than the file's, the last layer with parameters begins anew, with the
    seed `rng`. Of several networks in the file, the training begins with number `which`, counted
    from 0 and around. Raises ValueError, with the place, for those of another network.
    """
    fresh = untrained(spec, rng, net=net)
    params, state = found.params, found.state
    if found.spec.networks > 1:
        i = which % found.spec.networks
        params, state = params[0][i], state[0][i]
    head = None
    if (found.spec.classes, found.spec.names) != (spec.classes, spec.names):
        head = [path[:-1] for path, _ in tree.items(fresh.params)][-1:]
    return _taken(fresh.params, params, (), head or []), _taken(fresh.state, state, (), [])


def _taken(fresh: Tree, given: Tree, where: tuple[Any, ...], anew: list[tuple[Any, ...]]) -> Tree:
    """What is given, in the form of a fresh tree; what is at a place of `anew` stays fresh."""
    if where in anew or (isinstance(fresh, dict) and fresh.keys() == SWITCHED):
        return fresh
    place = "/".join(map(str, where)) or "the root"
    if isinstance(fresh, dict):
        if not isinstance(given, dict) or given.keys() != fresh.keys():
            found = list(given) if isinstance(given, dict) else "a leaf"
            raise ValueError(f"at {place}: expected {list(fresh)}, found {found}")
        return {k: _taken(v, given[k], (*where, k), anew) for k, v in fresh.items()}
    try:
        return fitting(fresh, given)
    except ValueError as error:
        raise ValueError(f"at {place}: {error}") from None


def check_frozen(net: Layer, params: Tree, n: int) -> None:
    """Raise InputError unless the first `n` layers of a network can be kept, and some learned."""
    if net.made.by != "serial":
        raise InputError("--freeze: the network is no fnn.serial(...), whose layers have an order")
    if not any(path[0] >= n for path, _ in tree.items(params)):
        raise InputError(
            f"--freeze {n}: of {len(net.parts)} layers, no parameters would be left to be learned"
        )


def keeping(n: int) -> Optimizer:
    """Updates of 0 for the first `n` layers, which weight decay would move without a gradient.

    >>> keeping(1).update({0: {"b": 2.0}, 1: {"b": 3.0}}, {})[0]
    {0: {'b': 0.0}, 1: {'b': 3.0}}
    """
    return stateless(
        lambda grads: {
            i: tree.map(lambda g: 0 * g, part) if i < n else part for i, part in grads.items()
        }
    )
