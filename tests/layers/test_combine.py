import numpy as np
import pytest

import fnn


def outputs(layer, params, x):
    y, cache = layer.apply(params, layer.state(0, x.shape[1:]), x, True)
    return y, *layer.vjp(params, cache, y)


def test_serial_is_associative():
    a, b, c = fnn.dense(4), fnn.sigmoid(), fnn.dense(2)
    x = fnn.keys.generator(0).standard_normal((5, 3))
    p = fnn.serial(a, b, c).init(0, (3,))
    flat = outputs(fnn.serial(a, b, c), p, x)
    left = outputs(fnn.serial(fnn.serial(a, b), c), {0: {0: p[0], 1: p[1]}, 1: p[2]}, x)
    right = outputs(fnn.serial(a, fnn.serial(b, c)), {0: p[0], 1: {0: p[1], 1: p[2]}}, x)
    for other in (left, right):
        np.testing.assert_array_equal(flat[0], other[0])
        np.testing.assert_array_equal(flat[1], other[1])
        for g, h in zip(fnn.tree.leaves(flat[2]), fnn.tree.leaves(other[2]), strict=True):
            np.testing.assert_array_equal(g, h)


def test_layers_of_one_kind_start_differently():
    params = fnn.serial(fnn.dense(3), fnn.dense(3)).init(0, (3,))
    assert (params[0]["W"] != params[1]["W"]).all()


def test_parallel_and_residual_are_sums():
    x = fnn.keys.generator(0).standard_normal((5, 3))
    body = fnn.dense(3)
    params = body.init(0, (3,))
    y, _, _ = outputs(body, params, x)
    np.testing.assert_array_equal(
        outputs(fnn.parallel(body, body), {0: params, 1: params}, x)[0], y + y
    )
    z, dz, _ = outputs(fnn.residual(body), {0: {0: params}, 1: {}}, x)
    np.testing.assert_array_equal(z, y + x)
    np.testing.assert_allclose(dz, z @ params["W"].T + z)


def test_concatenate_lays_outputs_one_after_another():
    x = fnn.keys.generator(0).standard_normal((5, 4, 3, 2))
    one, two = fnn.conv(3), fnn.serial(fnn.conv(1, size=1), fnn.relu())
    net = fnn.concatenate(one, two)
    params = net.init(0, x.shape[1:])
    y, cache = net.apply(params, net.state(0, x.shape[1:]), x, True)
    left, right = (outputs(part, params[i], x) for i, part in enumerate((one, two)))
    np.testing.assert_array_equal(y, np.concatenate([left[0], right[0]], axis=-1))
    assert y.transpose(1, 2, 0, 3).flags.c_contiguous
    dx, grads = net.vjp(params, cache, y)
    np.testing.assert_allclose(dx, left[1] + right[1])
    fnn.tree.map(np.testing.assert_array_equal, grads, {0: left[2], 1: right[2]})


def test_errors_say_where_in_branches_they_are():
    net = fnn.serial(fnn.concatenate(fnn.relu(), fnn.dense(2)))
    params, state = net.init(0, (3,)), net.state(0, (3,))
    params[0][1] = {"W": params[0][1]["W"]}
    with pytest.raises(ValueError, match=r"^at 0/1: dense\(2\): params lacks 'b'"):
        net.apply(params, state, np.ones((1, 3)), True)


def test_a_branch_cannot_change_the_gradient_that_it_shares():
    net = fnn.parallel(fnn.relu(), fnn.identity(), fnn.relu())
    x = np.array([[-1.0, 2.0]])
    _, cache = net.apply({0: {}, 1: {}, 2: {}}, {0: {}, 1: {}, 2: {}}, x, True)
    dy = np.ones_like(x)
    np.testing.assert_array_equal(net.vjp({0: {}, 1: {}, 2: {}}, cache, dy)[0], [[1, 3]])
    np.testing.assert_array_equal(dy, 1)


