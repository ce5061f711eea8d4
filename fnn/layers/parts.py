"""What layers made of layers share: parameters and state by the number of the part."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fnn.arrays import Array
from fnn.errors import kind
from fnn.keys import child
from fnn.layers.layer import Cache, Init, Layer
from fnn.tree import Tree


def numbered(layer: Layer) -> Layer:
    """The layer with the parameters and state of its parts, numbered."""

    def each(made: Callable[[Layer], Init]) -> Init:
        return lambda rng, s: {
            i: made(part)(child(rng, i), given)
            for i, (part, given) in enumerate(zip(layer.parts, layer.inputs(s), strict=True))
        }

    return layer._replace(init=each(lambda part: part.init), state=each(lambda part: part.state))


def check_parts(name: str, n: int, params: Tree, state: Tree) -> None:
    """Raise ValueError unless both trees have a part for each of a layer's n parts."""
    for what, given in (("params", params), ("state", state)):
        if not isinstance(given, dict) or given.keys() != set(range(n)):
            found = f"the keys {list(given)}" if isinstance(given, dict) else kind(given)
            expected = f"{what} of {n} layers, a dict with the keys 0 to {n - 1}"
            raise ValueError(f"{name}: expected {expected}, found {found}: of another network?")


def apply_part(
    layers: Sequence[Layer], i: int, params: Tree, state: Tree, x: Array, train: bool
) -> tuple[Array, Cache]:
    """`apply` of part i, whose errors say where it is: "at 0/2: dense(10): ..."."""
    try:
        return layers[i].apply(params[i], state[i], x, train)
    except (TypeError, ValueError) as error:
        if len(error.args) == 1 and isinstance(error.args[0], str):
            words = error.args[0]
            error.args = (f"at {i}/{words[3:]}" if words.startswith("at ") else f"at {i}: {words}",)
        raise


def joined(caches: Sequence[Cache]) -> Cache:
    saved, states = (dict(enumerate(part)) for part in zip(*caches, strict=True))
    return Cache(saved, states)


def part_of(cache: Cache, i: int) -> Cache:
    return Cache(cache.saved[i], cache.state[i])
