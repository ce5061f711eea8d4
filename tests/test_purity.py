"""Public functions change nothing in the process, BLAS threads above all."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import fnn
from fnn import training
from fnn.data.synthetic import digits

IMAGES = digits(0, 60)
X, LABELS = fnn.to_float(IMAGES.images), IMAGES.labels
ROWS = X.reshape(60, -1)
NET = fnn.serial(fnn.conv(4), fnn.batch_norm(), fnn.relu(), fnn.flatten(), fnn.dense(10))
PARAMS, STATE = NET.init(0, (28, 28, 1)), NET.state(0, (28, 28, 1))
LOGITS, CACHE = NET.apply(PARAMS, STATE, X, True)
DY = np.ones_like(LOGITS)
COUNTS = np.eye(10, dtype=int)
JOB = training.Job(NET, fnn.sgd(), IMAGES, test=IMAGES, epochs=1, batch_size=20)


def used(layer, x=X):
    """A layer's functions, called."""
    params, state = layer.init(0, x.shape[1:]), layer.state(0, x.shape[1:])
    y, cache = layer.apply(params, state, x, True)
    layer.vjp(params, cache, np.ones_like(y))
    fnn.parameter_grads(layer, params, cache, np.ones_like(y))
    layer.apply(params, state, x, False)


def updated(optimizer):
    """An optimizer's functions, called."""
    optimizer.update(PARAMS, optimizer.init(PARAMS))


def stepped(shards=1):
    step = fnn.sharded_step(NET, fnn.softmax_cross_entropy, fnn.sgd(), shards)
    if shards == 1:
        step = fnn.train_step(NET, fnn.softmax_cross_entropy, fnn.sgd())
    ts = fnn.init_train_state(NET, fnn.sgd(), 0, (28, 28, 1))
    ts = fnn.epoch(step, fnn.batches(0, *IMAGES, 20, fnn.to_float), ts)
    list(fnn.states(step, fnn.batches(0, *IMAGES, 20, fnn.to_float), ts))


def kept(tmp):
    fnn.save(tmp / "t.npz", {"params": PARAMS})
    fnn.load(tmp / "t.npz")
    spec = fnn.Spec("mlp", (28, 28, 1), 10, {"hidden": 3})
    net = fnn.models.build(spec)
    fnn.save_recognizer(tmp / "r.npz", spec, net.init(0, spec.shape), net.state(0, spec.shape))
    fnn.recognize(fnn.load_recognizer(tmp / "r.npz"), IMAGES.images)


def exported():
    pytest.importorskip("onnx", reason="ONNX is not installed: pip install onnx")
    fnn.to_onnx(NET, PARAMS, STATE, (28, 28, 1))


def read(tmp):
    for load in (fnn.load_mnist, fnn.load_cifar10):
        with pytest.raises(fnn.InputError):
            load(tmp)


def read_files(tmp):
    np.save(tmp / "x.npy", IMAGES.images[:3])
    (tmp / "x.idx").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 5, 6]))
    return fnn.read_dump(tmp / "x.npy"), fnn.read_idx(tmp / "x.idx")


def read_pictures(tmp):
    with pytest.raises(fnn.InputError):
        fnn.read_images([tmp / "absent.png"], 8)


