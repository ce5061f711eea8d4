"""Mistakes that are easily made: each is one error that says what was found and what to do."""

import inspect
import re

import numpy as np
import pytest

import fnn
from fnn.data import augment
from fnn.optim import schedules

SHAPE = (28, 28, 1)
LOSS = fnn.softmax_cross_entropy
LABELS = fnn.keys.generator(0).integers(0, 10, 6).astype(np.uint8)
IMAGES = fnn.keys.generator(1).integers(0, 256, (6, 28, 28), np.uint8)
X = fnn.to_float(IMAGES)
OPTIMIZER = fnn.momentum(lr=0.1)
NET = fnn.serial(fnn.flatten(), fnn.dense(20), fnn.relu(), fnn.dense(10))
CONV = fnn.serial(fnn.conv(4), fnn.batch_norm(), fnn.max_pool(2), fnn.flatten(), fnn.dense(10))
TS = fnn.init_train_state(NET, OPTIMIZER, 0, SHAPE)
OF_CONV = fnn.init_train_state(CONV, OPTIMIZER, 0, SHAPE)
STEP = fnn.train_step(NET, LOSS, OPTIMIZER)


def refused(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert re.search(words, str(caught.value)), caught.value


# Every way by which parameters enter a network.
ENTRIES = {
    "apply": lambda net, ts, x: net.apply(ts.params, ts.state, x, False),
    "predict": lambda net, ts, x: fnn.predict(net, ts.params, ts.state, x),
    "evaluate": lambda net, ts, x: fnn.evaluate(net, ts.params, ts.state, x, LABELS),
    "train_step": lambda net, ts, x: fnn.train_step(net, LOSS, OPTIMIZER)(ts, (x, LABELS)),
    "sharded_step": lambda net, ts, x: fnn.sharded_step(net, LOSS, OPTIMIZER, 2)(ts, (x, LABELS)),
}


def with_params(ts, **leaves):
    """The state with other leaves in layer 1 (net) or 0 (conv): None leaves one out."""
    i = 1 if ts is TS else 0
    part = {name: leaf for name, leaf in {**ts.params[i], **leaves}.items() if leaf is not None}
    return ts._replace(params={**ts.params, i: part})


def of(size):
    return fnn.conv(4, size=size).init(0, SHAPE)["W"]


WIDE = TS._replace(params=fnn.tree.map(np.float64, TS.params))
NORM = {"mean": np.zeros(5, np.float32), "var": np.ones(5, np.float32)}
OTHERS = {
    "fewer layers": (
        fnn.serial(fnn.flatten(), fnn.dense(30)),
        TS,
        X,
        "params of 2 layers.*0, 1, 2",
    ),
    "another width": (NET, with_params(TS, W=of(5)), X, r"at 1: .*W of shape \(784, 20\).*\(5, 5"),
    "another size": (CONV, with_params(OF_CONV, W=of(5)), X, r"at 0: conv.*\(3, 3.*found \(5, 5"),
    "one bias": (NET, with_params(TS, b=np.zeros(1, np.float32)), X, r"b of .*\(20,\).*\(1,\)"),
    "no bias": (NET, with_params(TS, b=None), X, r"at 1: dense\(20\): params lacks 'b'"),
    "more": (NET, with_params(TS, c=1), X, "at 1: .*has an unknown 'c'"),
    "lists": (NET, with_params(TS, b=[0.0] * 20), X, r"b of shape \(20,\).*found \(\)"),
    "a whole state": (NET, TS._replace(params=TS), X, "keys 0 to 3, found a TrainState"),
    "statistics": (CONV, OF_CONV._replace(state={**OF_CONV.state, 1: NORM}), X, r"at 1: .*\(5,\)"),
    "no state": (CONV, OF_CONV._replace(state=TS.state), X, "state of 5 layers.*found the keys"),
    "no statistics": (CONV, OF_CONV._replace(state={i: {} for i in range(5)}), X, "lacks 'mean'"),
    "channels first": (CONV, OF_CONV, X.transpose(0, 3, 1, 2), r"x\.transpose\(0, 2, 3, 1\)"),
    "no batch axis": (CONV, OF_CONV, X[0], r"found \(28, 1\): .*x\[None\]|28 .* and 6 labels"),
    "no batch axis, flat": (
        NET,
        TS,
        X[0],
        r"without a batch axis \(x\[None\]\)|28 .* and 6 labels",
    ),
}


@pytest.mark.parametrize("enter", ENTRIES.values(), ids=ENTRIES)
@pytest.mark.parametrize(("net", "ts", "x", "words"), OTHERS.values(), ids=OTHERS)
def test_parameters_state_and_images_of_another_network_are_refused(enter, net, ts, x, words):
    refused(lambda: enter(net, ts, x), ValueError, words)


@pytest.mark.parametrize("enter", ENTRIES.values(), ids=ENTRIES)
@pytest.mark.parametrize(
    ("ts", "x", "words"),
    [
        (WIDE, X, r"at 1: dense\(20\): W is float64 and the input float32.*astype\(np\.float32\)"),
        (TS._replace(params=fnn.tree.map(np.float16, TS.params)), X, "W is float16"),
        (TS._replace(params=fnn.tree.map(np.int64, TS.params)), X, "W is int64"),
        (TS, IMAGES, "at 0: .*found uint8: scale images with fnn.to_float"),
    ],
)
def test_types_that_would_change_the_results_type_are_refused(enter, ts, x, words):
    refused(lambda: enter(NET, ts, x), TypeError, words)


def test_the_type_of_the_result_follows_x():
    for x, ts in ((X, TS), (X.astype(np.float64), TS), (X.astype(np.float64), WIDE)):
        assert fnn.predict(NET, ts.params, ts.state, x).dtype == x.dtype
        assert np.isfinite(STEP(ts, (x, LABELS)).loss)


def test_the_place_is_a_path_in_nested_networks():
    net = fnn.serial(fnn.residual(fnn.conv(1)), fnn.flatten())
    params, state = net.init(0, (8, 8, 1)), net.state(0, (8, 8, 1))
    params[0][0][0] = fnn.conv(1, size=5).init(0, (8, 8, 1))
    x = np.ones((2, 8, 8, 1), np.float32)
    refused(lambda: net.apply(params, state, x, True), ValueError, "^at 0/0/0: conv")


SMALLER = fnn.serial(fnn.flatten(), fnn.dense(20), fnn.relu(), fnn.dense(5)).init(0, SHAPE)


@pytest.mark.parametrize(
    ("optimizer", "opt_state"),
    [
        (OPTIMIZER, OF_CONV.opt_state),
        (OPTIMIZER, OPTIMIZER.init(SMALLER)),
        (OPTIMIZER, fnn.adam().init(TS.params)),
        (fnn.adam(), TS.opt_state),
        (fnn.adam(), {}),
    ],
)
def test_an_optimizers_state_of_another_network_or_optimizer_is_refused(optimizer, opt_state):
    step = fnn.train_step(NET, LOSS, optimizer)
    wrong = TS._replace(opt_state=opt_state)
    refused(lambda: step(wrong, (X, LABELS)), ValueError, "opt_state is another.*init_train_state")


def stepped(x, labels):
    STEP(TS, (x, labels))


def evaluated(x, labels):
    fnn.evaluate(NET, TS.params, TS.state, x, labels)


@pytest.mark.parametrize("use", [stepped, evaluated])
@pytest.mark.parametrize(
    ("x", "labels", "error", "words"),
    [
        (X, LABELS.tolist(), TypeError, "labels: expected a NumPy array, found a list"),
        (X.tolist(), LABELS, TypeError, "expected a NumPy array, found a list: use np.asarray"),
        (
            X,
            np.eye(10, dtype=int)[LABELS],
            ValueError,
            r"\(6, 10\) and \(6, 10\): use labels\.argmax",
        ),
        (X, LABELS[:, None], ValueError, r"\(6, 10\) and \(6, 1\): use labels\[:, 0\]"),
        (X, LABELS * 1.0, TypeError, r"found float64: use labels\.astype\(int\)"),
        (X, LABELS[:5], ValueError, r"\(6, 10\) and \(5,\)"),
        (IMAGES, LABELS, TypeError, "uint8: scale images with fnn.to_float"),
    ],
)
def test_images_and_labels_of_the_wrong_kind_are_refused(use, x, labels, error, words):
    refused(lambda: use(x, labels), error, words)


CALLED = "found the function {}: a constructor is called"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fnn.to_float(X), "to_float: expected uint8 images, found float32: leave it out"),
        (lambda: fnn.to_float(IMAGES.tolist()), "to_float: images: .* found a list"),
        (lambda: fnn.serial(fnn.flatten, fnn.dense(3)), "serial: .*" + CALLED.format("flatten")),
        (lambda: fnn.parallel(fnn.relu), CALLED.format("relu")),
        (lambda: fnn.residual(fnn.conv), "residual: .*" + CALLED.format("conv")),
        (lambda: fnn.ensemble([NET, NET]), r"ensemble: .*found a list: unpack it"),
        (lambda: fnn.serial([fnn.relu()]), r"found a list: unpack it, as in serial\(\*layers\)"),
        (lambda: fnn.serial(OPTIMIZER), "expected a layer, found an Optimizer"),
        (lambda: fnn.weight_decay(0.1, NET), "weight_decay: expected a layer, found 0.1"),
        (lambda: fnn.summary(fnn.relu, (3,)), "summary: .*" + CALLED.format("relu")),
        (lambda: fnn.predict(fnn.relu, {}, {}, X), "predict: .*" + CALLED.format("relu")),
        (lambda: fnn.recalibrate(fnn.relu, {}, {"mean": 0, "var": 1}, []), CALLED.format("relu")),
        (lambda: fnn.chain(fnn.sgd), "chain: .*" + CALLED.format("sgd")),
        (lambda: fnn.ema(0.9, OPTIMIZER), "ema: expected an optimizer, found 0.9"),
        (lambda: fnn.lookahead(fnn.sgd), "lookahead: .*" + CALLED.format("sgd")),
        (lambda: fnn.dense(3, init="he"), "expected an initializer, found 'he'"),
        (lambda: fnn.conv(3, init=fnn.initializers.normal), "initializer, found the function"),
        (lambda: augment.compose([augment.flip()]), "compose: .*found a list"),
        (lambda: augment.partly(None, 0.5), "partly: expected an augmentation, found None"),
        (lambda: fnn.train_step(LOSS, NET, OPTIMIZER), r"^train_step\(net, loss, optimizer\): "),
        (lambda: fnn.train_step(NET, OPTIMIZER, LOSS), "expected a loss, found an Optimizer"),
        (lambda: fnn.train_step(NET, LOSS, fnn.sgd), CALLED.format("sgd")),
        (lambda: fnn.sharded_step(LOSS, NET, OPTIMIZER), "expected a layer, found the function"),
        (lambda: fnn.init_train_state(OPTIMIZER, NET, 0, SHAPE), "expected a layer, found an Opt"),
        (lambda: fnn.init_train_state(NET, fnn.sgd, 0, SHAPE), CALLED.format("sgd")),
        (lambda: fnn.init_train_state(NET, OPTIMIZER, 0, 784), "expected a shape such as"),
        (lambda: fnn.init_train_state(NET, OPTIMIZER, 0, (28.0, 28)), "integer, found 28.0"),
        (lambda: STEP((X, LABELS), TS), r"step\(ts, batch\): .* found a tuple and a TrainState"),
        (lambda: STEP(TS.params, (X, LABELS)), "found a dict and a tuple"),
        (lambda: STEP(TS, X), r"found a TrainState and an array of shape \(6, 28"),
        (lambda: fnn.sharded_step(NET, LOSS, OPTIMIZER)((X, LABELS), TS), "found a tuple and"),
        (lambda: fnn.epoch(STEP, TS, []), r"step\(ts, batch\)"),
        (lambda: fnn.epoch(STEP, fnn.batches, TS), r"epoch\(step, batches, ts\): .* batches"),
        (lambda: fnn.batches(IMAGES, LABELS, 100), r"labels: .* 100.*batches\(key, x, labels"),
        (lambda: fnn.batches(0, IMAGES.tolist(), LABELS), "batches: x: .* found a list"),
        (lambda: fnn.batches(0, IMAGES, LABELS.tolist()), "batches: labels: .* found a list"),
        (lambda: fnn.batches(0, IMAGES, LABELS, fnn.to_float), "batch_size: .*found the function"),
        (lambda: fnn.batches(0, IMAGES, LABELS, prepare=255), "a function for prepare, found 255"),
        (lambda: fnn.momentum(lr="0.1"), "learning rate: expected a number, found '0.1'"),
        (lambda: fnn.sgd(lambda step: "0.1").update({}, {"step": 0}), "number, found '0.1'"),
        (lambda: fnn.sgd(TS.params), "expected a number, found a dict"),
        (
            lambda: fnn.with_whitening(fnn.whiten(2).state(0, SHAPE), IMAGES[..., None]),
            "with_whitening: .*found uint8: .*to_float",
        ),
    ],
)
def test_arguments_of_another_kind_are_refused(call, words):
    refused(call, TypeError, words)


