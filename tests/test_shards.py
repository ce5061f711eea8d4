"""Sharded steps: what they compute, and that the number of processes does not matter."""

import threading
from functools import partial

import numpy as np
import pytest
import ranks
from hypothesis import given
from hypothesis import strategies as st

import fnn
from fnn.data.synthetic import digits
from fnn.shards import floats, own_shards, sharded_batches, spans, tree_sum
from fnn.training.shared import shared_map, shared_predict

LOSS = fnn.softmax_cross_entropy


def batch_of(n, kind=np.float32):
    images, labels = digits(3, n)
    return fnn.to_float(images).astype(kind), labels


def in_threads(size, work):
    """What work(group) gives in each of `size` threads that make up a group."""
    sent, results = [None] * size, [None] * size
    barrier = threading.Barrier(size, timeout=60)

    def member(rank):
        def add(vector):
            sent[rank] = vector
            barrier.wait()
            total = tree_sum([*sent])
            barrier.wait()
            return total

        try:
            results[rank] = work(fnn.Group(rank, size, add))
        except BaseException:
            barrier.abort()
            raise

    threads = [threading.Thread(target=member, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("n", [16, 13, 3, 2, 1])
def test_without_batch_norm_shards_give_the_gradient_of_the_whole_batch(n, kind):
    net = fnn.weight_decay(fnn.serial(fnn.flatten(), fnn.dense(5), fnn.relu(), fnn.dense(10)), 0.01)
    ts = fnn.init_train_state(net, fnn.sgd(1.0), 0, (28, 28, 1))
    ts = ts._replace(params=fnn.tree.map(lambda p: p.astype(kind), ts.params))
    batch = batch_of(n, kind)
    whole = fnn.train_step(net, LOSS, fnn.sgd(1.0))(ts, batch)
    parts = fnn.sharded_step(net, LOSS, fnn.sgd(1.0), 8)(ts, batch)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-6)
    for a, b in zip(*(fnn.tree.leaves(s.params) for s in (whole, parts)), strict=True):
        assert a.dtype == b.dtype == kind
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-6 if kind is np.float32 else 1e-14)


def test_batch_norm_sees_a_shard_and_its_state_moves_by_the_mean_of_all():
    net = fnn.serial(fnn.flatten(), fnn.batch_norm())
    ts = fnn.init_train_state(net, fnn.sgd(0.0), 0, (28, 28, 1))
    x, labels = batch_of(8)

    def loss(y, labels):  # of the first two examples of a shard alone: their outputs are +-1
        assert len(y) == 2
        return float(np.abs(y[0] + y[1]).max()), np.zeros_like(y)

    after = fnn.sharded_step(net, loss, fnn.sgd(0.0), 4)(ts, (x, labels))
    assert after.loss < 1e-5
    each = [net.apply(ts.params, ts.state, x[i : i + 2], True)[1].state for i in range(0, 8, 2)]
    for found, *parts in zip(*(floats(s) for s in (after.state, *each)), strict=True):
        np.testing.assert_allclose(found, sum(parts) / 4, rtol=0, atol=1e-6)


def test_dropout_draws_for_each_shard_and_its_key_stays():
    net = fnn.serial(fnn.flatten(), fnn.dropout(0.5))
    ts = fnn.init_train_state(net, fnn.sgd(0.1), 0, (4, 4, 1))
    seen = []

    def loss(y, labels):
        seen.append(y.copy())
        return 0.0, np.zeros_like(y)

    step = fnn.sharded_step(net, loss, fnn.sgd(0.1), 2)
    after = step(ts, (np.ones((8, 4, 4, 1), np.float32), np.zeros(8, np.uint8)))
    assert not np.array_equal(*seen)
    assert after.state[1]["key"] == ts.state[1]["key"]
    assert after.state[1]["count"] == 1


def test_what_a_layer_leaves_alone_in_its_state_stays_to_the_bit():
    net = fnn.serial(fnn.whiten(), fnn.flatten(), fnn.dense(10))
    ts = fnn.init_train_state(net, fnn.sgd(0.1), 0, (28, 28, 1))
    ts = ts._replace(state=fnn.with_whitening(ts.state, batch_of(50)[0]))
    after = fnn.sharded_step(net, LOSS, fnn.sgd(0.1), 8)(ts, batch_of(13))
    for a, b in zip(floats(ts.state), floats(after.state), strict=True):
        assert np.array_equal(a, b)


