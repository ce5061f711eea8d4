"""Comparison with PyTorch: where the definitions agree, so do the numbers, in float64 to 1e-10.

Where the course's definition differs, a test shows how and pins the course's.
"""

import numpy as np
import pytest

import fnn

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
F = torch.nn.functional

draw = fnn.keys.generator(5).standard_normal


def tensor(a):
    """A new float64 tensor that collects gradients."""
    return torch.tensor(np.ascontiguousarray(a), dtype=torch.float64, requires_grad=True)


def planes(x):
    """Images (N, H, W, C) in PyTorch's order, (N, C, H, W)."""
    return tensor(x.transpose(0, 3, 1, 2))


def back(t):
    a = t.detach().numpy()
    return a.transpose(0, 2, 3, 1) if a.ndim == 4 else a


def close(ours, theirs):
    scale = np.abs(theirs).max()
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10 * scale)


def ours(layer, params, x, state=None, train=True):
    y, cache = layer.apply(
        params, layer.state(0, x.shape[1:]) if state is None else state, x, train
    )
    dy = draw(y.shape)
    dx, grads = layer.vjp(params, cache, dy)
    return y, dy, dx, grads, cache


def theirs(f, x, dy):
    y = f(x)
    y.backward(planes(dy) if dy.ndim == 4 else tensor(dy))
    return back(y), back(x.grad)


def test_dense():
    params = {"W": draw((5, 4)), "b": draw(4)}
    x = draw((7, 5))
    y, dy, dx, grads, _ = ours(fnn.dense(4), params, x)
    w, b = tensor(params["W"].T), tensor(params["b"])
    ty, tdx = theirs(lambda t: F.linear(t, w, b), tensor(x), dy)
    for a, t in ((y, ty), (dx, tdx), (grads["W"], w.grad.numpy().T), (grads["b"], b.grad.numpy())):
        close(a, t)


ACTIVATIONS = {
    "sigmoid": (fnn.sigmoid(), torch.sigmoid),
    "relu": (fnn.relu(), torch.relu),
    "gelu": (fnn.gelu(), lambda t: F.gelu(t, approximate="tanh")),
    "gelu exact": (fnn.gelu(exact=True), F.gelu),
    "silu": (fnn.silu(), F.silu),
}


