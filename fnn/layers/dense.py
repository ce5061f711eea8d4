"""The fully connected layer."""

from fnn.arrays import Array, Shape
from fnn.kernels.dense import product
from fnn.keys import Key, child
from fnn.layers.initializers import Initializer, course
from fnn.layers.layer import Cache, Layer, check_input, check_rank
from fnn.tree import Tree


def dense(n: int, init: Initializer = course) -> Layer:
    """Each of `n` outputs is a weighted sum of all inputs plus a bias.

        y = x @ W + b                             equations (1)-(4)
        dx = dy @ W.T,  dW = x.T @ dy,  db = sum of dy's rows         (13)-(18)

    The course keeps examples in columns, fnn in rows. x is (N, m), y is (N, n), W (m, n), b (n,).
    `init` makes W and b: by default both are normal with variance 1/m, as in task 1. `he`,
    `glorot` and `zeros` are in `fnn.initializers`. Raises ValueError for n < 1.

    >>> dense(10).shape((784,))
    (10,)
    """
    if n < 1:
        raise ValueError(f"dense: expected at least one node, found n={n}")
    name = f"dense({n})"

    def shape(s: Shape) -> Shape:
        check_rank(name, s, "(m,)", "put flatten() before it")
        return (n,)

    def make(rng: Key, s: Shape) -> Tree:
        shape(s)
        m = s[0]
        return {"W": init.W(child(rng, 0), (m, n), m, n), "b": init.b(child(rng, 1), (n,), m, n)}

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_input(name, x, shape, last=len(params["W"]))
        y = product(x, params["W"])
        y += params["b"]
        return y, Cache(x, state)

    def grads(params: Tree, cache: Cache, dy: Array) -> Tree:
        return {"W": product(cache.saved.T, dy), "b": dy.sum(axis=0)}

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        return product(dy, params["W"].T), grads(params, cache, dy)

    return Layer(make, apply, vjp, shape, grads=grads, name=name)
