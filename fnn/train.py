"""Training as a fold: a step maps a state and a batch to the next state.

    step = train_step(net, softmax_cross_entropy, momentum(lr=0.1))
    ts = init_train_state(net, optimizer, rng, shape)
    ts = reduce(step, batches(...), ts)                  an epoch
    states = accumulate(step, batches(...), ts)          the same, one state at a time

`reduce` and `accumulate` are from toolz. A TrainState is immutable: to go back, keep an old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
from toolz import accumulate, drop, identity, reduce

from fnn import keys, tree
from fnn.arrays import Array, Shape, check_array
from fnn.errors import kind, whole
from fnn.kernels.threads import each
from fnn.keys import Key
from fnn.layers.checks import check_dy, check_layers
from fnn.layers.layer import Layer, parameter_grads
from fnn.losses import softmax_cross_entropy
from fnn.metrics import accuracy
from fnn.optim.transforms import Optimizer, check_optimizers
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
    check_layers("init_train_state", net)
    check_optimizers("init_train_state", optimizer)
    if not isinstance(shape, tuple | list):
        raise TypeError(f"init_train_state: expected a shape such as (28, 28, 1), found {shape!r}")
    shape = tuple(whole("init_train_state: shape", side) for side in shape)
    params = net.init(keys.child(rng, keys.PARAMS), shape)
    state = net.state(keys.child(rng, keys.STATE), shape)
    return TrainState(params, state, optimizer.init(params), float("nan"))


def train_step(net: Layer, loss: Loss, optimizer: Optimizer) -> Step:
    """The function (ts, batch) -> ts that trains `net` on one mini-batch (x, labels).

    It takes steps 2 to 8 of the course's procedure in section 4.3.4. With float64 x, parameters and
    gradients become float64, which takes 1.8 times the time: `to_float` gives float32.
    Raises TypeError or ValueError for a batch, parameters or a state that do not fit the network.

    >>> from fnn.layers.dense import dense
    >>> from fnn.optim.optimizers import sgd
    >>> net, optimizer = dense(2), sgd(lr=1.0)
    >>> step = train_step(net, softmax_cross_entropy, optimizer)
    >>> ts = init_train_state(net, optimizer, rng=0, shape=(3,))
    >>> batch = np.eye(3, dtype=np.float32), np.array([0, 1, 1])
    >>> step(step(ts, batch), batch).loss < step(ts, batch).loss
    True
    """
    check_parts(net, loss, optimizer)

    def step(ts: TrainState, batch: Batch) -> TrainState:
        check_step(ts, batch)
        value, grads, state = loss_and_grads(net, loss, ts.params, ts.state, *batch)
        params, opt_state = updated(optimizer, ts, grads)
        return TrainState(params, state, opt_state, value)

    return step


def check_step(ts: TrainState, batch: Batch) -> None:
    """Raise TypeError unless these are the arguments of a step, in its order."""
    if not isinstance(ts, TrainState) or not isinstance(batch, tuple | list) or len(batch) != 2:
        found = f"{kind(ts)} and {kind(batch)}"
        raise TypeError(f"step(ts, batch): expected a TrainState and (x, labels), found {found}")


def check_parts(net: Layer, loss: Loss, optimizer: Optimizer) -> None:
    """Raise TypeError unless these are the arguments of `train_step`, in its order."""
    check_layers("train_step(net, loss, optimizer)", net)
    if not callable(loss):
        raise TypeError(f"train_step(net, loss, optimizer): expected a loss, found {kind(loss)}")
    check_optimizers("train_step(net, loss, optimizer)", optimizer)


def loss_and_grads(
    net: Layer, loss: Loss, params: Tree, state: Tree, x: Array, labels: Array
) -> tuple[float, Tree, Tree]:
    """The loss of a batch, its gradients by the parameters, and the network's state after it.

    Raises TypeError or ValueError unless the loss gives a number, and a gradient like the logits.
    """
    y, cache = net.apply(params, state, x, True)
    result = loss(y, labels)
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"loss: expected (value, gradient of the logits), found {kind(result)}")
    value, dy = result
    check_dy("loss", dy, y.shape)
    if dy.dtype != y.dtype:
        raise TypeError(
            f"loss: the gradient is {dy.dtype} and the logits {y.dtype}, so the parameters would "
            "change their type: return dy.astype(y.dtype)"
        )
    return value, parameter_grads(net, params, cache, dy), cache.state


def updated(optimizer: Optimizer, ts: TrainState, grads: Tree) -> tuple[Tree, Tree]:
    """The parameters and the optimizer's state after a step along the gradients."""
    try:
        updates, opt_state = optimizer.update(grads, ts.opt_state)
        return tree.map(_added, ts.params, updates), opt_state
    except (TypeError, ValueError, KeyError):
        fresh = optimizer.init(ts.params)
        if tree.map(np.shape, fresh) != tree.map(np.shape, ts.opt_state):
            raise ValueError(
                "step: opt_state is another optimizer's or another network's: "
                "init_train_state(net, optimizer, ...) makes this one's"
            ) from None
        raise


def _added(p: Array, update: Array) -> Array:
    if p.shape != update.shape:
        raise ValueError(f"step: an update has shape {update.shape}, its parameters {p.shape}")
    return p + update


def epoch(
    step: Callable[[TrainState, T], TrainState], batches: Iterable[T], ts: TrainState
) -> TrainState:
    """The state after a step for every batch.

    Raises ValueError if there is none: an iterator of `fnn.batches` is spent after one epoch.
    """
    if not callable(step) or not isinstance(batches, Iterable):
        found = f"{kind(step)} and {kind(batches)}"
        raise TypeError(f"epoch(step, batches, ts): expected a step and batches, found {found}")
    every = iter(batches)
    first = next(every, None)
    if first is None:
        raise ValueError(
            "epoch: found no batch: batches(...) gives one epoch; call it again for the next, "
            "with another key"
        )
    return reduce(step, every, step(ts, first))  # type: ignore[no-any-return]


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
    of the images is float in each thread. (float64 images take 1.8 times the time of `to_float`'s.)
    Raises ValueError for no examples, batch_size < 1, and parameters of another network.
    """
    check_layers("predict", net)
    check_array("predict: x", x)
    batch_size = whole("predict: batch_size", batch_size)
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

    >>> from fnn.layers.reshape import identity
    >>> logits = np.array([[0.0, 0.0], [0.0, 99.0]])
    >>> evaluate(identity(), {}, {}, logits, np.array([0, 1]))
    Metrics(loss=0.34657359027997264, accuracy=1.0)
    """
    check_array("evaluate: labels", labels)
    logits = predict(net, params, state, x, batch_size, prepare)
    return Metrics(loss(logits, labels)[0], accuracy(logits, labels))
