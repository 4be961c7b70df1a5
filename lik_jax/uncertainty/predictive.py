"""The predictive of several members, samples of a posterior or networks of an ensemble, as one lik_jax mixture.

``p(y | x) = sum_k weight_k p(y | params_k(x))``: its `log_prob`, `cdf`, scores and plots are those of any mixture.

>>> import jax.numpy as jnp
>>> from lik_jax import nll, normal
>>> members = normal.Params(loc=jnp.array([[0.0, 1.0, 2.0], [0.5, 1.0, 1.0]]), scale=jnp.full((2, 3), 0.5))
>>> mixed, params = predictive(normal, members)
>>> mixed, params.components.loc.shape
(mixture(normal, 2), (3, 2))
>>> nll(mixed, params, jnp.array([0.0, 1.0, 2.0]), reduction="none").shape
(3,)

Source: Lakshminarayanan, Pritzel and Blundell (2017), "Simple and scalable predictive uncertainty estimation using
deep ensembles", section 2.4.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .._arrays import as_floats, float_dtype
from ..compose import mixture
from ..compose._mixing import log_mix
from ..compose.mixture import MixtureParams
from ..distribution import Distribution, name_of
from ..distributions import bernoulli, categorical
from ..supports import Support, paired, shared


def predictive(distribution: Distribution, members: Any, weights: ArrayLike | None = None) -> tuple[mixture, Any]:
    """The mixture of the members' predictions.

    Args:
        distribution: what each member predicts.
        members: its params, each leaf ``[k, *examples, *its own]`` with the member axis first, as ``jax.vmap`` gives
            it; a leaf that has only its own axes is shared by all.
        weights: non-negative, of any sum, ``[k]`` or ``[*examples, k]``; 0 leaves a member out. All alike if not given.

    Returns:
        ``mixture(distribution, k)`` and its params, the member axis right after the example axes.

    Raises:
        ValueError: no member axis, or leaves that disagree on its length.
        TypeError: the distribution has params that are no arrays with example axes, such as the weights of a network.
    """
    pairs = paired(distribution.param_supports, members)
    if pairs is None:
        raise ValueError(
            f"predictive: members are {type(members).__name__}; want {name_of(distribution)}.Params with an axis of "
            f"members in front: {name_of(distribution)}.constrain(raw) of raw [k, *examples, ...]."
        )
    if any(support == shared for _, support, _ in pairs):
        raise TypeError(f"predictive: {name_of(distribution)} holds a network's weights; its members do not mix.")
    lengths = {jnp.shape(x)[0] for _, support, x in pairs if jnp.ndim(x) > support.event_ndim}
    if len(lengths) != 1:
        shapes = ", ".join(f"params{path} {jnp.shape(x)}" for path, _, x in pairs)
        raise ValueError(f"predictive: want one axis of members in front of each param; got {shapes}.")
    count = lengths.pop()
    if weights is None:
        logits = jnp.zeros(count, float_dtype(*jax.tree.leaves(members)))
    else:
        logits = jnp.log(as_floats(weights)[0])
        if logits.ndim == 0 or logits.shape[-1] != count:
            raise ValueError(f"predictive: weights have shape {logits.shape}; want [..., {count}], one a member.")

    def moved(support: Support, x: Any) -> Array:
        x = jnp.asarray(x)
        return x if x.ndim <= support.event_ndim else jnp.moveaxis(x, 0, x.ndim - 1 - support.event_ndim)

    components = jax.tree.map(moved, distribution.param_supports, members)
    return mixture(distribution, count), MixtureParams(logits, components)


def over_members(apply: Callable[..., Any], params: Any, *inputs: Any) -> Any:
    """``apply(params_k, *inputs)`` of every member, ``[k, ...]``.

    Args:
        apply: of one member.
        params: of all, each leaf ``[k, ...]``.
        inputs: the same for all.

    >>> over_members(lambda w, x: w * x, jnp.array([1.0, 2.0]), 3.0).tolist()
    [3.0, 6.0]
    """
    return jax.vmap(apply, in_axes=(0, *(None for _ in inputs)))(params, *inputs)


def pooled(mixed: mixture, params: MixtureParams) -> Any:
    """The same predictive as one distribution of the members' own kind, where mixing does not lead out of it.

    So a mixture of categoricals has logits, and whatever takes logits takes them: calibration maps and measures.

    Args:
        mixed: a mixture of `categorical` or `bernoulli`.
        params: its params.

    Returns:
        ``categorical.Params`` with normalised logits ``[..., classes]``, or ``bernoulli.Params`` ``[...]``.

    Raises:
        TypeError: another kind, whose mixture is not of that kind.

    >>> from lik_jax import categorical
    >>> mixed, params = predictive(categorical, categorical.from_probs(jnp.array([[[0.9, 0.1]], [[0.5, 0.5]]])))
    >>> [round(float(p), 4) for p in jnp.exp(pooled(mixed, params).logits[0])]
    [0.7, 0.3]
    """
    if mixed.base is not categorical and mixed.base is not bernoulli:
        raise TypeError(f"pooled: a mixture of {name_of(mixed.base)} is none; want categorical or bernoulli.")
    weights, components = mixed.weighted_components(params)
    if mixed.base is categorical:
        weights, z = as_floats(weights, components.logits, ndims=(1, 2))
        log_p = jnp.swapaxes(jax.nn.log_softmax(z, axis=-1), -1, -2)
        return categorical.Params(log_mix(weights[..., None, :], log_p))
    weights, z = as_floats(weights, components.logits, ndims=(1, 1))
    return bernoulli.Params(log_mix(weights, jax.nn.log_sigmoid(z)) - log_mix(weights, jax.nn.log_sigmoid(-z)))
