"""fnn: image-recognition networks made of nothing but pure functions on NumPy arrays."""

__version__ = "0.1.0"  # setuptools reads this literal without importing fnn

from fnn import keys, models, training, tree
from fnn.check import check_pure, check_vjp
from fnn.data import augment
from fnn.data.batches import batches, to_float
from fnn.data.catalogue import open_data
from fnn.data.cifar import load_cifar10
from fnn.data.mnist import load_mnist
from fnn.errors import InputError
from fnn.files.checkpoint import load, save
from fnn.handwriting.digit_image import digit_image
from fnn.layers import initializers
from fnn.layers.activation import gelu, relu, scaled, sigmoid
from fnn.layers.combine import ensemble, parallel, residual, serial, weight_decay
from fnn.layers.conv import conv
from fnn.layers.dense import dense
from fnn.layers.dropout import dropout
from fnn.layers.layer import Cache, Layer, parameter_grads
from fnn.layers.norm import batch_norm, recalibrate
from fnn.layers.pool import avg_pool, global_avg_pool, global_max_pool, max_pool
from fnn.layers.reshape import flatten, identity
from fnn.layers.whiten import whiten, with_whitening
from fnn.losses import log_softmax, softmax, softmax_cross_entropy
from fnn.metrics import accuracy, confusion, f1, precision, recall
from fnn.models import Spec
from fnn.optim import schedules
from fnn.optim.averages import ema, ema_params, lookahead
from fnn.optim.optimizers import adadelta, adagrad, adam, momentum, nesterov, rmsprop, sgd
from fnn.optim.transforms import (
    Optimizer,
    chain,
    clip_by_global_norm,
    scale,
    scale_leaves,
    trace,
)
from fnn.recognizer import tta as views
from fnn.recognizer.recognizer import (
    Recognizer,
    load_recognizer,
    pretrained,
    recognize,
    save_recognizer,
)
from fnn.summary import summary
from fnn.train import (
    TrainState,
    epoch,
    evaluate,
    init_train_state,
    predict,
    states,
    train_step,
)

__all__ = [
    "Cache",
    "InputError",
    "Layer",
    "Optimizer",
    "Recognizer",
    "Spec",
    "TrainState",
    "__version__",
    "accuracy",
    "adadelta",
    "adagrad",
    "adam",
    "augment",
    "avg_pool",
    "batch_norm",
    "batches",
    "chain",
    "check_pure",
    "check_vjp",
    "clip_by_global_norm",
    "confusion",
    "conv",
    "dense",
    "digit_image",
    "dropout",
    "ema",
    "ema_params",
    "ensemble",
    "epoch",
    "evaluate",
    "f1",
    "flatten",
    "gelu",
    "global_avg_pool",
    "global_max_pool",
    "identity",
    "init_train_state",
    "initializers",
    "keys",
    "load",
    "load_cifar10",
    "load_mnist",
    "load_recognizer",
    "log_softmax",
    "lookahead",
    "max_pool",
    "models",
    "momentum",
    "nesterov",
    "open_data",
    "parallel",
    "parameter_grads",
    "precision",
    "predict",
    "pretrained",
    "recalibrate",
    "recall",
    "recognize",
    "relu",
    "residual",
    "rmsprop",
    "save",
    "save_recognizer",
    "scale",
    "scale_leaves",
    "scaled",
    "schedules",
    "serial",
    "sgd",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy",
    "states",
    "summary",
    "to_float",
    "trace",
    "train_step",
    "training",
    "tree",
    "views",
    "weight_decay",
    "whiten",
    "with_whitening",
]
