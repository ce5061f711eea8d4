"""Train small networks as one of several processes: mpiexec -n N python -m mpi4py tests/ranks.py

Process 0 prints a hash of all that a training ends with, for each network and optimizer.
"""

import hashlib

import numpy as np

import fnn
from fnn.data.synthetic import digits
from fnn.training import Job, train

SHARDS, STEPS = 8, 7


def dense_net():
    return fnn.serial(fnn.flatten(), fnn.dense(16), fnn.relu(), fnn.dropout(0.3), fnn.dense(10))


def conv_net():
    conv = fnn.serial(fnn.conv(4), fnn.batch_norm(), fnn.relu(), fnn.max_pool())
    return fnn.weight_decay(fnn.serial(conv, fnn.flatten(), fnn.dense(10)), 1e-3)


OPTIMIZERS = {
    "sgd": fnn.sgd(0.1),
    "momentum": fnn.momentum(0.1),
    "nesterov": fnn.nesterov(0.1),
    "adagrad": fnn.adagrad(),
    "rmsprop": fnn.rmsprop(),
    "adadelta": fnn.adadelta(),
    "adam": fnn.adam(),
    "lookahead": fnn.lookahead(fnn.momentum(0.1), every=3),
    "ema": fnn.ema(fnn.sgd(0.1), 0.9),
}
CASES = [(dense_net, name) for name in OPTIMIZERS] + [(conv_net, "momentum"), (conv_net, "adam")]
AUGMENT = fnn.augment.shift(2)


def ended(ts: fnn.TrainState) -> str:
    """A hash of everything in a train state."""
    digest = hashlib.sha256()
    for where, leaf in fnn.tree.items(dict(enumerate(ts))):
        digest.update(repr((where, np.asarray(leaf).dtype)).encode() + np.asarray(leaf).tobytes())
    return digest.hexdigest()[:16]


def trained(make, optimizer: str, group: fnn.Group) -> str:
    """A training of batches that 8 divides, one that it does not, and one of fewer than 8."""
    every = digits(0, 32 + 21 + 3)
    net, opt = make(), OPTIMIZERS[optimizer]
    step = fnn.sharded_step(net, fnn.softmax_cross_entropy, opt, SHARDS, group)
    ts = fnn.init_train_state(net, opt, 0, (28, 28, 1))
    for a, b in ((0, 32), (32, 53), (53, 56), (0, 32)):
        ts = step(ts, (fnn.to_float(every.images[a:b]), every.labels[a:b]))
    # And as the trainer does it: augmented batches of which each process makes its shards alone.
    train_, test = digits(0, 103), digits(1, 150)
    job = Job(net, opt, train_, test=test, epochs=2, batch_size=50, shards=SHARDS, augment=AUGMENT)
    rows = []
    for now in train(job, group=group):
        if now.row is not None:
            rows.append(now.row._replace(seconds=0, images_per_second=0))
    return f"{make.__name__} {optimizer} {ended(ts)} {ended(now.ts)} {rows}"


if __name__ == "__main__":
    group = fnn.mpi.group()
    for make, optimizer in CASES:
        line = trained(make, optimizer, group)
        if group.rank == 0:
            print(line, flush=True)
