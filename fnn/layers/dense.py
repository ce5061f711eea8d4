"""The fully connected layer."""

from fnn.keys import Key, child
from fnn.layers.initializers import Initializer, course
from fnn.layers.layer import Array, Cache, Layer, Shape, check_input, rank_error
from fnn.tree import Tree


def dense(n: int, init: Initializer = course) -> Layer:
    """Every one of `n` outputs is a weighted sum of all inputs plus a bias.

        y = x @ W + b                             equations (1)-(4)
        dx = dy @ W.T,  dW = x.T @ dy,  db = sum of dy's rows         (13)-(18)

    The course keeps examples in columns, fnn in rows. x is (N, m), y is (N, n), W (m, n), b (n,).
    `init` says how W and b start: by default normal with variance 1/m, both, as in task 1; `he`,
    `glorot` and `zeros` are in `fnn.initializers`. Raises ValueError for n < 1.

    >>> dense(10).shape((784,))
    (10,)
    """
    if n < 1:
        raise ValueError(f"dense: expected at least one node, found n={n}")
    name = f"dense({n})"

    def shape(s: Shape) -> Shape:
        if len(s) != 1:
            raise rank_error(name, "(m,)", s, "put flatten() before it")
        return (n,)

    def make(rng: Key, s: Shape) -> Tree:
        shape(s)
        m = s[0]
        return {"W": init.W(child(rng, 0), (m, n), m, n), "b": init.b(child(rng, 1), (n,), m, n)}

    def apply(params: Tree, state: Tree, x: Array, train: bool) -> tuple[Array, Cache]:
        check_input(name, x, params["W"].shape[:1])
        y = x @ params["W"]
        y += params["b"]
        return y, Cache(x, state)

    def grads(params: Tree, cache: Cache, dy: Array) -> Tree:
        return {"W": cache.saved.T @ dy, "b": dy.sum(axis=0)}

    def vjp(params: Tree, cache: Cache, dy: Array) -> tuple[Array, Tree]:
        return dy @ params["W"].T, grads(params, cache, dy)

    return Layer(make, apply, vjp, shape, grads=grads, name=name)
