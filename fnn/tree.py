"""Trees: nested dicts whose leaves are anything else (arrays, numbers, tuples, ...).

Parameters, states, gradients and optimizer states are trees, so toolz's `get_in`, `assoc_in` and
`update_in` work on them directly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import Any, TypeAlias

Tree: TypeAlias = Any
Path: TypeAlias = tuple[Any, ...]  # the keys that lead to a leaf


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
    return _walk(f, (), tree, rest)


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


def _walk(f: Callable[..., Any], where: Path, tree: Tree, rest: tuple[Tree, ...]) -> Tree:
    keys = tree.keys() if isinstance(tree, dict) else None
    for other in rest:
        if (other.keys() if isinstance(other, dict) else None) != keys:
            place = "/".join(str(k) for k in where) or "the root"
            here, there = (
                f"the keys {list(t)}" if isinstance(t, dict) else f"a leaf ({type(t).__name__})"
                for t in (tree, other)
            )
            raise ValueError(f"trees differ at {place}: one has {here}, another {there}")
    if keys is None:
        return f(where[-1] if where else None, tree, *rest)
    return {k: _walk(f, (*where, k), v, tuple([o[k] for o in rest])) for k, v in tree.items()}


def items(tree: Tree, where: Path = ()) -> Iterator[tuple[Path, Any]]:
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
