"""fnn: image-recognition networks made of nothing but pure functions on NumPy arrays."""

__version__ = "0.1.0"  # setuptools reads this literal without importing fnn

from fnn import keys, models, mpi, training, tree
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
from fnn.layers.activation import gelu, relu, scaled, sigmoid, silu
from fnn.layers.combine import concatenate, ensemble, parallel, residual, serial, weight_decay
from fnn.layers.conv import conv, depthwise_conv
from fnn.layers.dense import dense
from fnn.layers.dropout import dropout
from fnn.layers.example_norm import group_norm, layer_norm
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
from fnn.optim.decay import decoupled_decay
from fnn.optim.optimizers import adadelta, adagrad, adam, adamw, momentum, nesterov, rmsprop, sgd
from fnn.optim.transforms import Optimizer, chain, clip_by_global_norm, scale, scale_leaves, trace
from fnn.recognizer import tta as views
from fnn.recognizer.recognizer import (
    Recognizer,
    load_recognizer,
    pretrained,
    recognize,
    save_recognizer,
)
from fnn.shards import ALONE, Group, sharded_step
from fnn.summary import summary
from fnn.train import TrainState, epoch, evaluate, init_train_state, predict, states, train_step

__all__ = [  # by kind
    # layers
    "Cache", "Layer", "avg_pool", "batch_norm", "concatenate", "conv", "dense",
    "depthwise_conv", "dropout", "ensemble", "flatten", "gelu", "global_avg_pool",
    "global_max_pool", "group_norm", "identity", "initializers", "layer_norm",
    "max_pool", "parallel", "parameter_grads", "recalibrate", "relu", "residual",
    "scaled", "serial", "sigmoid", "silu", "weight_decay", "whiten", "with_whitening",
    # losses and metrics
    "accuracy", "confusion", "f1", "log_softmax", "precision", "recall", "softmax",
    "softmax_cross_entropy",
    # optimizers
    "Optimizer", "adadelta", "adagrad", "adam", "adamw", "chain", "clip_by_global_norm",
    "decoupled_decay", "ema", "ema_params", "lookahead", "momentum", "nesterov", "rmsprop", "scale",
    "scale_leaves", "schedules", "sgd", "trace",
    # training
    "ALONE", "Group", "TrainState", "epoch", "evaluate", "init_train_state", "mpi", "predict",
    "sharded_step", "states", "train_step", "training",
    # data
    "augment", "batches", "digit_image", "load_cifar10", "load_mnist", "open_data", "to_float",
    # networks
    "Recognizer", "Spec", "load", "load_recognizer", "models", "pretrained", "recognize",
    "save", "save_recognizer", "summary", "views",
    # the rest
    "InputError", "__version__", "check_pure", "check_vjp", "keys", "tree",
]  # fmt: skip
