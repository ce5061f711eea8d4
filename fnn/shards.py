"""Training steps on several processes, with the same bits on any number of them.

A batch is cut into a fixed number of shards, a power of two. Each shard goes through the ordinary
network by itself: batch norm sees the shard alone (ghost batch normalization), and dropout has a
key of the shard's own. What the shards give is weighted by their shares of the examples and added
in the order of a binary tree:

    ((g0 + g1) + (g2 + g3))        for gradients, changes of the state, and the loss

A process that holds shards 0 and 1 adds them by itself, and the tree is still the same. So the bits
depend on the number of shards, which is part of the training, and not on the number of processes,
which only says who computes what. One process alone is the same function without messages.

Source of ghost batch normalization: Hoffer et al., "Train longer, generalize better", NeurIPS 2017.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from toolz import identity

from fnn import tree
from fnn.arrays import Array
from fnn.data.batches import Augment, batch_rows, make_batch
from fnn.errors import whole
from fnn.kernels.memory import empty
from fnn.kernels.threads import cut, each
from fnn.keys import AUGMENT, Key, child
from fnn.layers.layer import Layer
from fnn.optim.transforms import Optimizer
from fnn.train import (
    Batch,
    Loss,
    Step,
    TrainState,
    check_parts,
    check_step,
    loss_and_grads,
    train_step,
    updated,
)
from fnn.tree import Tree

KEYED = {"key", "count"}  # a node of the state that makes random choices, such as dropout's


class Group(NamedTuple):
    """The processes that train together: which one this is, how many there are, and their sum.

    `size` is a power of two. `add(vector)` is the sum over all processes in the order of the tree,
    with the same bits on each; it does not change the vector.
    """

    rank: int
    size: int
    add: Callable[[Array], Array]


ALONE = Group(0, 1, identity)
"""The group of one process that trains by itself."""


class Shard(NamedTuple):
    """A part of a batch: its number, its share of the examples, its input and its labels."""

    number: int
    share: float
    x: Array
    labels: Array


ShardStep: TypeAlias = Callable[[TrainState, Sequence[Shard]], TrainState]


def sharded_step(
    net: Layer, loss: Loss, optimizer: Optimizer, shards: int = 4, group: Group = ALONE
) -> Step:
    """`train_step` for batches in `shards` parts, which the processes of `group` share out.

    Every process is given the whole batch and computes its own shards. With one shard it is
    `train_step` itself. Floats in a layer's state become the mean over the shards; its other values
    must not depend on the examples. The loss of a batch is the mean over its examples, so one that
    weights classes or ignores a label weights them within each shard. Raises ValueError unless
    `shards` is a power of two, and `group.size` divides it.
    """
    own = own_shards(shards, group)
    if shards == 1:
        return train_step(net, loss, optimizer)
    step = shard_step(net, loss, optimizer, group)

    def of_all(ts: TrainState, batch: Batch) -> TrainState:
        check_step(ts, batch)
        if len(batch[0]) != len(batch[1]):  # a shard would not see it
            found = f"{len(batch[0])} examples and {len(batch[1])} labels"
            raise ValueError(f"step: expected as many labels as examples, found {found}")
        parts = spans(len(batch[1]), shards)
        return step(ts, [Shard(i, part, *(a[here] for a in batch)) for i, part, here in parts[own]])

    return of_all


def shard_step(net: Layer, loss: Loss, optimizer: Optimizer, group: Group = ALONE) -> ShardStep:
    """The training step of a process that is given its own shards of a batch alone."""
    check_parts(net, loss, optimizer)

    def one(ts: TrainState, shard: Shard) -> tuple[Array, Tree]:
        numbered = tree.map_nodes(
            lambda node: {**node, "key": child(node["key"], shard.number)}, KEYED, ts.state
        )
        value, grads, after = loss_and_grads(net, loss, ts.params, numbered, shard.x, shard.labels)
        # The changes of the state are added, not its values: what stays the same stays to the bit.
        moved = [b - a for a, b in zip(floats(ts.state), floats(after), strict=True)]
        vector = joined([*floats(grads), *moved, value])
        vector *= shard.share
        return vector if shard.share else np.zeros_like(vector), after

    def step(ts: TrainState, own: Sequence[Shard]) -> TrainState:
        vectors, after = zip(*each(lambda shard: one(ts, shard), own), strict=True)
        total = group.add(tree_sum(vectors))
        grads, left = put(ts.params, total, lambda old, new: new)
        # Counts are those of any shard; keys are the whole's.
        kept = tree.map_nodes(
            lambda new, old: {**new, "key": old["key"]}, KEYED, after[0], ts.state
        )
        state, left = put(ts.state, left, operator.add, kept)
        params, opt_state = updated(optimizer, ts, grads)
        return TrainState(params, state, opt_state, float(left[0]))

    return step


def sharded_batches(
    rng: Key,
    x: Array,
    labels: Array,
    batch_size: int,
    shards: int,
    group: Group = ALONE,
    prepare: Callable[[Array], Array] | None = None,
    augment: Augment | None = None,
    first: int = 0,
) -> Iterator[list[Shard]]:
    """One epoch of batches as `fnn.batches` makes them, of each this process's shards alone.

    Each shard is augmented with a key of its own. Raises what `fnn.batches` and `sharded_step` do.
    """
    own = own_shards(shards, group)

    def made(number: int, rows: Array) -> Iterator[Shard]:
        for i, share, here in spans(len(rows), shards)[own]:
            key = child(rng, AUGMENT, number, i)
            yield Shard(i, share, *make_batch(key, x, labels, rows[here], prepare, augment))

    every = batch_rows(rng, x, labels, batch_size, first)
    return (list(made(number, rows)) for number, rows in every)


def own_shards(shards: int, group: Group) -> slice:
    """The numbers of this process's shards, neighbors in the tree."""
    check_shards(shards, group.size)
    own = shards // group.size
    return slice(group.rank * own, (group.rank + 1) * own)


