"""Training as a fold: a step maps a state and a batch to the next state.

    step = train_step(net, softmax_cross_entropy, momentum(lr=0.1))
    ts = init_train_state(net, optimizer, rng, shape)
    ts = reduce(step, batches(...), ts)                  an epoch
    states = accumulate(step, batches(...), ts)          the same, one state at a time

`reduce` and `accumulate` are from toolz. A TrainState is immutable: to go back, keep an old one.
"""

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
from toolz import accumulate, drop, identity, reduce

from fnn import keys, tree
from fnn.arrays import Array, Shape
from fnn.kernels.threads import each
from fnn.keys import Key
from fnn.layers.layer import Layer, parameter_grads
from fnn.losses import softmax_cross_entropy
from fnn.metrics import accuracy
from fnn.optim.transforms import Optimizer
from fnn.tree import Tree

T = TypeVar("T")  # what a step learns from: a Batch, or a part of it

Batch: TypeAlias = tuple[Array, Array]
Loss: TypeAlias = Callable[[Array, Array], tuple[float, Array]]


class TrainState(NamedTuple):
    """Everything that training changes, and the loss of the last batch (nan before the first)."""

    params: Tree
    state: Tree
    opt_state: Tree
    loss: float


Step: TypeAlias = Callable[[TrainState, Batch], TrainState]


def init_train_state(net: Layer, optimizer: Optimizer, rng: Key, shape: Shape) -> TrainState:
    """The state before the first step, for examples of `shape` (without the batch axis)."""
    params = net.init(keys.child(rng, keys.PARAMS), shape)
    state = net.state(keys.child(rng, keys.STATE), shape)
    return TrainState(params, state, optimizer.init(params), float("nan"))


def train_step(net: Layer, loss: Loss, optimizer: Optimizer) -> Step:
    """The function (ts, batch) -> ts that trains `net` on one mini-batch (x, labels).

    It takes steps 2 to 8 of the course's procedure in section 4.3.4.
    """

    def step(ts: TrainState, batch: Batch) -> TrainState:
        x, labels = batch
        y, cache = net.apply(ts.params, ts.state, x, True)
        value, dy = loss(y, labels)
        grads = parameter_grads(net, ts.params, cache, dy)
        updates, opt_state = optimizer.update(grads, ts.opt_state)
        params = tree.map(operator.add, ts.params, updates)
        return TrainState(params, cache.state, opt_state, value)

    return step


def epoch(
    step: Callable[[TrainState, T], TrainState], batches: Iterable[T], ts: TrainState
) -> TrainState:
    """The state after a step for every batch."""
    return reduce(step, batches, ts)  # type: ignore[no-any-return]


def states(
    step: Callable[[TrainState, T], TrainState], batches: Iterable[T], ts: TrainState
) -> Iterator[TrainState]:
    """The state after each step, as an iterator that takes a step when asked for the next."""
    return drop(1, accumulate(step, batches, ts))  # type: ignore[no-any-return]


def predict(
    net: Layer,
    params: Tree,
    state: Tree,
    x: Array,
    batch_size: int = 500,
    prepare: Callable[[Array], Array] = identity,
) -> Array:
    """The logits of all examples, (N, C), computed in slices of `batch_size` in test mode.

    `prepare` turns a slice of `x` into the network's input: with `prepare=to_float`, only one slice
    of the images is float in each thread. Raises ValueError for no examples or batch_size < 1.
    """
    if batch_size < 1:
        raise ValueError(f"predict: expected batch_size >= 1, found {batch_size}")
    if len(x) == 0:
        raise ValueError("predict: expected at least one example, found none")
    slices = [x[i : i + batch_size] for i in range(0, len(x), batch_size)]
    return np.concatenate(each(lambda s: net.apply(params, state, prepare(s), False)[0], slices))


class Metrics(NamedTuple):
    """The mean loss per example, and the accuracy in 0..1."""

    loss: float
    accuracy: float


def evaluate(
    net: Layer,
    params: Tree,
    state: Tree,
    x: Array,
    labels: Array,
    loss: Loss = softmax_cross_entropy,
    batch_size: int = 500,
    prepare: Callable[[Array], Array] = identity,
) -> Metrics:
    """The mean loss and the accuracy over all examples, in slices and in test mode.

    Every example has the same weight, even in a shorter last slice. Arguments as for `predict`.
    """
    logits = predict(net, params, state, x, batch_size, prepare)
    return Metrics(loss(logits, labels)[0], accuracy(logits, labels))