@pytest.mark.parametrize(("layer", "function"), ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_activations(layer, function):
    x = 10 * draw((6, 5))
    y, dy, dx, _, _ = ours(layer, {}, x)
    ty, tdx = theirs(function, tensor(x), dy)
    close(y, ty)
    close(dx, tdx)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("pad", [0, 1, 2])
@pytest.mark.parametrize("channels", [3, 12])  # for which `auto` chooses different methods
def test_conv(size, stride, pad, channels):
    params = {"W": draw((size, size, channels, 10)), "b": draw(10)}
    x = draw((2, 9, 8, channels))
    y, dy, dx, grads, _ = ours(fnn.conv(10, size=size, stride=stride, pad=pad), params, x)
    w, b = tensor(params["W"].transpose(3, 2, 0, 1)), tensor(params["b"])
    ty, tdx = theirs(lambda t: F.conv2d(t, w, b, stride, pad), planes(x), dy)
    dw = w.grad.numpy().transpose(2, 3, 1, 0)
    for a, t in ((y, ty), (dx, tdx), (grads["W"], dw), (grads["b"], b.grad.numpy())):
        close(a, t)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(
    ("layer", "function"), [(fnn.max_pool, F.max_pool2d), (fnn.avg_pool, F.avg_pool2d)]
)
def test_pooling(size, layer, function):
    x = draw((2, 7, 8, 3))
    y, dy, dx, _, _ = ours(layer(size), {}, x)
    ty, tdx = theirs(lambda t: function(t, size), planes(x), dy)
    close(y, ty)
    close(dx, tdx)


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("multiplier", [1, 2])
def test_conv_in_groups(groups, multiplier):
    k, options = 6 * multiplier, {"size": (3, 2), "stride": (2, 1), "pad": (1, 0)}
    params = {"W": draw((3, 2, 6 // groups, k)), "b": draw(k)}
    x = draw((2, 9, 8, 6))
    layers = [fnn.conv(k, groups=groups, **options)]
    if groups == 6:
        layers.append(fnn.depthwise_conv(multiplier=multiplier, **options))
    for layer in layers:
        y, dy, dx, grads, _ = ours(layer, params, x)
        w, b = tensor(params["W"].transpose(3, 2, 0, 1)), tensor(params["b"])
        ty, tdx = theirs(
            lambda t, w=w, b=b: F.conv2d(t, w, b, (2, 1), (1, 0), 1, groups), planes(x), dy
        )
        dw = w.grad.numpy().transpose(2, 3, 1, 0)
        for a, t in ((y, ty), (dx, tdx), (grads["W"], dw), (grads["b"], b.grad.numpy())):
            close(a, t)


@pytest.mark.parametrize(("size", "stride", "pad"), [(3, 2, 1), ((2, 3), 1, (1, 0)), (2, 3, 0)])
@pytest.mark.parametrize("count_pad", [True, False])
def test_pooling_with_stride_and_padding(size, stride, pad, count_pad):
    x = draw((2, 9, 8, 3))
    options = {"stride": stride, "pad": pad}
    for layer, f in (
        (fnn.max_pool(size, **options), lambda t: F.max_pool2d(t, size, stride, pad)),
        (
            fnn.avg_pool(size, **options, count_pad=count_pad),
            lambda t: F.avg_pool2d(t, size, stride, pad, count_include_pad=count_pad),
        ),
    ):
        y, dy, dx, _, _ = ours(layer, {}, x)
        ty, tdx = theirs(f, planes(x), dy)
        close(y, ty)
        close(dx, tdx)


@pytest.mark.parametrize("shape", [(6, 4), (2, 5, 3, 4)])
@pytest.mark.parametrize("groups", [None, 1, 2])
def test_normalization_of_an_example(shape, groups):
    params = {"gamma": draw(4), "beta": draw(4)}
    x, gamma, beta = draw(shape), tensor(params["gamma"]), tensor(params["beta"])
    if groups is None:
        y, dy, dx, grads, _ = ours(fnn.layer_norm(), params, x)
        t = tensor(x)
        ty = F.layer_norm(t, (4,), gamma, beta, 1e-5)
        ty.backward(tensor(dy))
        ty, tdx = ty.detach().numpy(), t.grad.numpy()
    else:
        y, dy, dx, grads, _ = ours(fnn.group_norm(groups), params, x)
        make = planes if x.ndim == 4 else tensor
        ty, tdx = theirs(lambda t: F.group_norm(t, groups, gamma, beta, 1e-5), make(x), dy)
    for a, t in ((y, ty), (dx, tdx), (grads["gamma"], gamma.grad), (grads["beta"], beta.grad)):
        close(a, np.asarray(t))


@pytest.mark.parametrize("shape", [(6, 3), (4, 5, 4, 3)])
def test_batch_norm_in_training(shape):
    params = {"gamma": draw(3), "beta": draw(3)}
    x = draw(shape)
    y, dy, dx, grads, cache = ours(fnn.batch_norm(), params, x)
    gamma, beta = tensor(params["gamma"]), tensor(params["beta"])
    mean, var = torch.zeros(3).double(), torch.ones(3).double()
    make = planes if x.ndim == 4 else tensor
    ty, tdx = theirs(
        lambda t: F.batch_norm(t, mean, var, gamma, beta, True, 0.1, 1e-5), make(x), dy
    )
    for a, t in (
        (y, ty),
        (dx, tdx),
        (grads["gamma"], gamma.grad.numpy()),
        (grads["beta"], beta.grad.numpy()),
        (cache.state["mean"], mean.numpy()),
    ):
        close(a, t)
    # PyTorch's running variance uses the unbiased variance, the course's the biased one.
    m = x.size // 3
    close((cache.state["var"] - 0.9) * m / (m - 1) + 0.9, var.numpy())


@pytest.mark.parametrize("shape", [(6, 3), (4, 5, 4, 3)])
def test_batch_norm_in_testing(shape):
    params = {"gamma": draw(3), "beta": draw(3)}
    state = {"mean": draw(3), "var": draw(3) ** 2 + 0.1}
    x = draw(shape)
    y, dy, dx, grads, _ = ours(fnn.batch_norm(), params, x, state, train=False)
    gamma, beta = tensor(params["gamma"]), tensor(params["beta"])
    mean, var = (torch.tensor(state[name]) for name in ("mean", "var"))
    make = planes if x.ndim == 4 else tensor
    ty, tdx = theirs(
        lambda t: F.batch_norm(t, mean, var, gamma, beta, False, 0.1, 1e-5), make(x), dy
    )
    for a, t in (
        (y, ty),
        (dx, tdx),
        (grads["gamma"], gamma.grad.numpy()),
        (grads["beta"], beta.grad.numpy()),
    ):
        close(a, t)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_cross_entropy(smoothing):
    logits, labels = 5 * draw((6, 4)), np.array([0, 3, 1, 2, 2, 0])
    loss, dlogits = fnn.softmax_cross_entropy(logits, labels, smoothing=smoothing)
    t = tensor(logits)
    expected = F.cross_entropy(t, torch.tensor(labels), label_smoothing=smoothing)
    expected.backward()
    close(loss, expected.item())
    close(dlogits, t.grad.numpy())


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, [0.5, 2.0, 0.0, 1.0]])
@pytest.mark.parametrize("kind", ["labels", "soft", "ignored"])
def test_cross_entropy_with_options(smoothing, weights, kind):
    logits, labels = 5 * draw((6, 4)), np.array([0, 3, 1, 2, 2, 0])
    options = {"ignore": 2} if kind == "ignored" else {}
    target = torch.tensor(labels)
    if kind == "soft":
        labels = fnn.softmax(draw((6, 4)))
        target = torch.tensor(labels)
    loss, dlogits = fnn.softmax_cross_entropy(
        logits, labels, smoothing=smoothing, weights=weights, **options
    )
    t = tensor(logits)
    expected = F.cross_entropy(
        t,
        target,
        weight=None if weights is None else torch.tensor(weights).double(),
        label_smoothing=smoothing,
        ignore_index=options.get("ignore", -100),
    )
    expected.backward()
    close(loss, expected.item())
    close(dlogits, t.grad.numpy())


def follow_both(optimizer, make, steps=30):
    """Parameters after steps with the same gradients, ours and PyTorch's."""
    w = draw((4, 3))
    params, state = {"W": w}, optimizer.init({"W": w})
    t = tensor(w)
    other = make([t])
    for _ in range(steps):
        g = draw(w.shape)
        updates, state = optimizer.update({"W": g}, state)
        params = {"W": params["W"] + updates["W"]}
        t.grad = torch.tensor(g)
        other.step()
    return params["W"], t.detach().numpy()


@pytest.mark.parametrize(
    ("optimizer", "make"),
    [
        (fnn.sgd(0.1), lambda p: torch.optim.SGD(p, 0.1)),
        (fnn.momentum(0.1), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)),
        (fnn.nesterov(0.1), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True)),
        (fnn.rmsprop(), lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.99, eps=1e-8)),
        (fnn.adam(), lambda p: torch.optim.Adam(p, 0.001)),
        (fnn.adamw(0.1, decay=0.2), lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.2)),
    ],
    ids=["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"],
)
def test_optimizers(optimizer, make):
    close(*follow_both(optimizer, make))


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4)])
def test_muon_is_pytorchs_but_for_its_short_numbers(shape):
    # PyTorch's matrices are transposed, and it makes them orthogonal in bfloat16.
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("this PyTorch has no Muon")
    optimizer, w = fnn.muon(0.1, decay=0.2), draw(shape).astype(np.float32)
    params, t = {"W": w}, torch.tensor(np.ascontiguousarray(w.T), requires_grad=True)
    state, other = optimizer.init(params), torch.optim.Muon([t], lr=0.1, weight_decay=0.2)
    for _ in range(3):
        before, there = params["W"], t.detach().numpy().copy()
        g = draw(shape).astype(np.float32)
        updates, state = optimizer.update({"W": g}, state)
        params = {"W": before + updates["W"]}
        t.grad = torch.tensor(np.ascontiguousarray(g.T))
        other.step()
        np.testing.assert_allclose(updates["W"], (t.detach().numpy() - there).T, atol=0.006)


