"""The CRPS of a forecast known by samples alone: an ensemble, a simulator, a Bayesian predictive.

Source: Ferro (2014), "Fair scores for ensemble forecasts"; Zamo and Naveau (2018), "Estimation of the continuous ranked
probability score with limited information and applications to ensemble weather forecasts".
"""

from typing import Any

import jax.numpy as jnp
from jax.typing import ArrayLike

from .._arrays import as_floats
from ..objectives.reduction import Reduction, example_weights, finish


def crps_from_samples(
    samples: ArrayLike,
    y: ArrayLike,
    *,
    fair: bool = True,
    axis: int = 0,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """CRPS from ``n`` samples of the forecast: ``mean |x - y|`` less half the mean distance of two samples.

    Args:
        samples: draws, ``[n, *examples]``, as ``distribution.sample(params, key, (n,))`` gives them.
        y: what came, ``[*examples]``.
        fair: the mean distance over pairs of *different* samples: in expectation the CRPS of the distribution that they
            are drawn from. False takes all ``n^2`` pairs: the CRPS of the empirical distribution, too large by
            ``E|X - X'| / (2 n)`` on average, so that it favours ensembles of too little spread.
        axis: of ``samples``, where the draws are.
        mask: True where an example counts, see `lik_jax.nll`.
        weights: of examples, see `lik_jax.nll`.
        reduction: see `lik_jax.nll`.

    Returns:
        A scalar, an array ``[*examples]``, or a `Total`, in the units of ``y``. Fair scores may be below 0.

    Raises:
        ValueError: shapes that do not fit, no sample at all, or one alone with ``fair``: it has no pair.

    >>> import jax
    >>> from lik_jax import normal
    >>> draws = normal.sample(normal.Params(0.2, 1.3), jax.random.key(0), (100_000,))
    >>> round(float(crps_from_samples(draws, 0.7)), 2)
    0.38
    """
    x, y = as_floats(samples)[0], as_floats(y)[0]
    if x.ndim == 0 or not -x.ndim <= axis < x.ndim:
        raise ValueError(f"crps_from_samples: samples have shape {x.shape}, which has no axis {axis}.")
    n, examples = x.shape[axis], x.shape[: axis % x.ndim] + x.shape[axis % x.ndim + 1 :]
    if examples != y.shape:
        raise ValueError(
            f"crps_from_samples: samples have shape {x.shape}, so with axis={axis} example axes {examples}, but y "
            f"has {y.shape}. Want samples [n, *examples] and y [*examples], or name the samples' axis."
        )
    if n < 1 + fair:
        raise ValueError(
            f"crps_from_samples: {n} sample{'s' * (n != 1)}; fair=True compares pairs of different samples and needs 2 "
            f"or more. Draw more, or take fair=False, which for one sample is the absolute error."
        )
    keep, w = example_weights(mask, weights, y.shape, "crps_from_samples")
    if keep is not None:
        x = jnp.where(jnp.expand_dims(keep, axis % x.ndim), x, 0)
        y = jnp.where(keep, y, 0)
    y, x = as_floats(y, jnp.moveaxis(x, axis, -1), ndims=(0, 1))
    gap = jnp.sort(x - y[..., None], -1)
    # the i-th smallest of n is the larger one in i - 1 pairs and the smaller one in n - i
    place = jnp.arange(1 - n, n, 2, dtype=gap.dtype).reshape((1,) * y.ndim + (-1,))
    pairs = (place * gap).sum(-1) / (n * float(n - 1 if fair else n))
    return finish((jnp.sign(gap) * gap).mean(-1) - pairs, keep, w, reduction)
