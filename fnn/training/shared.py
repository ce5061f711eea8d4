"""Work besides training steps that the processes of a group share out, with the bits of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from toolz import identity

from fnn.arrays import Array
from fnn.layers.layer import Layer
from fnn.shards import ALONE, Group, floats, joined, put
from fnn.train import predict
from fnn.tree import Tree


def shared_predict(
    net: Layer,
    params: Tree,
    state: Tree,
    x: Array,
    group: Group = ALONE,
    prepare: Callable[[Array], Array] = identity,
    batch_size: int = 500,
) -> Array:
    """`fnn.predict`, whose slices the processes of a group share out; each gets all logits."""
    if group.size == 1:
        return predict(net, params, state, x, batch_size, prepare)
    answer = partial(predict, net, params, state, batch_size=batch_size, prepare=prepare)
    return shared_answer(answer, x, group, batch_size)


def shared_answer(
    answer: Callable[[Array], Array], x: Array, group: Group = ALONE, batch_size: int = 500
) -> Array:
    """Logits answer(slice) of slices of x, which the processes share out; each gets all logits."""
    one = answer(x[:1])
    logits = np.zeros((len(x), *one.shape[1:]), one.dtype)
    for i in range(group.rank * batch_size, len(x), group.size * batch_size):
        logits[i : i + batch_size] = answer(x[i : i + batch_size])
    return group.add(logits.ravel()).reshape(logits.shape)


def shared_map(
    f: Callable[[Array], Tree], items: Iterable[Array], group: Group = ALONE
) -> list[Tree]:
    """f of each item, computed by the processes of a group in turn; each gets all results.

    The results are trees alike, whose leaves that are not floats are the same for all items.
    """
    if group.size == 1:
        return [f(item) for item in items]
    own, n = {}, 0
    for n, item in enumerate(items, 1):
        if n == 1 or (n - 1) % group.size == group.rank:  # the first shows all of them the form
            own[n - 1] = f(item)
    if n == 0:
        return []
    first = joined(floats(own[0]))
    rows = np.zeros((n, len(first)), first.dtype)
    for i in range(group.rank, n, group.size):
        rows[i] = joined(floats(own[i]))
    return [
        put(own[0], row, lambda old, new: new)[0]
        for row in group.add(rows.ravel()).reshape(rows.shape)
    ]