@pytest.mark.parametrize(
    ("loss", "error", "words"),
    [
        (lambda y, labels: 1.0, TypeError, r"expected \(value, gradient.* found 1\.0"),
        (lambda y, labels: (1.0, y[0]), ValueError, r"shape \(6, 10\), found .*\(10,\)"),
        (lambda y, labels: (1.0, np.ones(y.shape)), TypeError, "float64 .* float32.*astype"),
    ],
)
@pytest.mark.parametrize("make", [fnn.train_step, fnn.sharded_step])
def test_a_loss_that_gives_something_else_is_refused(make, loss, error, words):
    parts = 1 if make is fnn.train_step else 4
    batch = (np.concatenate([X] * parts), np.tile(LABELS, parts))
    refused(lambda: make(NET, loss, OPTIMIZER)(TS, batch), error, words)


@pytest.mark.parametrize(
    "make",
    [
        *(fnn.conv, fnn.dense, fnn.dropout, fnn.batch_norm, fnn.scaled, fnn.max_pool, fnn.avg_pool),
        *(fnn.whiten, fnn.sgd, fnn.momentum, fnn.nesterov, fnn.adagrad, fnn.rmsprop, fnn.adadelta),
        *(fnn.adam, fnn.lookahead, fnn.trace, augment.shift, augment.cutout, augment.distort),
        *fnn.models.MODELS.values(),
    ],
    ids=lambda make: make.__name__,
)
def test_a_second_number_without_a_name_is_refused(make):
    first = OPTIMIZER if make is fnn.lookahead else 1
    with pytest.raises(TypeError, match=r"takes .* positional arguments? but"):
        make(first, 1)


