"""Trees: nested dicts whose leaves are anything else (arrays, numbers, tuples, ...).

Parameters, states, gradients and optimizer states are trees, so toolz's `get_in`, `assoc_in` and
`update_in` work on them directly.
"""

from collections.abc import Callable, Iterator, Set
from typing import Any, TypeAlias

Tree: TypeAlias = Any


def map(f: Callable[..., Any], tree: Tree, *rest: Tree) -> Tree:
    """Apply `f` to corresponding leaves of trees that have the same keys.

    >>> map(lambda a, b: a + b, {0: {"W": 1, "b": 2}}, {0: {"W": 10, "b": 20}})
    {0: {'W': 11, 'b': 22}}

    Raises ValueError, with the place and both sides, if the trees differ.
    """
    return map_named(lambda name, *leaves: f(*leaves), tree, *rest)


def map_named(f: Callable[..., Any], tree: Tree, *rest: Tree) -> Tree:
    """Like `map`, with f(name, *leaves): name is a leaf's own key, None if the root is a leaf.

    >>> map_named(lambda name, a: 2 * a if name == "W" else a, {0: {"W": 1, "b": 2}})
    {0: {'W': 2, 'b': 2}}
    """
    try:
        return _walk(f, None, tree, rest)
    except _Unlike:
        raise _differ(tree, rest) or ValueError("trees differ") from None


def map_nodes(f: Callable[..., Any], keys: Set[Any], tree: Tree, *rest: Tree) -> Tree:
    """Apply `f` to corresponding nodes whose keys in `tree` are exactly `keys`; keep all leaves.

    >>> map_nodes(lambda node: node["a"] + node["b"], {"a", "b"}, {0: {"a": 1, "b": 2}, 1: 5})
    {0: 3, 1: 5}
    """
    if not isinstance(tree, dict):
        return tree
    if tree.keys() == keys:
        return f(tree, *rest)
    return {k: map_nodes(f, keys, v, *(other[k] for other in rest)) for k, v in tree.items()}


class _Unlike(Exception):
    """Two trees do not have the same keys."""


def _walk(f: Callable[..., Any], name: Any, tree: Tree, rest: tuple[Tree, ...]) -> Tree:
    """f(name, *leaves) at every leaf; the place is left out, since every training step is here."""
    if not isinstance(tree, dict):
        for other in rest:
            if isinstance(other, dict):
                raise _Unlike
        return f(name, tree, *rest)
    for other in rest:
        if not isinstance(other, dict) or other.keys() != tree.keys():
            raise _Unlike
    return {k: _walk(f, k, v, tuple([other[k] for other in rest])) for k, v in tree.items()}


def _differ(tree: Tree, rest: tuple[Tree, ...], where: tuple[Any, ...] = ()) -> ValueError | None:
    """The error for the first place where another tree has other keys."""

    def name(t: Tree) -> str:
        return f"the keys {list(t)}" if isinstance(t, dict) else f"a leaf ({type(t).__name__})"

    keys = tree.keys() if isinstance(tree, dict) else None
    for other in rest:
        if (other.keys() if isinstance(other, dict) else None) != keys:
            place = "/".join(str(k) for k in where) or "the root"
            return ValueError(
                f"trees differ at {place}: one has {name(tree)}, another {name(other)}"
            )
    below = (_differ(tree[k], tuple(o[k] for o in rest), (*where, k)) for k in keys or ())
    return next((error for error in below if error is not None), None)


def items(tree: Tree, where: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The path and the value of every leaf, in order.

    >>> list(items({0: {"W": 1}, 1: {}, 2: 5}))
    [((0, 'W'), 1), ((2,), 5)]
    """
    if isinstance(tree, dict):
        for k, v in tree.items():
            yield from items(v, (*where, k))
    else:
        yield where, tree


def leaves(tree: Tree) -> list[Any]:
    """Every leaf, in order.

    >>> leaves({0: {"W": 1, "b": 2}, 1: {}})
    [1, 2]
    """
    return [leaf for _, leaf in items(tree)]
