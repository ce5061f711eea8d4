"""Recipes: options of fnn-train that belong together."""

from __future__ import annotations

from typing import Any, NamedTuple

from fnn.training.choices import DEFAULTS


class Recipe(NamedTuple):
    """A few words about a recipe, and its options: `options._replace(**recipe.options)`."""

    about: str
    options: dict[str, Any]


def _as_it_stands(model: str) -> dict[str, Any]:
    """A model's own defaults, made explicit, so that another rate does not change the schedule.

    All but its shards, since there are at least as many as processes.
    """
    usual = DEFAULTS[model]._asdict()
    return {"model": model, **{name: usual[name] for name in usual if name != "shards"}}


_SINGLE = dict(
    _as_it_stands("slim"), epochs=30, optimizer="muon", lr=0.1, momentum=0.6, weight_decay=0.05,
    dropout=0.4, augment="mild", views="shifted", shards=2,
)  # fmt: skip
_SPRINT = dict(
    _as_it_stands("quick"), epochs=1, optimizer="muon", lr=0.3, schedule="linear", momentum=0.6,
    weight_decay=0.1, shards=2,
)  # fmt: skip
_MLP = {
    "model": "mlp", "hidden": 800, "activation": "relu", "batch_norm": True,
    "optimizer": "nesterov", "schedule": "one-cycle",
}  # fmt: skip
# After Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv:2404.00498, and the form of
# it with Muon, which keeps each filter's norm; here, a decay holds them. Two shards are faster.
_CIFAR10 = dict(
    _as_it_stands("air"), data="cifar10", optimizer="muon", lr=0.2, schedule="linear",
    momentum=0.6, weight_decay=0.08, beta_rate=100.0, label_smoothing=0.2, shards=2,
    lookahead=True, alternating_flip=True, augment="shift-reflected", views="mirrored",
)  # fmt: skip
# In longer trainings lower rates are better, and images may move farther.
_LONGER = dict(
    _CIFAR10, width=64, epochs=11, lr=0.1, weight_decay=0.05, beta_rate=200.0,
    augment="shift-reflected-3",
)  # fmt: skip

# What these mean, and which values are good, depends on the optimizer.
_OF_THE_OPTIMIZER = ("lr", "momentum", "weight_decay")

RECIPES = {
    "mlp": Recipe(
        "one hidden layer of 800 nodes, undistorted images",
        dict(_MLP, epochs=80, batch_size=100, lr=0.1, dropout=0.5, label_smoothing=0.1),
    ),
    "mlp-elastic": Recipe(
        "the same, with distorted images",
        dict(_MLP, epochs=150, batch_size=250, lr=0.2, dropout=0.2, augment="elastic"),
    ),
    "sprint": Recipe("99.2% on MNIST in ten seconds", _SPRINT),
    "single": Recipe("one network for digits, with distorted images and five views", _SINGLE),
    "contest": Recipe(
        "three of them, averaged; two of them learn from more distorted, noisy images",
        dict(_SINGLE, augment="mild/distort,noise/distort,noise", networks=3),
    ),
    "pretrained": Recipe(
        "what comes with fnn: two wider and longer trained networks, for distorted, noisy images",
        dict(_SINGLE, width=56, epochs=60, augment="distort,noise", networks=2, compact=True),
    ),
    "cifar10-quick": Recipe("small color images in minutes", dict(_CIFAR10, width=32, epochs=5)),
    "cifar10": Recipe("the same, wider and longer", _LONGER),
    "cifar10-long": Recipe(
        "the same, deeper and for two and a half hours",
        dict(_LONGER, depth=3, epochs=38, augment="shift-reflected-3,cutout-12"),
    ),
}
"""What `fnn-train --recipe NAME` trains, by name.

The recipes for digits were chosen on the last 10000 training images of MNIST.
"""


def with_recipe(said: dict[str, Any]) -> dict[str, Any]:
    """Options by name, and the others of the recipe that they name, if they name one.

    Another optimizer than the recipe's goes without its learning rate, momentum and weight decay.
    """
    if "recipe" not in said:
        return said
    recipe = RECIPES[said["recipe"]].options
    if said.get("optimizer", recipe["optimizer"]) != recipe["optimizer"]:
        recipe = {name: recipe[name] for name in recipe if name not in _OF_THE_OPTIMIZER}
    return {**recipe, **said}
