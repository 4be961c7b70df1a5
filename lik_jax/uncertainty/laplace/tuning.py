"""The prior's precision by held-out data, where that of the evidence is not what predicts best.

>>> import jax.numpy as jnp
>>> from lik_jax import nll, normal
>>> from lik_jax.uncertainty.laplace import last_layer, outputs
>>> x, y = jnp.array([[0.0], [1.0], [2.0]]), jnp.array([0.1, 0.9, 2.1])
>>> fixed_noise = lambda raw: normal.Params(raw[..., 0], 0.1)
>>> params = last_layer.fit(normal, x, y, jnp.array([[1.0]]), constrain=fixed_noise)
>>> new_x, new_y = jnp.array([[3.0], [4.0]]), jnp.array([3.2, 3.7])
>>> def loss(params):
...     predicted = outputs.added_variance(last_layer.predict(params, new_x), fixed_noise)
...     return nll(normal, predicted, new_y)
>>> tuned = by_held_out(params, loss, jnp.array([1.0, 100.0, 1e4]))
>>> float(tuned.prior_precision)
1.0
"""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

Posterior = TypeVar("Posterior")


def by_held_out(params: Posterior, loss: Callable[[Any], Array], precisions: ArrayLike | None = None) -> Posterior:
    """``params`` with the precision of the least held-out loss.

    The evidence counts an example once, and takes the weights for the most probable ones; training with augmentation
    and early stopping does neither. The validation part, where it is at hand, says what that is worth.

    Args:
        params: of `last_layer`, `diagonal` or `kron`.
        loss: held-out loss of such params, a scalar: the NLL of the predictive that will be used.
        precisions: to choose from, ``[g]``; if not given, 25 from a hundredth to ten thousand times that of
            ``params``. A loss that is NaN is not chosen.
    """
    own: Any = params
    if precisions is None:
        precisions = own.prior_precision * jnp.logspace(-2, 4, 25, dtype=jnp.result_type(own.prior_precision))
    grid = jnp.asarray(precisions, jnp.result_type(own.prior_precision))
    losses = jax.lax.map(lambda precision: loss(own._replace(prior_precision=precision)), grid)
    return own._replace(prior_precision=grid[jnp.argmin(jnp.where(jnp.isnan(losses), jnp.inf, losses))])
