"""How hard the built-in sets are: what a linear classifier learns of them, and small networks."""

import fnn
from fnn.data.synthetic import colors, digits


def learned(net, optimizer, train, test, epochs, batch_size=100):
    """The accuracy on `test` after training on `train`."""
    step = fnn.train_step(net, fnn.softmax_cross_entropy, optimizer)
    ts = fnn.init_train_state(net, optimizer, 0, fnn.to_float(train.images[:1]).shape[1:])
    for epoch in range(epochs):
        ts = fnn.epoch(step, fnn.batches((0, epoch), *train, batch_size, fnn.to_float), ts)
    return fnn.evaluate(net, ts.params, ts.state, *test, prepare=fnn.to_float).accuracy


def test_digits_are_too_hard_for_a_linear_classifier_and_not_for_a_small_network():
    train, test = digits((1, 0), 15000), digits((1, 1), 3000)
    linear = fnn.serial(fnn.flatten(), fnn.dense(10))
    assert 0.85 < learned(linear, fnn.adam(0.003), train, test, 6) < 0.97
    rate = fnn.schedules.cosine(0.5, 8 * 150)
    assert learned(fnn.models.mlp(10, hidden=100), fnn.momentum(rate), train, test, 8) > 0.98


def test_colors_are_for_convolutions():
    train, test = colors((1, 0), 3000), colors((1, 1), 500)
    linear = fnn.serial(fnn.flatten(), fnn.dense(10))
    assert learned(linear, fnn.adam(0.001), train, test, 3) < 0.3
    net = fnn.serial(
        fnn.conv(16, stride=2),
        fnn.relu(),
        fnn.conv(32, stride=2),
        fnn.relu(),
        fnn.conv(64, stride=2),
        fnn.relu(),
        fnn.global_avg_pool(),
        fnn.dense(10),
    )
    rate = fnn.schedules.one_cycle(0.01, 6 * 60)
    assert learned(net, fnn.adam(rate), train, test, 6, batch_size=50) > 0.5
