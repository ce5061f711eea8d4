"""The static page: what is written, what is refused, and that its library needs nothing else."""

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from test_answer import drawn

import fnn
from fnn.data.synthetic import digits
from fnn.recognizer.photos import for_photos
from fnn.serve.answer import loaded
from fnn.serve.pyodide import CORE, LOCK, PACKAGES, VERSION, from_cdn
from fnn.serve.site import library

FILES = ["fnn.zip", "index.html", "network.json", "page.css", "page.js", "params.npz", "site.json",
         "worker.js"]  # fmt: skip


@pytest.fixture
def pyodide(tmp_path):
    """A folder with the names of Pyodide's files."""
    folder = tmp_path / "pyodide"
    folder.mkdir()
    wheels = {
        "numpy": {"file_name": "numpy.whl", "version": "2.4.3", "depends": ["blas"]},
        "blas": {"file_name": "blas.whl", "version": "1", "depends": ["numpy"]},
        "pillow": {"file_name": "pillow.whl", "version": "12", "depends": []},
    }
    (folder / LOCK).write_text(json.dumps({"packages": wheels}))
    names = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
    for name in (*names, "numpy.whl", "blas.whl", "pillow.whl", "unused.whl"):
        (folder / name).write_text(name)
    return folder


def test_a_page_that_loads_pyodide_from_elsewhere(run, tmp_path):
    done = run("fnn-serve", "--params", "pretrained", "--site", "site")
    assert done.returncode == 0
    assert re.fullmatch(
        r"site: 1\.\d MB; look at it with python -m http.server -d site\n", done.stdout
    )
    assert sorted(os.listdir("site")) == FILES
    listed = json.loads(Path("site/site.json").read_text())
    assert (listed["base"], listed["packages"], listed["names"]) == (CORE, PACKAGES, ["numpy"])
    assert all(VERSION in place for place in (CORE, PACKAGES))
    for about in listed["files"].values():
        assert re.fullmatch(r"sha384-[A-Za-z0-9+/]{64}", about["integrity"])
        assert about["size"] > 0
    again, shipped = fnn.load_recognizer("site/params.npz"), for_photos(fnn.pretrained())
    images = digits(3, 40).images
    np.testing.assert_array_equal(fnn.recognize(again, images), fnn.recognize(shipped, images))
    counted = ("fnn.zip", "params.npz", "network.json")
    assert listed["total"] == sum(os.path.getsize(f"site/{name}") for name in counted) + sum(
        about["size"] for about in listed["files"].values()
    )


def test_a_page_with_its_own_pyodide(run, pyodide):
    args = "--params", "pretrained", "--site", "site", "--pyodide", pyodide
    assert run("fnn-serve", *args).returncode == 0
    assert sorted(os.listdir("site")) == sorted([*FILES, "pyodide"])
    copied = sorted(os.listdir("site/pyodide"))
    assert copied == sorted(
        [LOCK, "pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip",
         "numpy.whl", "blas.whl"])  # fmt: skip
    texts = [Path("site", name).read_text() for name in FILES if not name.endswith(("zip", "npz"))]
    assert not any("cdn" in text for text in texts)  # nothing from another host
    before = {name: Path("site", name).read_bytes() for name in FILES}
    assert run("fnn-serve", *args).returncode == 0  # again, in place of the first
    assert run("fnn-serve", *args[:-1], "site/pyodide").returncode == 0  # from its own
    assert {name: Path("site", name).read_bytes() for name in FILES} == before


def test_a_network_for_pictures_brings_pillow(run, pyodide, tmp_path):
    spec = fnn.Spec("mlp", (6, 5, 3), 3, {}, names=("cat", "dog", "horse"))
    net = fnn.models.build(spec)
    fnn.save_recognizer("c.npz", spec, net.init(0, spec.shape), net.state(0, spec.shape))
    args = "--params", "c.npz", "--site", "site"
    assert run("fnn-serve", *args, "--pyodide", pyodide).returncode == 0
    assert (Path("site/pyodide/pillow.whl")).exists()
    (pyodide / "pillow.whl").unlink()
    done = run("fnn-serve", *args, "--pyodide", pyodide)
    assert "lacks pillow.whl" in done.stderr
    assert run("fnn-serve", *args).returncode == 0
    assert json.loads(Path("site/site.json").read_text())["names"] == ["numpy", "pillow"]


OWN = """
import numpy as np
import fnn


def net(classes):
    tanh = fnn.Layer(
        init=lambda rng, shape: {},
        apply=lambda params, state, x, train: (np.tanh(x), fnn.Cache(x, state)),
        vjp=lambda params, cache, dy: (dy * (1 - np.tanh(cache.saved) ** 2), {}),
    )
    return fnn.serial(fnn.flatten(), fnn.dense(20), tanh, fnn.dense(classes))
"""


def test_layers_of_ones_own_come_along(run, refused, pyodide):
    Path("mine.py").write_text(OWN)
    own = "--model", "mine.py:net"
    assert run("fnn-train", *own, "--data", "digits", "--epochs", 1).returncode == 0
    refused(run("fnn-serve", "--site", "site"), "add --model mine.py:net")
    assert run("fnn-serve", *own, "--site", "site", "--pyodide", pyodide).returncode == 0
    listed = json.loads(Path("site/site.json").read_text())
    assert listed["model"] == "/fnn/mine.py:net"
    with zipfile.ZipFile("site/fnn.zip") as packed:
        assert packed.read("mine.py").decode() == OWN
    pixels = drawn()
    answer = loaded("site/params.npz", "mine.py:net")(*pixels.shape[:2], pixels.tobytes())
    assert len(json.loads(answer)["probabilities"]) == 10


