import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fnn
from fnn.errors import InputError
from fnn.files import checkpoint
from fnn.models import Spec
from fnn.recognizer import recognizer

on_disk = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.lists(st.integers(), max_size=3).map(tuple)
    | hnp.arrays(
        st.sampled_from(["f4", "f8", "u1", "i8", "?"]), hnp.array_shapes(min_dims=0, min_side=0)
    )
)
keys = st.integers(1 - 2**60, 2**60 - 1)
trees = st.recursive(
    leaves, lambda t: st.dictionaries(keys | st.text("abW/", max_size=2), t, max_size=3)
)


def equal(a, b):
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return type(a) is type(b) and a == b


@on_disk
@given(trees)
def test_load_gives_back_what_save_got(tmp_path, t):
    path = tmp_path / "t.npz"
    try:
        checkpoint.save(path, t)
    except TypeError as error:
        assert "under this name" in str(error)  # noqa: PT017 - keys that make one path, like "a/" and "a"
        return
    assert equal(checkpoint.load(path), t)


def test_equal_trees_make_equal_files_and_numpy_reads_them(tmp_path):
    t = {"params": {1: {"W": np.ones((2, 3), np.float32)}}, "n": 3, "file": np.ones(2)}
    for name in ("a", "b"):
        checkpoint.save(tmp_path / name, t)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with np.load(tmp_path / "a", allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["params/1/W"], t["params"][1]["W"])


@pytest.mark.parametrize("leaf", [object(), [1], {"a"}, np.array([None]), 1j, np.datetime64("now")])
def test_what_cannot_be_saved_is_refused_and_the_old_file_kept(tmp_path, leaf):
    path = tmp_path / "t.npz"
    checkpoint.save(path, {"a": 1})
    with pytest.raises(TypeError, match="cannot save"):
        checkpoint.save(path, {"a": leaf})
    assert checkpoint.load(path) == {"a": 1}


SPEC = Spec("mlp", (3, 3, 1), 4, {"hidden": 2})


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "p.npz"
    fresh = recognizer.untrained(SPEC)
    recognizer.save_recognizer(path, SPEC, fresh.params, fresh.state)
    return path


def test_a_recognizer_comes_back_whole(saved):
    found, fresh = recognizer.load_recognizer(saved), recognizer.untrained(SPEC)
    assert found.spec == SPEC
    assert equal(found.params, fresh.params)
    assert equal(found.state, fresh.state)
    x = fnn.keys.generator(0).random((5, 3, 3, 1), np.float32)
    a, b = (fnn.predict(r.net, r.params, r.state, x) for r in (found, fresh))
    np.testing.assert_array_equal(a, b)


def test_what_does_not_fit_the_spec_is_not_saved(tmp_path):
    fresh = recognizer.untrained(SPEC)
    for other in (SPEC._replace(options={"hidden": 3}), SPEC._replace(name="nonesuch")):
        with pytest.raises(ValueError, match=r"expected shape|'nonesuch'"):
            recognizer.save_recognizer(tmp_path / "p.npz", other, fresh.params, fresh.state)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("keep", [0, 1, 10, 100, 0.5, 0.9, 0.99])
def test_truncated_files_are_refused(saved, keep):
    data = saved.read_bytes()
    saved.write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    with pytest.raises(InputError, match="not a file that fnn wrote"):
        checkpoint.load(saved)


def test_any_flipped_byte_is_refused_or_harmless(saved):
    data, whole = saved.read_bytes(), checkpoint.load(saved)
    for i in range(0, len(data), 7):
        saved.write_bytes(data[:i] + bytes([data[i] ^ 0x55]) + data[i + 1 :])
        try:
            assert equal(checkpoint.load(saved), whole)
        except InputError as error:
            assert str(saved) in str(error)  # noqa: PT017


def foreign(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def bomb(inflate):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if inflate else zipfile.ZIP_STORED) as z:
        z.writestr("fnn.npy", bytes(10**7))
    return file.getvalue()


def claims(shape):
    """An archive whose header member claims more than it holds."""
    file, out = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("fnn.npy", file.getvalue() + b"{}")
    return out.getvalue()


def header(value):
    return foreign(fnn=np.frombuffer(json.dumps(value).encode(), np.uint8))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an .npz archive"),
        (b"hello", "not an .npz archive"),
        (foreign(a=np.ones(3)), "no member fnn.npy"),
        (foreign(fnn=np.ones(3)), "damaged"),
        (foreign(fnn=np.array([None])), r"holds elements of dtype \|O"),
        (header({"format": 99, "tree": {}}), "its format is 99, this fnn reads 1"),
        (header({"tree": {}}), "damaged"),
        (header([]), "damaged"),
        (header({"format": 1, "tree": {"array": "absent"}}), "damaged"),
        (header({"format": 1, "tree": {"code": "x"}}), "damaged"),
        (bomb(True), "compressed"),
        (bomb(False), "damaged"),
        (claims((10**12,)), "1000000000000 bytes, but 2 are there"),
        (claims((-1,)), "-1 bytes, but 2 are there"),
    ],
)
def test_foreign_files_and_bombs_are_refused_in_one_line(tmp_path, content, words):
    path = tmp_path / "f.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        checkpoint.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t["model"].update(name="nonesuch"),
        lambda t: t["model"].update(classes=5),
        lambda t: t["model"].update(shape=(4, 4, 1)),
        lambda t: t["model"].update(options={"hidden": -1}),
        lambda t: t["model"].update(options={"hidden": 10**9}),
        lambda t: t["model"].update(options={"hidden": 10**15}),
        lambda t: t["model"].update(options={"nonesuch": 1}),
        lambda t: t["model"].pop("shape"),
        lambda t: t.pop("params"),
        lambda t: t["params"].pop(1),
        lambda t: t["params"][1].update(W=t["params"][1]["W"].astype(np.float64)),
        lambda t: t["params"][1].update(W=5),
        lambda t: t["params"][1].update(W=t["params"][1]["W"] * np.float32(np.nan)),
        lambda t: t.update(state={}),
    ],
)
def test_parameters_that_do_not_fit_the_model_are_refused(saved, change):
    content = checkpoint.load(saved)
    change(content)
    checkpoint.save(saved, content)
    with pytest.raises(InputError, match="not the parameters of a network that this fnn builds"):
        recognizer.load_recognizer(saved)


@pytest.mark.parametrize("name", [".", "absent.npz", "nul\0", "/dev/zero"])
def test_a_path_that_cannot_be_read_is_named(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        InputError, match=r"there is no such file|cannot be read|damaged|not a regular file"
    ):
        checkpoint.load(name)


@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        ({"a": np.ma.array([1.0, 2.0], mask=[0, 1])}, "a: a masked array would lose its mask"),
        ({"a\0b": np.ones(2)}, "keys must be printable"),
        ({"a": {"\ud800": np.ones(2)}}, "keys must be printable"),
        ({"a" * 70000: np.ones(2)}, "paths below 60,000 bytes"),
    ],
)
def test_what_would_not_come_back_is_refused(tmp_path, leaf, words):
    with pytest.raises(TypeError, match=words):
        checkpoint.save(tmp_path / "a", leaf)
    assert not (tmp_path / "a").exists()