def check_shards(shards: int, processes: int) -> None:
    """Raise ValueError unless so many processes can share out so many shards."""
    shards = whole("shards", shards)
    if shards & (shards - 1):
        raise ValueError(f"expected a number of shards of 1, 2, 4, 8, ..., found {shards}")
    if shards % processes:
        raise ValueError(
            f"expected a number of processes that divides the {shards} shards, found {processes}"
        )


def spans(n: int, shards: int) -> list[tuple[int, float, slice]]:
    """For each shard of a batch of n: its number, its share and its examples.

    No shard has one example alone, which has no variance, unless the batch has no more. A shard
    without examples repeats the first one with the share 0.

    >>> spans(4, 4)[1:]
    [(1, 0.5, slice(2, 4, None)), (0, 0.0, slice(0, 2, None)), (0, 0.0, slice(0, 2, None))]
    """
    parts = [slice(*part) for part in cut(n, min(shards, max(1, n // 2)))]
    filled = [(i, (part.stop - part.start) / n, part) for i, part in enumerate(parts)]
    return filled + [(0, 0.0, parts[0])] * (shards - len(parts))


def tree_sum(parts: Sequence[Array]) -> Array:
    """The sum of a power of two of arrays: neighbors first.

    >>> tree_sum([1e8, 1.0, -1e8, 1.0])  # (1e8 + 1) + (-1e8 + 1)
    2.0
    """
    while len(parts) > 1:
        parts = [a + b for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def is_float(leaf: Any) -> bool:
    if isinstance(leaf, np.ndarray):
        return bool(leaf.dtype.kind == "f")
    return isinstance(leaf, float | np.floating)


def floats(t: Tree) -> list[Any]:
    """The leaves of a tree that are floats or arrays of them."""
    return [leaf for leaf in tree.leaves(t) if is_float(leaf)]


def joined(parts: Sequence[Any]) -> Array:
    """Arrays and numbers as one vector, of the widest type among the arrays."""
    kind = np.result_type(np.float32, *(a.dtype for a in parts if isinstance(a, np.ndarray)))
    vector = empty((sum(np.size(a) for a in parts),), kind)
    return np.concatenate([np.ravel(a) for a in parts], out=vector, casting="same_kind")


def put(
    t: Tree, vector: Array, f: Callable[[Any, Any], Any], others: Tree | None = None
) -> tuple[Tree, Array]:
    """`t` with f(leaf, its part of the vector) for each float leaf, and the rest of the vector.

    Leaves that are not floats are taken from `others`, a tree like `t`.
    """
    place = 0

    def leaf(old: Any, other: Any) -> Any:
        nonlocal place
        if not is_float(old):
            return other
        part = vector[place : place + np.size(old)].reshape(np.shape(old))
        place += part.size
        new = f(old, part)
        return new.astype(old.dtype, copy=False) if isinstance(old, np.ndarray) else float(new)

    made = tree.map(leaf, t, t if others is None else others)
    return made, vector[place:]