WHITE = fnn.whiten(2)
LAYERS = "avg_pool batch_norm depthwise_conv flatten gelu global_avg_pool global_max_pool identity "
LAYERS += "layer_norm max_pool relu sigmoid silu whiten"
OPTIMIZERS = "adadelta adagrad adam adamw momentum muon nesterov rmsprop sgd"
CALLS = {
    **{name: lambda tmp, name=name: used(getattr(fnn, name)()) for name in LAYERS.split()},
    **{name: lambda tmp, name=name: updated(getattr(fnn, name)()) for name in OPTIMIZERS.split()},
    "accuracy confusion f1 precision recall": lambda tmp: [
        fnn.accuracy(LOGITS, LABELS),
        fnn.confusion(LABELS, LABELS, 10),
        *(figure(COUNTS) for figure in (fnn.f1, fnn.precision, fnn.recall)),
    ],
    "batches epoch init_train_state states to_float train_step": lambda tmp: stepped(),
    "sharded_step": lambda tmp: stepped(2),
    "chain clip_by_global_norm scale scale_leaves trace": lambda tmp: updated(
        fnn.chain(
            fnn.clip_by_global_norm(1.0),
            fnn.scale(0.1),
            fnn.scale_leaves({"b": 2.0}),
            fnn.trace(0.9),
        )
    ),
    "by_leaf orthogonal orthogonalize": lambda tmp: [
        updated(fnn.by_leaf(lambda p: p.ndim > 1, fnn.orthogonalize(), fnn.scale(0.1))),
        fnn.orthogonal(LOGITS),
    ],
    "decoupled_decay": lambda tmp: updated(fnn.decoupled_decay(0.1)),
    "ema ema_params lookahead": lambda tmp: [
        updated(fnn.lookahead(fnn.ema(fnn.sgd(), 0.9))),
        fnn.ema_params(fnn.ema(fnn.sgd(), 0.9).init(PARAMS)),
    ],
    "check_pure": lambda tmp: fnn.check_pure(fnn.conv(3), (8, 8, 13)),
    "check_vjp": lambda tmp: fnn.check_vjp(fnn.conv(3), (8, 8, 2)),
    "conv": lambda tmp: [used(fnn.conv(20, method=m)) for m in ("im2col", "shifted", "winograd")],
    "dense": lambda tmp: used(fnn.dense(2000), ROWS),
    "digit_image digit_images": lambda tmp: [
        read(255 - np.pad(IMAGES.images[0], 20)) for read in (fnn.digit_image, fnn.digit_images)
    ],
    "dropout": lambda tmp: used(fnn.dropout(0.5)),
    "concatenate": lambda tmp: used(fnn.concatenate(fnn.conv(2), fnn.relu())),
    "group_norm": lambda tmp: used(fnn.serial(fnn.conv(4), fnn.group_norm(2))),
    "constructor describe freeze rebuild": lambda tmp: used(
        fnn.rebuild(fnn.describe(fnn.freeze(fnn.serial(fnn.constructor(fnn.relu)()), 1)))
    ),
    "ensemble parallel residual serial weight_decay": lambda tmp: used(
        fnn.weight_decay(fnn.ensemble(fnn.serial(fnn.residual(fnn.conv(1)), fnn.relu())), 0.1)
    ),
    "evaluate predict": lambda tmp: fnn.evaluate(NET, PARAMS, STATE, X, LABELS),
    "load load_recognizer recognize save save_recognizer": kept,
    "load_cifar10 load_mnist": read,
    "log_softmax softmax softmax_cross_entropy": lambda tmp: [
        fnn.softmax(LOGITS),
        fnn.log_softmax(LOGITS),
        fnn.softmax_cross_entropy(LOGITS, LABELS),
    ],
    "open_data": lambda tmp: fnn.open_data("digits", "test"),
    "parameter_grads": lambda tmp: fnn.parameter_grads(NET, PARAMS, CACHE, DY),
    "pretrained": lambda tmp: fnn.recognize(fnn.pretrained(), IMAGES.images),
    "read_dump read_idx": read_files,
    "read_images": read_pictures,
    "recalibrate": lambda tmp: fnn.recalibrate(NET, PARAMS, STATE, [X]),
    "scaled": lambda tmp: used(fnn.scaled(2.0)),
    "to_onnx": lambda tmp: exported(),
    "summary": lambda tmp: fnn.summary(NET, (28, 28, 1)),
    "with_whitening": lambda tmp: fnn.with_whitening(WHITE.state(0, (28, 28, 1)), X),
    "training": lambda tmp: [list(training.train(JOB)), list(training.run(JOB, tmp / "run"))],
}


def process():
    """What a call must leave as it is."""
    return {
        "BLAS": {lib["filepath"]: lib["num_threads"] for lib in threadpool_info()},
        "errors": np.geterr(),
        "environment": dict(os.environ),
        "NumPy's random state": pickle.dumps(np.random.get_state()),  # noqa: NPY002
        "directory": os.getcwd(),
    }


@pytest.mark.parametrize("names", CALLS)
def test_a_call_changes_nothing_in_the_process(tmp_path, names):
    with threadpool_limits(limits=3, user_api="blas"):  # one thread could be the call's own doing
        before = process()
        CALLS[names](tmp_path)
        assert process() == before


def test_every_public_function_is_in_the_table():
    functions = {
        name
        for name in fnn.__all__
        if callable(getattr(fnn, name)) and not isinstance(getattr(fnn, name), type)
    }
    assert functions <= {name for names in CALLS for name in names.split()}


BEFORE_AND_AFTER = """
import hashlib
import numpy as np
import fnn

def bits():
    draw = np.random.default_rng(0)
    x = draw.random((300, 784), np.float32)
    layer = fnn.dense(500)
    params = layer.init(0, (784,))
    y, cache = layer.apply(params, {}, x, True)
    dx, grads = layer.vjp(params, cache, y)
    return hashlib.sha256(b"".join(a.tobytes() for a in (y, dx, grads["W"]))).hexdigest()

before = bits()
conv = fnn.conv(40)
x = fnn.keys.generator(0).random((50, 28, 28, 16), np.float32)
conv.apply(conv.init(0, (28, 28, 16)), {}, x, True)
print(before, before == bits())
"""


def test_dense_gives_the_same_bits_before_and_after_a_convolution():
    printed = {
        subprocess.check_output(
            [sys.executable, "-c", BEFORE_AND_AFTER],
            env={**os.environ, "FNN_THREADS": n, "OPENBLAS_NUM_THREADS": n},
            text=True,
        )
        for n in ("1", "2", "3")
    }
    assert len(printed) == 1, "the number of threads decides the bits"
    assert printed.pop().split()[1] == "True"


def setting(limit):
    """A layer that does nothing but set BLAS threads."""
    one = fnn.identity()

    def apply(params, state, x, train):
        threadpool_limits(limits=limit, user_api="blas")
        return one.apply(params, state, x, train)

    return one._replace(apply=apply)


@pytest.mark.parametrize("limit", [1, 2])
def test_a_layer_that_sets_blas_threads_is_not_pure(limit):
    held = threadpool_limits(limits=1, user_api="blas")
    with held, pytest.raises(AssertionError, match="BLAS threads"):
        fnn.check_pure(setting(limit), (3,))