def test_weight_decay_changes_only_the_weights():
    plain = fnn.serial(fnn.dense(3), fnn.residual(fnn.dense(3)))
    decayed = fnn.weight_decay(plain, 0.5)
    x = fnn.keys.generator(0).standard_normal((5, 3))
    params = plain.init(0, (3,))
    before, after = outputs(plain, params, x)[2], outputs(decayed, params, x)[2]

    def compare(where, p, g, h):
        np.testing.assert_allclose(h, g + 0.5 * p if where[-1] == "W" else g)

    for (where, p), g, h in zip(
        fnn.tree.items(params), fnn.tree.leaves(before), fnn.tree.leaves(after), strict=True
    ):
        compare(where, p, g, h)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: fnn.parallel(), "at least one layer"),
        (lambda: fnn.parallel(fnn.dense(2), fnn.dense(3)).shape((4,)), r"\[\(2,\), \(3,\)\]"),
        (lambda: fnn.concatenate(), "concatenate: expected at least one layer"),
        (
            lambda: fnn.concatenate(fnn.conv(2), fnn.conv(2, stride=2)).shape((4, 4, 1)),
            r"differ in the last axis alone, found \[\(4, 4, 2\), \(2, 2, 2\)\]",
        ),
        (lambda: fnn.weight_decay(fnn.dense(2), -1), "0 or more, found -1"),
        (lambda: fnn.serial(fnn.dense(2), fnn.flatten(), fnn.dense(3)).init(0, (2, 2)), "flatten"),
    ],
)
def test_bad_arguments_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("before", [[], [fnn.flatten()], [fnn.serial(fnn.relu()), fnn.identity()]])
def test_the_first_layer_with_parameters_need_not_give_dx(before):
    def refuse(params, cache, dy):
        raise AssertionError("dx of the first layer is not needed")

    first = fnn.dense(3)._replace(vjp=refuse)
    net = fnn.serial(*before, fnn.serial(first, fnn.sigmoid()), fnn.dense(2))
    params, x = net.init(0, (4,)), np.ones((2, 4), np.float32)
    y, cache = net.apply(params, net.state(0, (4,)), x, True)
    grads = fnn.parameter_grads(net, params, cache, y)
    assert fnn.tree.map(np.shape, grads) == fnn.tree.map(np.shape, params)
    assert grads[len(before)][0]["W"].any()


def test_frozen_layers_work_as_in_testing_and_get_no_gradient():
    net = fnn.serial(
        fnn.conv(3), fnn.batch_norm(), fnn.dropout(0.5), fnn.flatten(), fnn.dense(4), fnn.relu()
    )
    part = fnn.freeze(net, 3)
    shape = (6, 5, 2)
    params, state = net.init(0, shape), net.state(0, shape)
    x = fnn.keys.generator(1).random((4, *shape), np.float32)
    fnn.check_pure(part, shape=shape)
    y, cache = part.apply(params, state, x, True)
    tested, tested_cache = net.apply(params, state, x, False)
    assert np.array_equal(y, tested)
    assert fnn.tree.map(np.array_equal, cache.state, state)
    dx, grads = part.vjp(params, cache, y)
    expected_dx, expected = net.vjp(params, tested_cache, y)
    assert np.array_equal(dx, expected_dx)
    for some in (grads, fnn.parameter_grads(part, params, cache, y)):
        assert fnn.tree.map(np.shape, some) == fnn.tree.map(np.shape, params)
        assert not any(leaf.any() for i in range(3) for leaf in fnn.tree.leaves(some[i]))
        assert all(np.array_equal(some[4][k], expected[4][k]) for k in "Wb")


@pytest.mark.parametrize("net", [fnn.dense(3), fnn.residual(fnn.dense(3)), fnn.serial(fnn.relu())])
def test_only_the_first_layers_of_a_serial_can_be_frozen(net):
    with pytest.raises(ValueError, match="freeze: expected a serial of 2 layers or more"):
        fnn.freeze(net, 2)
