import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fnn
from fnn.errors import InputError
from fnn.files import checkpoint
from fnn.recognizer.quantize import BITS, COARSE_TOP, LARGE, TOP, dequantize, quantize

weights = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=1, max_dims=4, max_side=4),
    elements=st.floats(-(2.0**30), 2.0**30, width=32),
)


@given(weights)
def test_a_weight_is_off_by_at_most_half_a_step(w):
    small = quantize({0: {"W": w, "b": w}})
    assert small[0]["W"]["q"].nbytes == -(-w.size * BITS // 8)
    assert small[0]["b"] is w
    back = dequantize(small)[0]["W"]
    assert (back.dtype, back.shape) == (np.float32, w.shape)
    largest = abs(w).reshape(-1, w.shape[-1]).max(axis=0)
    assert (abs(back - w) <= largest / (2 * TOP) * 1.001 + 1e-36).all()


def test_other_parameters_are_kept():
    params = {0: {"W": np.ones(3)}, 1: {}, 2: {"W": {"W": np.float32([1])}}}
    assert quantize(params)[0]["W"] is params[0]["W"]
    assert dequantize(params) == params


@pytest.mark.parametrize("shape", [(3, 3, 64, 64), (LARGE + 1, 1), (LARGE + 1,), (1, LARGE + 1)])
def test_a_large_array_takes_few_bits_and_is_off_by_at_most_half_a_coarse_step(shape):
    w = np.random.default_rng(7).normal(size=shape).astype(np.float32)
    node = quantize({"W": w})["W"]
    assert node.keys() == {"code", "shape", "step"}
    assert node["code"].nbytes < w.size * 4.6 / 8
    back = dequantize({"W": node})["W"]
    assert (back.dtype, back.shape) == (np.float32, shape)
    largest = abs(w).reshape(-1, shape[-1]).max(axis=0)
    assert (abs(back - w) <= largest / (2 * COARSE_TOP) * 1.001).all()


@pytest.mark.parametrize("shape", [(LARGE // 4, 4), (LARGE // 4 + 1, 4)])
def test_quantized_weights_are_quantized_to_themselves(shape):
    w = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    once = dequantize(quantize({"W": w}))
    np.testing.assert_array_equal(dequantize(quantize(once))["W"], once["W"])


CODE = np.frombuffer(zlib.compress(bytes(40000)), np.uint8)


@pytest.mark.parametrize(
    "code",
    [
        np.zeros(20000, np.uint8),
        np.frombuffer(zlib.compress(np.random.default_rng(0).bytes(39999)), np.uint8),
        np.frombuffer(zlib.compress(np.random.default_rng(0).bytes(40001)), np.uint8),
        np.frombuffer(zlib.compress(np.random.default_rng(0).bytes(40000))[:-1], np.uint8),
        np.frombuffer(zlib.compress(np.random.default_rng(0).bytes(40000)) + b"1", np.uint8),
        CODE,  # it would fit, but memory is to be bounded by the size of the file
        7,
    ],
    ids=["no code", "shorter", "longer", "cut off", "more after it", "too good", "a number"],
)
def test_a_code_of_other_integers_is_refused(code):
    node = {"code": code, "shape": (10000, 4), "step": np.ones(4, np.float32)}
    with pytest.raises(ValueError, match=r"code of 40000|fit|not arrays"):
        dequantize({"W": node})


@pytest.mark.parametrize(
    "change",
    [
        {"q": np.ones(56, np.int8)},
        {"q": np.ones(55, np.uint8)},
        {"q": np.ones((56, 1), np.uint8)},
        {"q": 7},
        {"shape": (4, 16)},
        {"shape": (16, 4, 1)},
        {"shape": (-16, -4)},
        {"shape": ()},
        {"shape": 64},
        {"shape": (2**62, 2**62, 64)},
        {"step": np.ones(3, np.float32)},
        {"step": np.ones(4)},
        {"step": np.full(4, np.inf, np.float32)},
        {"step": 1.0},
    ],
)
def test_a_file_whose_bytes_do_not_fit_is_refused(tmp_path, change):
    spec = fnn.Spec("mlp", (4, 4, 1), 3, {"hidden": 4})
    net = fnn.models.build(spec)
    path = tmp_path / "x.npz"
    fnn.save_recognizer(path, spec, net.init(0, spec.shape), net.state(0, spec.shape), small=True)
    fnn.load_recognizer(path)
    content = checkpoint.load(path)
    content["params"][1]["W"].update(change)
    checkpoint.save(path, content)
    with pytest.raises(InputError, match=r"x\.npz: not the parameters"):
        fnn.load_recognizer(path)
