"""Checks for layers, fnn's and your own: is the gradient right, is the layer pure?

    check_vjp(my_layer(), shape=(8, 8, 3))
    check_pure(my_layer(), shape=(8, 8, 3))

Both return None if all is well, and otherwise raise AssertionError: what is wrong, where, and what
to do. `cases` holds what they vary, `calls` the form of what a layer returns.
"""

from fnn.check.gradient import check_vjp
from fnn.check.purity import check_pure

__all__ = ["check_pure", "check_vjp"]
