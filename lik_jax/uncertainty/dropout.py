"""Monte Carlo dropout: a network trained with dropout, and predictions with it still on.

Each draw of the units that are left out is a member, so `lik_jax.uncertainty.predictive` mixes them.

>>> import jax, jax.numpy as jnp
>>> from lik_jax import normal
>>> from lik_jax.models import regressor
>>> from lik_jax.uncertainty import predictive
>>> model = regressor.create(regressor.Config(1, 2, (8,), dropout=0.5), jax.random.key(0))
>>> raw = samples(model.apply, model.params, jnp.zeros((4, 1)), jax.random.key(1), 10)
>>> mixed, params = predictive(normal, normal.constrain(raw))
>>> raw.shape, mixed
((10, 4, 2), mixture(normal, 10))

Source: Gal and Ghahramani (2016), "Dropout as a Bayesian approximation".
"""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array


def samples(apply: Callable[..., Array], params: Any, x: Any, key: Array, num_samples: int) -> Array:
    """Raw outputs ``[num_samples, ...]`` of as many draws of the units left out.

    Args:
        apply: ``apply(params, x, key)``; models of `lik_jax.models` with a ``dropout`` above 0 in their config.
        params: of the one network.
        x: inputs.
        key: of the draws.
        num_samples: how many.
    """
    return jax.vmap(lambda own: apply(params, x, own))(jax.random.split(key, num_samples))
