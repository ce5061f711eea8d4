"""The fully connected layer."""

from __future__ import annotations

from fnn.arrays import Array, Shape
from fnn.errors import whole
from fnn.kernels.dense import product
from fnn.keys import Key, child
from fnn.layers.checks import check_dy, check_input, check_leaves, check_params, check_rank
from fnn.layers.initializers import Initializer, check_initializer, course
from fnn.layers.layer import Cache, Layer, constructor
from fnn.tree import Tree


@constructor
def dense(n: int, *, init: Initializer = course) -> Layer:
    """Each of `n` outputs is a weighted sum of all inputs plus a bias.

        y = x @ W + b                             equations (1)-(4)
        dx = dy @ W.T,  dW = x.T @ dy,  db = sum of dy's rows         (13)-(18)

    The course keeps examples in columns, fnn in rows. x is (N, m), y is (N, n), W (m, n), b (n,).
    `init` makes W and b: by default both are normal with variance 1/m, as in task 1. `he`,
    `glorot` and `zeros` are in `fnn.initializers`. Raises ValueError for n < 1.

    >>> dense(10).shape((784,))
    (10,)
    """
    n = whole("dense: nodes", n)
    check_initializer("dense", init)
    name = f"dense({n})"

    def shape(s: Shape) -> Shape:
        check_rank(name, s, "(m,)", "put flatten() before it")
        return (n,)

    def make(rng: Key, s: Shape) -> Tree:
        shape(s)
        m = s[0]
        return {"W": init.W(child(rng, 0), (m, n), m, n), "b": init.b(child(rng, 1), (n,), m, n)}

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_input(name, x, shape)
        check_params(name, params, x, {"W": (x.shape[1], n), "b": (n,)})
        check_leaves(name, "state", state, {}, x)
        y = product(x, params["W"])
        y += params["b"]
        return y, Cache(x, state)

    def grads(params: Tree, cache: Cache, dy: Array) -> Tree:
        check_dy(name, dy, (len(cache.saved), n))
        return {"W": product(cache.saved.T, dy), "b": dy.sum(axis=0)}

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        own = grads(params, cache, dy)
        return product(dy, params["W"].T), own

    return Layer(make, apply, vjp, shape, grads=grads, name=name)
