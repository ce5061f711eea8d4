"""Train a recipe or a model in PyTorch, to compare: python tests/bench/trainings.py RECIPE

It needs both PyTorch and fnn in one environment. PyTorch gets the same network with the same
initial parameters, and fnn's own batches in the same order with the same augmentation, learning
rates, weight decay, lookahead and, at the end, expectations of batch norm. The remaining
differences are which nodes dropout sets to 0, and that all test images are evaluated in all views.
--epochs 2 stops after two: every epoch takes about the same time. Options of fnn-train for
the network, the images and the rate change the recipe, as in `single --augment mild`.
"""

import argparse
import re
import time

import numpy as np
import torch
from torch import nn

from fnn.cli.program import keep_freed_memory
from fnn.cli.train import parse
from fnn.data.batches import to_float
from fnn.data.catalogue import open_data
from fnn.kernels.threads import count
from fnn.optim.schedules import slowing
from fnn.recognizer.tta import VIEWS, averaged
from fnn.training.assemble import assemble
from fnn.training.choices import DEFAULTS
from fnn.training.loop import begin, expectation_batches, feed
from fnn.training.recipes import RECIPES
from fnn.training.resolve import of_network, resolve


class Rows(nn.Module):
    """Flattens images in fnn's order of axes: H, W, C."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class Scaled(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


def tensor(a):
    return torch.from_numpy(np.array(a))


def with_values(module, weight, bias=None):
    module.weight = nn.Parameter(tensor(weight))
    if bias is not None:
        module.bias = nn.Parameter(tensor(bias))
    return module


def convolution(numbers, params, state, shape):
    filters, size, stride, pad = map(int, numbers)
    conv = nn.Conv2d(shape[2], filters, size, stride, pad, bias="b" in params)
    return with_values(conv, params["W"].transpose(3, 2, 0, 1), params.get("b"))


def whitening(numbers, params, state, shape):
    filters = state["filters"]
    conv = nn.Conv2d(shape[2], filters.shape[3], filters.shape[0])
    with_values(conv, filters.transpose(3, 2, 0, 1), state["shift"]).requires_grad_(False)
    before, after = (len(filters) - 1) // 2, len(filters) // 2
    return nn.Sequential(nn.ReplicationPad2d((before, after, before, after)), conv)


def normalization(numbers, params, state, shape):
    norm = (nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d)(shape[-1])
    norm.weight.requires_grad = "gamma" in params
    return norm


MODULES = {
    "conv": convolution,
    "whiten": whitening,
    "batch_norm": normalization,
    "dense": lambda numbers, params, state, shape: with_values(
        nn.Linear(*params["W"].shape), params["W"].T, params["b"]
    ),
    "global_max_pool": lambda *_: nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten()),
    "max_pool": lambda numbers, *_: nn.MaxPool2d(int(numbers[0])),
    # the course's: kept nodes are not scaled in training, all of them are in testing
    "dropout": lambda numbers, *_: nn.Sequential(
        nn.Dropout(float(numbers[0])), Scaled(1 - float(numbers[0]))
    ),
    "scaled": lambda numbers, *_: Scaled(float(numbers[0])),
    "flatten": lambda *_: Rows(),
    "identity": lambda *_: nn.Identity(),
    "relu": lambda *_: nn.ReLU(),
    "gelu": lambda *_: nn.GELU(approximate="tanh"),
    "sigmoid": lambda *_: nn.Sigmoid(),
}


class Sum(nn.Module):
    def __init__(self, parts):
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x):
        return sum(part(x) for part in self.parts)


def translated(layer, params, state, shape):
    """A layer of fnn, or a network of layers, in PyTorch."""
    if layer.name == "parallel":
        return Sum(
            translated(part, params[i], state[i], shape) for i, part in enumerate(layer.parts)
        )
    if layer.name != "serial":
        kind, numbers = re.match(r"\w+", layer.name)[0], re.findall(r"[\d.]+", layer.name)
        return MODULES[kind](numbers, params, state, shape)
    modules = []
    for i, part in enumerate(layer.parts):
        modules.append(translated(part, params[i], state[i], shape))
        shape = part.shape(shape)
    return nn.Sequential(*modules)


def optimizer_of(net, args):
    """PyTorch's optimizer for gradients with decay and rate already applied, as in fnn.

    Its groups hold each parameter's decay and factor: PyTorch's own rate would also scale the
    momentum accumulated before.
    """
    parts, muon = [], args.optimizer == "muon"
    alpha = args.momentum if args.momentum is not None else 0.95 if muon else 0.9
    for module in net.modules():
        norm = isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
        for name, p in module.named_parameters(recurse=False):
            if p.requires_grad:
                decay = args.weight_decay if name == "weight" and not norm else 0.0
                factor = args.beta_rate if name == "bias" and norm else 1.0
                orthogonal = muon and p.ndim > 1
                momentum = 0.9 if muon and not orthogonal else alpha
                group = {"params": [p], "decay": decay, "factor": factor, "momentum": momentum}
                parts.append({**group, "orthogonal": orthogonal})
    nesterov = {"nesterov": True, "muon": True, "momentum": False}[args.optimizer]
    return torch.optim.SGD(parts, lr=1.0, momentum=0.9, nesterov=nesterov)


def orthogonalized(g):
    """torch.optim.Muon's iteration, in float32 and for filters too, with fnn's factor."""
    x = g.flatten(1)
    tall = x.shape[0] > x.shape[1]
    factor = max(1.0, x.shape[0] / x.shape[1]) ** 0.5
    x = x.T if tall else x
    x = x / x.norm()
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return (x.T if tall else x).reshape(g.shape) * factor


def move(optimizer, rate):
    """A step of all parameters; PyTorch's own leaves out those whose updates are orthogonal."""
    for group in optimizer.param_groups:
        alpha = group["momentum"]
        for p in group["params"]:
            if group["orthogonal"]:
                kept = optimizer.state[p]
                kept["d"] = alpha * kept.get("d", 0) + p.grad
                update = orthogonalized(alpha * kept["d"] + p.grad)
                p.add_(update + group["decay"] * p, alpha=-rate)
                p.grad = None
            else:
                p.grad.add_(p, alpha=group["decay"]).mul_(rate * group["factor"])
    optimizer.step()