def test_adagrads_sum_starts_at_h0_and_there_is_no_epsilon():
    # PyTorch adds eps to the root; with eps = 0 and the same start, the two agree,
    close(
        *follow_both(
            fnn.adagrad(0.1, h0=1e-8),
            lambda p: torch.optim.Adagrad(p, 0.1, initial_accumulator_value=1e-8, eps=0),
        )
    )
    # but PyTorch's defaults (start 0, eps 1e-10 outside the root) are another definition.
    a, b = follow_both(fnn.adagrad(0.1), lambda p: torch.optim.Adagrad(p, 0.1))
    assert 1e-12 < np.abs(a - b).max() < 1e-3


def test_adadeltas_epsilons_are_outside_the_roots():
    g = 0.5
    ours, _ = fnn.adadelta().update({"w": np.array([g])}, fnn.adadelta().init({"w": np.zeros(1)}))
    t = tensor([0.0])
    other = torch.optim.Adadelta([t], lr=1.0, rho=0.95, eps=1e-6)
    t.grad = torch.tensor([g]).double()
    other.step()
    h = 0.05 * g * g
    close(ours["w"][0], -1e-6 / (h**0.5 + 1e-6) * g)  # equation (47)
    close(t.item(), -((1e-6 / (h + 1e-6)) ** 0.5) * g)  # Zeiler's paper


def test_tied_maxima_all_get_the_gradient():
    x = np.zeros((1, 2, 2, 1))
    _, cache = fnn.max_pool(2).apply({}, {}, x, True)
    dx, _ = fnn.max_pool(2).vjp({}, cache, np.ones((1, 1, 1, 1)))
    _, tdx = theirs(lambda t: F.max_pool2d(t, 2), planes(x), np.ones((1, 1, 1, 1)))
    assert (dx.sum(), tdx.sum()) == (4, 1)  # the course's (64); PyTorch takes the first


def test_dropout_silences_an_exact_number_and_does_not_scale_in_training():
    x = np.ones((50, 20))
    y, _ = fnn.dropout(0.3).apply({}, fnn.dropout(0.3).state(0, (20,)), x, True)
    t = F.dropout(torch.ones(50, 20), 0.3)
    assert ((y == 0).sum(axis=1) == 6).all()
    assert not ((t == 0).sum(dim=1) == 6).all()  # PyTorch draws each node independently
    assert (y.max(), t.max().item()) == (1, pytest.approx(1 / 0.7))
