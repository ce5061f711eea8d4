"""The optimizers of the course: chains of the parts in `fnn.optim.transforms`.

That module defines what an optimizer is. A learning rate is a number, or a schedule: a function of
the step count. A number that is negative, infinite or NaN raises ValueError.
"""

from __future__ import annotations

import math

from fnn.errors import real
from fnn.optim import transforms
from fnn.optim.decay import decoupled_decay
from fnn.optim.schedules import Rate, rate_at
from fnn.optim.transforms import Optimizer, chain, scale, trace


def sgd(lr: Rate = 0.01) -> Optimizer:
    """Stochastic gradient descent: W <- W - lr g, equation (39)."""
    return scale(negative(lr))


def momentum(lr: Rate = 0.01, *, alpha: float = 0.9) -> Optimizer:
    """SGD with momentum: d <- alpha d - lr g; W <- W + d, equations (40)-(41)."""
    return chain(scale(negative(lr)), trace(alpha))


def nesterov(lr: Rate = 0.01, *, alpha: float = 0.9) -> Optimizer:
    """SGD with Nesterov's momentum: d <- alpha d - lr g; W <- W + alpha d - lr g."""
    return chain(scale(negative(lr)), trace(alpha, nesterov=True))


def adagrad(lr: Rate = 0.001, *, h0: float = 1e-8) -> Optimizer:
    """AdaGrad: h <- h + g*g; W <- W - lr g / sqrt(h), equations (42)-(43); h starts at h0.

    Source: Duchi et al., "Adaptive subgradient methods", JMLR 2011; course, section 5.5.
    """
    return chain(transforms.scale_by_adagrad(h0), scale(negative(lr)))


def rmsprop(lr: Rate = 0.01, *, rho: float = 0.99, eps: float = 1e-8) -> Optimizer:
    """RMSProp: h <- rho h + (1-rho) g*g; W <- W - lr g / (sqrt(h) + eps), equations (44)-(45).

    Source: Tieleman and Hinton, COURSERA lecture 6.5, 2012; course, section 5.5.
    """
    return chain(transforms.scale_by_rms(rho, eps), scale(negative(lr)))


def adadelta(*, rho: float = 0.95, eps: float = 1e-6) -> Optimizer:
    """AdaDelta, which needs no learning rate, equations (46)-(49).

    h <- rho h + (1-rho) g*g;  d = -(sqrt(s) + eps) / (sqrt(h) + eps) g
    s <- rho s + (1-rho) d*d;  W <- W + d;  h and s start at 0

    As in the course, eps is outside the roots; in Zeiler's paper it is inside.
    Source: Zeiler, "ADADELTA", arXiv:1212.5701; course, section 5.5.
    """
    return chain(transforms.scale_by_adadelta(rho, eps), scale(-1.0))


def adam(
    lr: Rate = 0.001, *, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
) -> Optimizer:
    """Adam: W <- W - lr mhat / (sqrt(vhat) + eps), equations (50)-(55).

    Source: Kingma and Ba, "Adam", ICLR 2015; course, section 5.5.
    """
    return chain(transforms.scale_by_adam(beta1, beta2, eps), scale(negative(lr)))


def adamw(
    lr: Rate = 0.001,
    *,
    decay: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
) -> Optimizer:
    """Adam whose weights decay apart from the gradients: W <- W - lr mhat / (...) - lr decay W.

    Only leaves named W decay; `decoupled_decay` says how, and what must hold.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", arXiv:1711.05101.
    """
    return decaying("adamw", adam(lr, beta1=beta1, beta2=beta2, eps=eps), lr, decay)


def decaying(where: str, optimizer: Optimizer, lr: Rate, decay: float) -> Optimizer:
    """The optimizer, whose weights W also decay by decay times the learning rate.

    Raises ValueError, which begins with `where`, for a negative decay.
    """
    decay = real(f"{where}: decay", decay)
    if decay < 0:
        raise ValueError(f"{where}: expected a decay of 0 or more, found {decay:g}")
    rate = (lambda step: decay * rate_at(lr, step)) if callable(lr) else decay * _checked(lr)
    return chain(optimizer, decoupled_decay(rate))


def negative(lr: Rate) -> Rate:
    """-lr, which is the factor of a step downhill."""
    return (lambda step: -rate_at(lr, step)) if callable(lr) else -_checked(lr)


def _checked(lr: float) -> float:
    rate = real("a learning rate", lr, finite=False)
    if not 0 <= rate < math.inf:
        raise ValueError(f"expected a finite learning rate of 0 or more, found {rate}")
    return rate