WHOLE = {
    "conv filters": lambda n: fnn.conv(n),
    "conv size": lambda n: fnn.conv(1, size=n),
    "conv stride": lambda n: fnn.conv(1, stride=n),
    "conv pad": lambda n: fnn.conv(1, pad=n),
    "dense": lambda n: fnn.dense(n),
    "max_pool": lambda n: fnn.max_pool(n),
    "avg_pool": lambda n: fnn.avg_pool(n),
    "whiten": lambda n: fnn.whiten(n),
    "lookahead": lambda n: fnn.lookahead(OPTIMIZER, every=n),
    "cosine": lambda n: schedules.cosine(0.1, n),
    "step_decay": lambda n: schedules.step_decay(0.1, n),
    "one_cycle": lambda n: schedules.one_cycle(0.1, n),
    "triangular": lambda n: schedules.triangular(0.1, n),
    "slowing": lambda n: schedules.slowing(n),
    "shift": lambda n: augment.shift(n),
    "cutout": lambda n: augment.cutout(n),
    "resnet": lambda n: fnn.models.resnet(depth=n),
    "batches": lambda n: fnn.batches(0, X, LABELS, n),
    "batches first": lambda n: fnn.batches(0, X, LABELS, first=n),
    "predict": lambda n: fnn.predict(NET, TS.params, TS.state, X, batch_size=n),
    "shards": lambda n: fnn.sharded_step(NET, LOSS, OPTIMIZER, n),
    "shape": lambda n: fnn.init_train_state(NET, OPTIMIZER, 0, (n, 28)),
}