def images(x):
    return torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def train(args, job, net, until):
    steps = -(-len(job.train.labels) // args.batch_size)
    alpha = slowing(steps * args.epochs)
    loss = nn.CrossEntropyLoss(label_smoothing=args.label_smoothing)
    optimizer, step = optimizer_of(net, args), 0
    slow = [p.detach().clone() for p in net.parameters()]
    for epoch in range(1, until + 1):
        net.train()
        start = time.perf_counter()
        for part, labels in feed(job, epoch):
            optimizer.zero_grad(set_to_none=True)
            loss(net(images(part)), torch.from_numpy(labels.astype(np.int64))).backward()
            with torch.no_grad():
                move(optimizer, job.rate(step))
            step += 1
            if args.lookahead and step % 5 == 0:
                with torch.no_grad():
                    for p, s in zip(net.parameters(), slow, strict=True):
                        p.copy_(s.lerp_(p, alpha(step - 1)))
        learned = time.perf_counter() - start
        if epoch == until:
            recalibrate(net, expectation_batches(job, epoch))
        n = len(job.test.labels)
        share(net, job.train._replace(images=job.train.images[:n], labels=job.train.labels[:n]))
        right = share(net, job.test)
        seconds = time.perf_counter() - start
        print(
            f"epoch {epoch}  accuracy {right:.4f}  {seconds:.2f} s, {learned:.2f} of it learning",
            flush=True,
        )
    if args.views != "one":
        print(f"{args.views} views: accuracy {share(net, job.test, VIEWS[args.views]):.4f}")


@torch.no_grad()
def recalibrate(net, batches):
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the mean over all batches
    net.train()
    for x in batches:
        net(images(x))


@torch.no_grad()
def share(net, split, views=VIEWS["one"]):
    net.eval()
    answer = averaged(
        lambda x: np.concatenate(
            [net(images(to_float(x[i : i + 500]))).numpy() for i in range(0, len(x), 500)]
        ),
        views,
    )
    return (answer(split.images).argmax(axis=1) == split.labels).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", choices=[*RECIPES, *DEFAULTS], metavar="RECIPE")
    parser.add_argument("--epochs", type=int, help="stop after this many epochs (all)")
    parser.add_argument("--seed", type=int, default=0)
    own, changes = parser.parse_known_args()
    kind = "--recipe" if own.recipe in RECIPES else "--model"
    seed = ["--seed", str(own.seed), "--shards", "1"]
    args = resolve(parse([kind, own.recipe, *seed, *changes])[0])
    if args.networks > 1:
        parser.error(f"{own.recipe} is of {args.networks} networks: take the recipe of one")
    keep_freed_memory()
    torch.set_num_threads(count())
    source = open_data(args.data)
    job = assemble(of_network(args, 0), source)
    fresh = begin(job).ts
    net = translated(job.net, fresh.params, fresh.state, job.spec.shape)
    net.to(memory_format=torch.channels_last)
    print(
        f"{own.recipe} in PyTorch {torch.__version__}, {torch.get_num_threads()} threads, "
        f"seed {own.seed}",
        flush=True,
    )
    train(args, job, net, own.epochs or args.epochs)


if __name__ == "__main__":
    main()
