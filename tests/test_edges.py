"""The edge cases of training: nothing, a single example, too many, labels out of range."""

import numpy as np
import pytest

import fnn

NETS = {
    "plain": (fnn.serial(fnn.flatten(), fnn.dense(3)), True),
    "norm of nodes": (fnn.serial(fnn.flatten(), fnn.batch_norm(), fnn.dense(3)), False),
    "norm of channels": (fnn.serial(fnn.batch_norm(), fnn.flatten(), fnn.dense(3)), True),
}
IMAGES = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)
LABELS = np.array([2, 0, 1], np.uint8)


def start(net):
    optimizer = fnn.sgd(0.1)
    step = fnn.train_step(net, fnn.softmax_cross_entropy, optimizer)
    return step, fnn.init_train_state(net, optimizer, 0, (4, 4, 1))


@pytest.mark.parametrize(("net", "learns"), NETS.values(), ids=NETS)
def test_a_batch_of_one_trains_or_says_why_not_and_is_always_evaluated(net, learns):
    step, ts = start(net)
    batch = next(fnn.batches(0, IMAGES[:1], LABELS[:1], 100, fnn.to_float))
    if learns:
        assert np.isfinite(step(ts, batch).loss)
    else:
        with pytest.raises(ValueError, match=r"one value a node.*give it two examples or more"):
            step(ts, batch)
    found = fnn.evaluate(net, ts.params, ts.state, IMAGES[:1], LABELS[:1], prepare=fnn.to_float)
    assert np.isfinite(found.loss)


@pytest.mark.parametrize("size", [3, 4, 10**9])
def test_a_batch_larger_than_the_set_is_the_set(size):
    ((x, labels),) = fnn.batches(0, IMAGES, LABELS, size)
    assert sorted(labels.tolist()) == [0, 1, 2]
    assert len(x) == 3
    net, _ = NETS["plain"]
    _, ts = start(net)
    logits = fnn.predict(net, ts.params, ts.state, IMAGES, size, fnn.to_float)
    assert logits.shape == (3, 3)


def test_an_epoch_without_a_batch_is_refused():
    step, ts = start(NETS["plain"][0])
    spent = fnn.batches(0, IMAGES, LABELS, 2, fnn.to_float)
    once = fnn.epoch(step, spent, ts)
    for nothing in ([], iter(()), spent):
        with pytest.raises(ValueError, match=r"no batch: .*call it again .*another key"):
            fnn.epoch(step, nothing, once)
    # the states after no steps are none: a training that was resumed at an epoch's end asks for it
    assert list(fnn.states(step, [], ts)) == []


def test_skipping_more_batches_than_there_are_leaves_none():
    assert list(fnn.batches(0, IMAGES, LABELS, 2, first=5)) == []


def evaluated(images, labels):
    net, _ = NETS["plain"]
    _, ts = start(net)
    return fnn.evaluate(net, ts.params, ts.state, images, labels, prepare=fnn.to_float)


def stepped(images, labels):
    step, ts = start(NETS["plain"][0])
    return step(ts, (fnn.to_float(images), labels))


@pytest.mark.parametrize("use", [evaluated, stepped])
@pytest.mark.parametrize(
    ("images", "labels", "error", "words"),
    [
        (IMAGES, LABELS + 1, ValueError, r"labels in 0\.\.2, found 3"),
        (IMAGES, LABELS - 1.0, TypeError, "integer labels, found float64"),
        (IMAGES, LABELS.astype(np.int8) - 1, ValueError, r"labels in 0\.\.2, found -1"),
        (IMAGES, LABELS[:2], ValueError, r"found \(3, 3\) and \(2,\)"),
        (IMAGES[:2], LABELS, ValueError, r"found \(2, 3\) and \(3,\)"),
        (IMAGES[:0], LABELS[:0], ValueError, "at least one example"),
    ],
)
def test_images_and_labels_that_do_not_fit_are_refused(use, images, labels, error, words):
    with pytest.raises(error, match=words):
        use(images, labels)
