"""What noise there is in ``y``, and what the members do not agree on: aleatoric and epistemic parts.

By entropy, for yes or no and classes: ``H[mixture] = E_k H[member k] + I(y; k)``. By variance, for numbers:
``Var y = E_k Var(y | k) + Var_k E(y | k)``. Both are of the mixture that `predictive` gives.

>>> import jax.numpy as jnp
>>> from lik_jax import categorical
>>> from lik_jax.uncertainty import predictive
>>> sure_of_different_things = categorical.Params(jnp.array([[[9.0, -9.0]], [[-9.0, 9.0]]]))
>>> parts = entropies(*predictive(categorical, sure_of_different_things))
>>> round(float(parts.epistemic[0]), 4), round(float(parts.in_bits().total[0]), 4)
(0.6931, 1.0)

Source: Depeweg, Hernandez-Lobato, Doshi-Velez and Udluft (2018), "Decomposition of uncertainty in Bayesian deep
learning", section 3.
"""

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from .. import special
from .._arrays import as_floats
from ..compose import mixture
from ..compose._trees import with_axis
from ..compose.mixture import MixtureParams
from ..distribution import require
from .predictive import pooled


class Entropies(NamedTuple):
    """In nats, ``[...]`` each. ``total``: of the mixture. ``aleatoric``: mean of the members'. ``epistemic``: mutual
    information of ``y`` and the member, not negative; ``total = aleatoric + epistemic``."""

    total: Array
    aleatoric: Array
    epistemic: Array

    def in_bits(self) -> "Entropies":
        """The same in bits."""
        return Entropies(*(part / math.log(2) for part in self))


class Variances(NamedTuple):
    """In squared units of ``y``, ``[..., *event]`` each. ``total``: of the mixture. ``aleatoric``: mean of the
    members'. ``epistemic``: of the members' means; ``total = aleatoric + epistemic``."""

    total: Array
    aleatoric: Array
    epistemic: Array


def entropies(mixed: mixture, params: MixtureParams) -> Entropies:
    """The parts of the entropy.

    The mutual information is the mean divergence of the members from the mixture: nothing cancels where they agree.

    Args:
        mixed: a mixture of `categorical` or `bernoulli`.
        params: its params, ``[...]``.

    Raises:
        TypeError: another kind: the entropy of its mixture has no closed form. `variances` may do.
    """
    base: Any = mixed.base
    whole = pooled(mixed, params)
    weights, components = mixed.weighted_components(params)
    beside = with_axis(base.param_supports, whole)
    return Entropies(
        base.entropy(whole),
        _average(weights, base.entropy(components), 0),
        _average(weights, base.kl_divergence(components, beside), 0),
    )


def variances(mixed: mixture, params: MixtureParams) -> Variances:
    """The parts of the variance, of each coordinate.

    Args:
        mixed: a mixture of anything with mean and variance.
        params: its params, ``[...]``.

    Raises:
        TypeError: the members have no mean or no variance.
    """
    require(mixed.base, ("mean", "variance"), "variances")
    base: Any = mixed.base
    weights, components = mixed.weighted_components(params)
    n = mixed.event_ndim
    means, within = base.mean(components), base.variance(components)
    centre = _average(weights, means, n)
    means, centre = as_floats(means, jnp.expand_dims(centre, centre.ndim - n), ndims=(n, n))
    between = _average(weights, (means - centre) ** 2, n)
    return Variances(mixed.variance(params), *as_floats(_average(weights, within, n), between, ndims=(n, n)))


def _average(log_weights: Array, x: Array, event_ndim: int) -> Array:
    """Weighted mean over the member axis of ``x`` ``[..., k, *event]``."""
    weights = jnp.exp(log_weights)
    weights, x = as_floats(weights.reshape(weights.shape + (1,) * event_ndim), x)
    return special.weighted(*jnp.broadcast_arrays(weights, x)).sum(-1 - event_ndim)
