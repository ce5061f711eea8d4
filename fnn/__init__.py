"""fnn: image-recognition networks made of nothing but pure functions on NumPy arrays.

Layers       `conv` `dense` `depthwise_conv` `dropout` `flatten` `identity` `scaled` `whiten`
  activation `gelu` `relu` `sigmoid` `silu`
  pooling    `avg_pool` `global_avg_pool` `global_max_pool` `max_pool`
  norm       `batch_norm` `group_norm` `layer_norm` `recalibrate` `with_whitening`
  of layers  `concatenate` `ensemble` `freeze` `parallel` `residual` `serial` `weight_decay`
  your own   `Layer` `Cache` `Made` `constructor` `initializers` `parameter_grads`
             `check_pure` `check_vjp`
Losses       `softmax_cross_entropy` `log_softmax` `softmax`
Metrics      `accuracy` `confusion` `f1` `precision` `recall`
Optimizers   `adadelta` `adagrad` `adam` `adamw` `momentum` `muon` `nesterov` `rmsprop` `sgd`
  around     `ema` `ema_params` `lookahead` `schedules`
  your own   `Optimizer` `by_leaf` `chain` `clip_by_global_norm` `decoupled_decay` `orthogonal`
             `orthogonalize` `scale` `scale_leaves` `trace`
Training     `train_step` `TrainState` `init_train_state` `epoch` `states` `evaluate` `predict`
  whole      `training`, the trainer as a library
  processes  `sharded_step` `Group` `ALONE` `mpi`
Data         `open_data` `Reading` `load_mnist` `load_cifar10` `batches` `to_float` `augment`
  in files   `digit_image` `digit_images` `read_dump` `read_idx` `read_images`
Networks     `models` `summary` `describe` `rebuild`
  in files   `save_recognizer` `load_recognizer` `pretrained` `Recognizer` `Spec`
  at work    `recognize` `views`
  elsewhere  `to_onnx` `export`
Pictures     `plots`, of images, answers, mistakes and trainings
Trees        `tree` `save` `load`; `keys`, of random choices
Errors       `InputError`

`help(fnn.conv)` explains one of them, and README.md how they go together.
"""

__version__ = "0.2.0"  # the build reads this literal without importing fnn

from fnn import export, keys, models, mpi, plots, training, tree
from fnn.check import check_pure, check_vjp
from fnn.data import augment
from fnn.data.batches import batches, to_float
from fnn.data.catalogue import open_data
from fnn.data.cifar import load_cifar10
from fnn.data.dump import read_dump
from fnn.data.idx import read_idx
from fnn.data.mnist import load_mnist
from fnn.data.pictures import read_images
from fnn.data.reading import Reading
from fnn.errors import InputError
from fnn.export.model import to_onnx
from fnn.files.checkpoint import load, save
from fnn.handwriting.digit_image import digit_image, digit_images
from fnn.layers import initializers
from fnn.layers.activation import gelu, relu, scaled, sigmoid, silu
from fnn.layers.combine import concatenate, ensemble, parallel, residual, serial, weight_decay
from fnn.layers.conv import conv, depthwise_conv
from fnn.layers.dense import dense
from fnn.layers.dropout import dropout
from fnn.layers.example_norm import group_norm, layer_norm
from fnn.layers.freeze import freeze
from fnn.layers.layer import Cache, Layer, constructor, parameter_grads
from fnn.layers.made import Made
from fnn.layers.norm import batch_norm, recalibrate
from fnn.layers.pool import avg_pool, global_avg_pool, global_max_pool, max_pool
from fnn.layers.reshape import flatten, identity
from fnn.layers.whiten import whiten, with_whitening
from fnn.losses import log_softmax, softmax, softmax_cross_entropy
from fnn.metrics import accuracy, confusion, f1, precision, recall
from fnn.models import Spec
from fnn.models.description import describe, rebuild
from fnn.optim import schedules
from fnn.optim.averages import ema, ema_params, lookahead
from fnn.optim.decay import decoupled_decay
from fnn.optim.muon import by_leaf, muon, orthogonal, orthogonalize
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
    "Cache", "Layer", "Made", "avg_pool", "batch_norm", "concatenate", "constructor", "conv",
    "dense", "depthwise_conv", "dropout", "ensemble", "flatten", "freeze", "gelu",
    "global_avg_pool", "global_max_pool", "group_norm", "identity", "initializers", "layer_norm",
    "max_pool", "parallel", "parameter_grads", "recalibrate", "relu", "residual", "scaled",
    "serial", "sigmoid", "silu", "weight_decay", "whiten", "with_whitening",
    # losses and metrics
    "accuracy", "confusion", "f1", "log_softmax", "precision", "recall", "softmax",
    "softmax_cross_entropy",
    # optimizers
    "Optimizer", "adadelta", "adagrad", "adam", "adamw", "by_leaf", "chain",
    "clip_by_global_norm", "decoupled_decay", "ema", "ema_params", "lookahead", "momentum", "muon",
    "nesterov", "orthogonal", "orthogonalize", "rmsprop", "scale", "scale_leaves", "schedules",
    "sgd", "trace",
    # training
    "ALONE", "Group", "TrainState", "epoch", "evaluate", "init_train_state", "mpi", "predict",
    "sharded_step", "states", "train_step", "training",
    # data
    "Reading", "augment", "batches", "digit_image", "digit_images", "load_cifar10", "load_mnist",
    "open_data",
    "read_dump", "read_idx", "read_images", "to_float",
    # networks
    "Recognizer", "Spec", "describe", "export", "load", "load_recognizer", "models", "pretrained",
    "rebuild", "recognize", "save", "save_recognizer", "summary", "to_onnx", "views",
    # the rest
    "InputError", "__version__", "check_pure", "check_vjp", "keys", "plots", "tree",
]  # fmt: skip


def __getattr__(name: str) -> object:
    from fnn.errors import did_you_mean

    raise AttributeError(f"fnn has no {name!r}{did_you_mean(name, __all__)}")
