import numpy as np
import pytest

import fnn


def images(n=200, c=3):
    """Smooth images, so that neighboring pixels and channels are alike."""
    draw = fnn.keys.generator(0)
    rough = draw.random((n, 7, 7, 1)) + 0.2 * draw.random((n, 7, 7, c))
    return (rough[:, 1:, 1:] + rough[:, :-1, 1:] + rough[:, 1:, :-1]).astype(np.float32)


def test_components_of_patches_have_variance_1_and_are_uncorrelated():
    layer, x = fnn.whiten(2), images()
    state = fnn.with_whitening(layer.state(0, x.shape[1:]), x, eps=0)
    y, cache = layer.apply(layer.init(0, x.shape[1:]), state, x, True)
    assert y.shape == (200, 6, 6, 24) == (200, *layer.shape(x.shape[1:]))
    rows = y[:, :-1, :-1].reshape(-1, 24).astype(np.float64)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(rows[:, :12].T), np.eye(12), atol=2e-2)
    np.testing.assert_allclose(rows[:, 12:], -rows[:, :12], atol=1e-4)
    assert cache.state is state


def test_without_whitening_it_passes_pixels_on():
    layer, x = fnn.whiten(2), images(n=3, c=1)
    y, _ = layer.apply(layer.init(0, (6, 6, 1)), layer.state(0, (6, 6, 1)), x, True)
    np.testing.assert_allclose(y[..., 0], x[..., 0], atol=1e-6)
    np.testing.assert_allclose(y[:, :-1, :-1, 7], -x[:, 1:, 1:, 0], atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_patches_extend_the_edges(size):
    layer, draw = fnn.whiten(size), fnn.keys.generator(1)
    x = draw.random((2, 5, 6, 2))
    state = layer.state(0, x.shape[1:])
    state = {name: draw.random(leaf.shape, np.float32) for name, leaf in state.items()}
    y, _ = layer.apply({}, state, x, False)
    around = [((size - 1) // 2, size // 2)] * 2
    padded = np.pad(x, [(0, 0), *around, (0, 0)], mode="edge")
    for i, j in np.ndindex(5, 6):
        patch = padded[:, i : i + size, j : j + size]
        expected = np.einsum("nijc,ijck->nk", patch, state["filters"]) + state["shift"]
        np.testing.assert_allclose(y[:, i, j], expected, rtol=1e-10)


def test_nested_states_are_found():
    net = fnn.serial(fnn.serial(fnn.whiten(3)), fnn.batch_norm())
    x = images(c=1)
    before = net.state(0, (6, 6, 1))
    after = fnn.with_whitening(before, x)
    assert (after[0][0]["filters"] != before[0][0]["filters"]).any()
    assert after[1] is before[1] or all((after[1][k] == before[1][k]).all() for k in before[1])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fnn.whiten(0), "at least 1"),
        (lambda: fnn.whiten(3).shape((2, 9, 1)), "smaller than a patch"),
        (lambda: fnn.whiten(2).shape((9,)), "give it images"),
        (lambda: fnn.whiten(2).shape((9, 9, 257)), "more than 1024 numbers"),
        (lambda: fnn.whiten(2).state(0, (9, 9, 10**6)), "more than 1024 numbers"),
    ],
)
def test_bad_arguments_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