def test_one_shard_is_the_plain_step():
    net = ranks.dense_net()
    ts = fnn.init_train_state(net, fnn.adam(), 0, (28, 28, 1))
    plain = fnn.train_step(net, LOSS, fnn.adam())(ts, batch_of(7))
    assert ranks.ended(plain) == ranks.ended(
        fnn.sharded_step(net, LOSS, fnn.adam(), 1)(ts, batch_of(7))
    )


@pytest.mark.parametrize(("make", "optimizer"), ranks.CASES)
def test_the_bits_are_those_of_one_process(make, optimizer):
    alone = ranks.trained(make, optimizer, fnn.ALONE)
    for size in (2, 8):
        assert set(in_threads(size, lambda group: ranks.trained(make, optimizer, group))) == {alone}


@given(st.integers(1, 300), st.sampled_from([1, 2, 4, 8, 16]))
def test_spans_share_out_a_batch(n, shards):
    found = spans(n, shards)
    assert len(found) == shards
    assert sum(share for _, share, _ in found) == pytest.approx(1)
    rows = [i for _, share, here in found if share for i in range(n)[here]]
    assert rows == list(range(n))
    assert n < 2 or all(here.stop - here.start >= 2 for *_, here in found)


@pytest.mark.parametrize(("shards", "size"), [(0, 1), (3, 1), (-2, 1), (4, 8), (6, 2)])
def test_numbers_that_do_not_divide_are_refused(shards, size):
    with pytest.raises(ValueError, match=r"expected (a number of|at least 1)"):
        own_shards(shards, fnn.Group(0, size, lambda v: v))


def test_a_job_of_one_shard_is_not_trained_by_two_processes():
    net, split = ranks.dense_net(), digits(0, 20)
    stages = fnn.training.train(
        fnn.training.Job(net, fnn.adam(), split, epochs=1), group=fnn.Group(0, 2, lambda v: v)
    )
    with pytest.raises(ValueError, match="divides the 1 shards, found 2"):
        next(stages)


def test_each_process_makes_its_own_shards_alone():
    x, labels = digits(0, 20)
    made = []

    def augment(key, part):
        made.append((key, len(part)))
        return part

    groups = [fnn.Group(rank, 2, lambda v: v) for rank in range(2)]
    halves = [list(sharded_batches(0, x, labels, 10, 4, g, augment=augment)) for g in groups]
    assert len({key for key, _ in made}) == len(made) == 8
    both = [[*a, *b] for a, b in zip(*halves, strict=True)]
    for shards, (images, numbers) in zip(both, fnn.batches(0, x, labels, 10), strict=True):
        assert np.array_equal(np.concatenate([s.x for s in shards]), images)
        assert np.array_equal(np.concatenate([s.labels for s in shards]), numbers)


@pytest.mark.parametrize("n", [1, 7, 20])
def test_logits_are_shared_out(n):
    net = ranks.conv_net()
    ts = fnn.init_train_state(net, fnn.sgd(0.1), 0, (28, 28, 1))
    images = digits(0, n).images

    def logits(group):
        return shared_predict(net, ts.params, ts.state, images, group, fnn.to_float, 3)

    expected = fnn.predict(net, ts.params, ts.state, images, 3, fnn.to_float)
    assert all(np.array_equal(found, expected) for found in in_threads(4, logits))


@pytest.mark.parametrize("n", [9, 4, 1])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_processes_share_out_the_expectations_of_batch_norm(n, size):
    net = fnn.serial(fnn.flatten(), fnn.batch_norm(), fnn.dense(5), fnn.dropout(0.3))
    ts = fnn.init_train_state(net, fnn.sgd(), 0, (28, 28, 1))
    inputs = fnn.to_float(digits(0, 6 * n).images).reshape(n, 6, 28, 28, 1)

    def state(group):
        each = partial(shared_map, group=group)
        return fnn.recalibrate(net, ts.params, ts.state, iter(inputs), each)

    expected = fnn.recalibrate(net, ts.params, ts.state, iter(inputs))
    for found in in_threads(size, state):
        for a, b in zip(fnn.tree.items(expected), fnn.tree.items(found), strict=True):
            assert a[0] == b[0]
            assert np.array_equal(a[1], b[1])
            assert type(a[1]) is type(b[1])


def test_no_batch_of_a_shared_out_expectation_is_an_error():
    net = fnn.batch_norm()
    each = partial(shared_map, group=fnn.Group(0, 2, lambda vector: vector))
    with pytest.raises(ValueError, match="at least one batch"):
        fnn.recalibrate(net, net.init(0, (4,)), net.state(0, (4,)), [], each)
