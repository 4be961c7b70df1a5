"""f-GANs: any f-divergence as a game, from a table of activations and conjugates.

``D_f(p || q) = E_q[f(p / q)]`` with ``f(1) = 0``, convex, is the largest value of ``E_p[T(y)] - E_q[f*(T(y))]`` over
functions ``T``, and ``f*`` is the conjugate of ``f``. A critic's output ``v`` becomes ``T`` by an activation onto the
domain of ``f*``. So minus the critic's loss is a lower bound on the divergence, reached by the best critic.

>>> import jax.numpy as jnp
>>> from lik_jax.objectives.adversarial import discriminator_loss
>>> ratio = jnp.zeros(3)  # log p / q of equal distributions
>>> float(abs(discriminator_loss(ratio, ratio, game=f_gan("reverse_kl"))))
0.0

Source: Nowozin, Cseke and Tomioka (2016), "f-GAN: Training generative neural samplers using variational divergence
minimization", equation 6 and table 2.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from ... import special
from .games import Game

_LOG_2 = math.log(2)


@dataclass(frozen=True)
class Divergence:
    """An f-divergence between data ``p`` and samples ``q``.

    Attributes:
        activation: ``T`` by the critic's output ``v``; it rises with ``v``.
        conjugate: ``f*(T)`` by ``v``: composed with the activation, so that nothing cancels or overflows early.
        best: the best critic's ``v``, by the log density ratio ``log p / q``.
    """

    activation: Callable[[Array], Array]
    conjugate: Callable[[Array], Array]
    best: Callable[[Array], Array]


def _log_sigmoid(v: Array) -> Array:
    return special.log_sigmoid(v)


DIVERGENCES: dict[str, Divergence] = {
    # E_p[log p / q]: f = u log u
    "kl": Divergence(lambda v: v, lambda v: jnp.exp(v - 1), lambda ratio: 1 + ratio),
    # E_q[log q / p]: f = -log u
    "reverse_kl": Divergence(lambda v: -jnp.exp(-v), lambda v: v - 1, lambda ratio: ratio),
    # E_q[(p / q - 1)^2]: f = (u - 1)^2
    "pearson": Divergence(lambda v: v, lambda v: 0.25 * v**2 + v, lambda ratio: 2 * jnp.expm1(ratio)),
    # E_p[(q / p - 1)^2]: f = (1 - u)^2 / u
    "neyman": Divergence(lambda v: -jnp.expm1(-v), lambda v: -2 * jnp.expm1(-v / 2), lambda ratio: 2 * ratio),
    # the integral of (sqrt p - sqrt q)^2: f = (sqrt u - 1)^2
    "squared_hellinger": Divergence(lambda v: -jnp.expm1(-v), lambda v: jnp.expm1(v), lambda ratio: ratio / 2),
    # twice the mean of KL(p || m) and KL(q || m), m = (p + q) / 2: f = u log u - (u + 1) log((u + 1) / 2)
    "jensen_shannon": Divergence(
        lambda v: _LOG_2 + _log_sigmoid(v), lambda v: -_LOG_2 - _log_sigmoid(-v), lambda ratio: ratio
    ),
    # the same less 2 log 2, so that f(1) is not 0: `minimax`, to the letter
    "gan": Divergence(_log_sigmoid, lambda v: -_log_sigmoid(-v), lambda ratio: ratio),
    # half the integral of |p - q|: f = |u - 1| / 2
    "total_variation": Divergence(
        lambda v: 0.5 * jnp.tanh(v),
        lambda v: 0.5 * jnp.tanh(v),
        lambda ratio: jnp.where(ratio == 0, 0, jnp.copysign(jnp.inf, ratio)).astype(ratio.dtype),
    ),
}


def f_gan(divergence: str | Divergence, *, saturating: bool = False) -> Game:
    """The game whose best critic measures an f-divergence.

    Args:
        divergence: one of `DIVERGENCES`, by name, or a `Divergence`.
        saturating: the generator minimises the bound itself, ``-E_q[f*(T)]``; otherwise, as the paper advises (its
            section 3.2), it maximises ``E_q[T]``, which moves it the same way and does not die early.

    Raises:
        ValueError: no divergence of that name.

    >>> import jax.numpy as jnp
    >>> float(f_gan("pearson").fake(jnp.float32(2.0)))
    3.0
    """
    if isinstance(divergence, str):
        if divergence not in DIVERGENCES:
            raise ValueError(
                f"f_gan: divergence={divergence!r}; want a Divergence, or one of {', '.join(DIVERGENCES)}."
            )
        name, divergence = f"f_gan({divergence})", DIVERGENCES[divergence]
    else:
        name = "f_gan"
    activation, conjugate = divergence.activation, divergence.conjugate
    return Game(
        name,
        real=lambda v: -activation(v),
        fake=conjugate,
        generator=(lambda v: -conjugate(v)) if saturating else (lambda v: -activation(v)),
        best=divergence.best,
    )
