import numpy as np
import pytest

import fnn
from fnn.recognizer.recognizer import untrained
from fnn.recognizer.tta import VIEWS, Weighted, averaged, mirrored, moved, unless_sure


@pytest.mark.parametrize("down", [-9, -2, 0, 1, 9])
@pytest.mark.parametrize("right", [-1, 0, 2])
@pytest.mark.parametrize("shape", [(3, 5, 6), (3, 5, 6, 2)])
def test_a_moved_image_is_cut_from_a_wider_one(down, right, shape):
    x = fnn.keys.generator(0).integers(1, 256, shape).astype(np.uint8)
    wide = np.pad(x, [(0, 0), (9, 9), (9, 9), (0, 0)][: x.ndim])
    expected = wide[:, 9 - down : 14 - down, 9 - right : 15 - right]
    np.testing.assert_array_equal(moved(down, right)(x), expected)


@pytest.mark.parametrize("views", VIEWS.values(), ids=VIEWS)
def test_weights_sum_to_one(views):
    assert sum(part.weight for part in views) == pytest.approx(1)


def test_the_answer_is_the_weighted_mean():
    x = fnn.keys.generator(0).random((4, 3, 3))
    views = [Weighted(0.25, mirrored), Weighted(0.75, moved(1, 0))]
    answer = lambda x: x.reshape(len(x), -1)  # noqa: E731
    expected = 0.25 * answer(x[:, :, ::-1]) + 0.75 * answer(moved(1, 0)(x))
    np.testing.assert_allclose(averaged(answer, views)(x), expected)


def test_mirrored_views_do_not_tell_left_from_right():
    x = fnn.keys.generator(0).random((4, 6, 6, 1)).astype(np.float32)
    net = fnn.serial(fnn.flatten(), fnn.dense(3))
    params = net.init(0, (6, 6, 1))
    state = net.state(0, (6, 6, 1))
    answer = averaged(lambda x: net.apply(params, state, x, False)[0], VIEWS["mirrored"])
    # The moves are along one diagonal (mirrored, the other); blank margins make them lossless.
    x[:, :2] = x[:, -2:] = x[:, :, :2] = x[:, :, -2:] = 0
    plain, other = answer(x), answer(mirrored(x))
    assert abs(plain - other).max() < abs(plain).max()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"views": "sideways"}, "views 'sideways': expected one of one, "),
        ({"networks": 0}, "expected 1 to 100 networks, found 0"),
        ({"networks": 2.0}, "expected 1 to 100 networks, found 2.0"),
    ],
)
def test_a_bad_spec_is_refused(change, message):
    spec = fnn.Spec("mlp", (28, 28, 1), 10, {})._replace(**change)
    with pytest.raises(ValueError, match=message):
        untrained(spec)


def test_an_ensemble_answers_with_the_mean_of_the_logits():
    spec = fnn.Spec("mlp", (4, 4, 1), 3, {"hidden": 5})
    one = fnn.models.build(spec)
    three = fnn.models.build(spec._replace(networks=3))
    params, state = three.init(0, spec.shape), three.state(0, spec.shape)
    x = fnn.keys.generator(0).random((7, 4, 4, 1)).astype(np.float32)
    answers = [one.apply(params[0][i], state[0][i], x, False)[0] for i in range(3)]
    np.testing.assert_allclose(
        three.apply(params, state, x, False)[0], np.mean(answers, axis=0), rtol=1e-5
    )


def test_a_recognizer_keeps_its_networks_and_views(tmp_path):
    spec = fnn.Spec("mlp", (8, 8, 1), 3, {"hidden": 5}, networks=2, views="shifted")
    net = fnn.models.build(spec)
    params, state = net.init(0, spec.shape), net.state(0, spec.shape)
    fnn.save_recognizer(tmp_path / "two.npz", spec, params, state)
    found = fnn.load_recognizer(tmp_path / "two.npz")
    assert found.spec == spec
    images = fnn.keys.generator(0).integers(0, 256, (6, 8, 8)).astype(np.uint8)
    views = [fnn.to_float(moved(*by)(images)) for by in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))]
    logits = [net.apply(params, state, x, False)[0] for x in views]
    assert (fnn.softmax(logits[0]).max(axis=1) < 0.999).all(), "one of them is certain"
    expected = np.mean(logits, axis=0)
    np.testing.assert_allclose(fnn.recognize(found, images), expected, atol=1e-6)


def test_the_second_answer_is_used_where_the_first_is_not_sure():
    logits = np.array([[9.0, 0.0], [1.0, 0.0], [0.0, 9.0], [0.0, 0.5]])
    first = lambda x: logits[x]  # noqa: E731
    second = lambda x: -logits[x]  # noqa: E731
    x = np.arange(4)
    sure = unless_sure(first, second, 0.999)(x)
    np.testing.assert_array_equal(sure, logits * np.array([[1], [-1], [1], [-1]]))
    np.testing.assert_array_equal(unless_sure(first, second, 0.5)(x), logits)
    assert logits[1, 0] == 1
