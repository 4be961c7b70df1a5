"""Scores that know a distribution by its samples."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import supports
from .._arrays import as_floats, float_dtype, guard
from ..compose._trees import example_shape
from ..distribution import Distribution, require
from ..objectives.likelihood import average
from ..objectives.losses import Kernel
from ..objectives.reduction import Reduction
from ..supports import example_axes, paired, shared, stacked

# of samples [m, ..., *event] and observations [..., *event], of one rank but for the samples' own axis, to [...]
Score = Callable[[Array, Array], Array]


class Samples(NamedTuple):
    """``samples``: ``[..., m, *event]``."""

    samples: ArrayLike


def enough(num_samples: int, fair: bool, asker: str) -> None:
    """Raise unless there are as many samples as a score needs.

    Raises:
        ValueError: none, or one where ``fair`` needs two.
    """
    least = 2 if fair else 1
    if num_samples < least:
        raise ValueError(f"{asker}: {num_samples} samples; want {least} or more{' with fair=True' if fair else ''}.")


def by_sampling(
    score: Score,
    distribution: Distribution,
    params: Any,
    y: ArrayLike,
    key: Array,
    num_samples: int,
    mask: ArrayLike | None,
    weights: ArrayLike | None,
    reduction: Reduction,
    name: str,
) -> Any:
    """Draw for each example and reduce the scores; NaN where params are not legal."""
    require(distribution, ("sample",), name)

    def loss(params: Any, y: ArrayLike) -> Array:
        examples = jnp.shape(y)[: jnp.ndim(y) - distribution.event_ndim]
        own = example_shape(distribution.param_supports, params)
        # params that all share are drawn from anew for each example, so that errors average out
        shape = (num_samples,) if own == examples else (num_samples, *examples)
        draws = distribution.sample(params, key, shape)
        return guard(score(*_lined_up(draws, y)), valid=legal(distribution, params))

    return average(loss, distribution, params, y, mask, weights, reduction, name)


def of_samples(
    score: Score,
    samples: ArrayLike,
    y: ArrayLike,
    event_ndim: int,
    mask: ArrayLike | None,
    weights: ArrayLike | None,
    reduction: Reduction,
    name: str,
) -> Any:
    """Reduce the scores of given samples ``[m, *examples, *event]``, or ``[m, *event]`` shared by all.

    Raises:
        ValueError: shapes that do not fit.
    """
    shape, want = jnp.shape(samples), jnp.shape(y)
    event = want[len(want) - event_ndim :]
    if len(want) < event_ndim or not shape or shape[1:] not in (want, event):
        raise ValueError(
            f"{name}: samples has shape {shape} and y {want}; want [m, *examples, *event] and [*examples, *event] "
            f"with an event of rank {event_ndim}."
        )

    def loss(params: Samples, y: ArrayLike) -> Array:
        return score(*_lined_up(jnp.moveaxis(jnp.asarray(params.samples), -1 - event_ndim, 0), y))

    moved = Samples(jnp.moveaxis(jnp.asarray(samples), 0, -1 - event_ndim))
    kernel: Any = Kernel(
        name,
        lambda params, y: -loss(params, y),
        Samples(stacked(supports.real, event_ndim + 1)),  # type: ignore[arg-type]
        stacked(supports.real, event_ndim) if event_ndim else supports.real,
        event_ndim,
    )
    return average(loss, kernel, moved, y, mask, weights, reduction, name)


def legal(distribution: Distribution, params: Any) -> Array:
    """True where every parameter lies where it may, ``[...]``: samples of others may look like any."""
    ok = jnp.array(True)
    for _, support, part in paired(distribution.param_supports, params) or ():
        if support == shared:
            continue
        for leaf in jax.tree.leaves(part):
            (x,) = as_floats(leaf)
            inside = support.contains(x)
            ok = ok & inside.all(tuple(range(len(example_axes(support, x)), inside.ndim)))
    return ok


def _lined_up(samples: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """One dtype, and one rank but for the samples' own axis."""
    dtype = float_dtype(samples, y)
    samples, y = jnp.asarray(samples).astype(dtype), jnp.asarray(y).astype(dtype)
    missing = y.ndim + 1 - samples.ndim
    return samples.reshape((samples.shape[0], *(1,) * missing, *samples.shape[1:])), y