@pytest.mark.parametrize("use", WHOLE.values(), ids=WHOLE)
def test_integers_are_integers(use):
    for value in (2.5, 2.0, np.float32(2), True, np.True_, "2", [2]):
        refused(lambda value=value: use(value), TypeError, "expected an integer, found ")
    refused(lambda: use(-1), ValueError, "expected at least [01], found -1")
    for kind in (int, np.int64, np.uint8, np.array):
        use(kind(2))


NUMBERS = {
    "scaled": fnn.scaled,
    "dropout": fnn.dropout,
    "batch_norm eps": lambda v: fnn.batch_norm(eps=v),
    "batch_norm rate": lambda v: fnn.batch_norm(rate=v),
    "weight_decay": lambda v: fnn.weight_decay(NET, v),
    "smoothing": lambda v: LOSS(np.ones((1, 2)), np.array([0]), smoothing=v),
    "with_whitening": lambda v: fnn.with_whitening({}, X, eps=v),
    "ema": lambda v: fnn.ema(OPTIMIZER, v),
    "lookahead": lambda v: fnn.lookahead(OPTIMIZER, alpha=v),
    "scale": fnn.scale,
    "scale_leaves": lambda v: fnn.scale_leaves({"b": v}),
    "trace": fnn.trace,
    "constant": schedules.constant,
    "cosine": lambda v: schedules.cosine(v, 5),
    "step_decay": lambda v: schedules.step_decay(v, 5),
    "step_decay factor": lambda v: schedules.step_decay(0.1, 5, factor=v),
    "one_cycle": lambda v: schedules.one_cycle(v, 5),
    "one_cycle warm_up": lambda v: schedules.one_cycle(0.1, 5, warm_up=v),
    "one_cycle start": lambda v: schedules.one_cycle(0.1, 5, start=v),
    "triangular": lambda v: schedules.triangular(v, 5),
    "triangular end": lambda v: schedules.triangular(0.1, 5, end=v),
    "slowing": lambda v: schedules.slowing(5, v),
    "noise": augment.noise,
    "partly": lambda v: augment.partly(augment.flip(), v),
    "distort degrees": lambda v: augment.distort(degrees=v),
    "distort sigma": lambda v: augment.distort(sigma=v),
    "normal": fnn.initializers.normal,
    "uniform": fnn.initializers.uniform,
    "initial constant": fnn.initializers.constant,
    **{
        f"{make.__name__} {name}": lambda v, make=make, name=name: make(**{name: v})
        for make in (fnn.sgd, fnn.momentum, fnn.adagrad, fnn.rmsprop, fnn.adadelta, fnn.adam)
        for name in inspect.signature(make).parameters
    },
}


@pytest.mark.parametrize("use", NUMBERS.values(), ids=NUMBERS)
def test_numbers_are_finite_numbers(use):
    for value in (float("nan"), float("inf"), np.float32("nan")):
        refused(lambda value=value: use(value), ValueError, f"expected .*found .*{value}")
    for value in ("0.1", True, np.True_, None, [0.1], 1j):
        refused(lambda value=value: use(value), TypeError, "expected a number, found ")
    for kind in (float, np.float64, np.float32, np.array):
        use(kind(0.5))