def lack(name):
    return lambda folder: (folder / name).unlink()


def written(name, text):
    return lambda folder: (folder / name).write_text(text)


OLD = json.dumps({"packages": {"numpy": {"file_name": "numpy.whl", "version": "1.26.4"}}})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lack("pyodide.mjs"), "lacks pyodide.mjs; expected the files of a full distribution"),
        (lack("pyodide.asm.mjs"), "lacks pyodide.asm.js"),
        (lack("numpy.whl"), "lacks numpy.whl"),
        (lack("blas.whl"), "lacks blas.whl"),
        (lack(LOCK), LOCK),
        (written(LOCK, "{"), "is damaged"),
        (written(LOCK, "[]"), "is damaged"),
        (written(LOCK, '{"packages": 3}'), "is damaged"),
        (written(LOCK, '{"packages": {"numpy": 3}}'), "is damaged"),
        (written(LOCK, '{"packages": {}}'), "lacks the wheel of numpy"),
        (written(LOCK, OLD), r"has NumPy 1.26.4, expected 2.0 or newer"),
    ],
)
def test_a_folder_that_is_no_pyodide(run, refused, pyodide, spoil, message):
    spoil(pyodide)
    refused(
        run("fnn-serve", "--site", "site", "--pyodide", pyodide, "--params", "pretrained"), message
    )
    assert not Path("site").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--pyodide", "."], "--pyodide: only used with --site DIR"),
        (["--site", "s", "--port", 5], "--port: not used with --site"),
        (["--site", "s", "--params", "random"], "--params random"),
        (["--site", "s", "--pyodide", "absent"], "absent: there is no such directory"),
        (["--site", "full"], "full: has other files"),
        (["--site", "file"], "file: is a file"),
        (["--params", "absent"], "absent"),
        (["--port", "70000"], "70000"),
        (["--port", "x"], "--port"),
    ],
)
def test_bad_arguments(run, refused, args, message):
    Path("full").mkdir()
    Path("full/mine.txt").write_text("mine")
    Path("file").write_text("mine")
    given = args if "--params" in args else [*args, "--params", "pretrained"]
    refused(run("fnn-serve", *given), message)
    assert sorted(os.listdir()) == ["file", "full"]
    assert os.listdir("full") == ["mine.txt"]


def test_a_port_that_is_in_use(run, refused):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(
            run("fnn-serve", "--params", "pretrained", "--port", port), f"--port {port}: is in use"
        )


ALONE = """
import sys
import json, numpy
from fnn.serve.answer import loaded
reply = loaded(sys.argv[1])
tone = numpy.full((60, 60, 4), 255, numpy.uint8)
tone[10:50, 28:33, :3] = 0
print(json.loads(reply(60, 60, tone.tobytes()))["probabilities"].index)
homes = {m.__file__ for m in list(sys.modules.values()) if getattr(m, "__file__", None)}
print(*sorted(h for h in homes if "site-packages" in h and "numpy" not in h))
"""


def test_the_library_in_the_page_needs_nothing_but_numpy(tmp_path):
    archive = library()
    assert archive == library()
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        names = packed.namelist()
        packed.extractall(tmp_path / "lib")
    assert all(name.endswith(".py") or "LICEN" in name.upper() for name in names)
    assert sum("LICEN" in name.upper() for name in names) >= 2  # toolz's and threadpoolctl's
    assert len(archive) < 500_000
    root = Path(fnn.__file__).parent
    for path in root.rglob("*.py"):  # the real, unchanged library
        packed_path = tmp_path / "lib" / "fnn" / path.relative_to(root)
        assert packed_path.read_bytes() == path.read_bytes()
    (tmp_path / "lib" / "numpy").symlink_to(Path(np.__file__).parent)
    if (libs := Path(np.__file__).parents[1] / "numpy.libs").exists():
        (tmp_path / "lib" / "numpy.libs").symlink_to(libs)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c",
         f"import sys; sys.path.insert(0, {str(tmp_path / 'lib')!r})\n{ALONE}",
         str(root / "recognizer" / "mnist.npz")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [""] or done.stdout.endswith("\n\n")


def test_hashes_are_those_of_the_files():
    """Where FNN_PYODIDE names a folder with the pinned version."""
    folder = Path(os.environ.get("FNN_PYODIDE", "absent"))
    if not (folder / "package.json").exists():
        pytest.skip("FNN_PYODIDE names no folder with Pyodide and its package.json")
    if json.loads((folder / "package.json").read_text())["version"] != VERSION:
        pytest.skip(f"FNN_PYODIDE is not version {VERSION}")
    from base64 import b64encode

    for name, about in from_cdn(["numpy", "pillow"]).files.items():
        if name == LOCK:
            continue  # distributions have one of their own
        data = (folder / name).read_bytes()
        sha = b64encode(hashlib.sha384(data).digest()).decode()
        assert (len(data), f"sha384-{sha}") == (about["size"], about["integrity"]), name
