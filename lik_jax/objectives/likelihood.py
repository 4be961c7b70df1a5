"""The negative log-likelihood of a batch: every training loss is one of these."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from ..distribution import Distribution, name_of
from ..supports import Support, example_axes, paired
from .reduction import Reduction, example_weights, finish
from .rules import debug_rules


def nll(
    distribution: Distribution,
    params: Any,
    y: Any,
    *,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Negative log-likelihood in nats.

    The event of an observation is summed inside ``log_prob``; observations are averaged by weight.

    Args:
        distribution: a module such as ``lik_jax.normal``, or a composed distribution.
        params: its parameters. The example axes of each equal those of ``y``, or it has none (one value shared by
            all): anything else is an error, ``[B, 1]`` against ``[B]`` first of all.
        y: observations, ``[*examples, *event]``, or a pytree such as ``Censored(time, observed)``.
        mask: True where an example counts, ``[*examples]``. A masked example adds exactly 0 to the value and to
            every gradient, whatever junk or NaN it or its params hold.
        weights: non-negative, ``[*examples]``; weight 0 is masked.
        reduction: "mean" (by weight), "sum", "none" (one number an example) or "total" (a `Total`).

    Returns:
        A scalar, an array ``[*examples]``, or a `Total`. No weight at all gives 0 with zero gradient.

    Raises:
        ValueError: shapes that do not fit. Values are not checked here: `lik_jax.check` says what is wrong with
            them, and `lik_jax.checked` does inside ``jit``.

    >>> from lik_jax import normal
    >>> y = jnp.array([0.0, 1.0, jnp.nan])
    >>> round(float(nll(normal, normal.Params(0.0, 1.0), y, mask=jnp.array([True, True, False]))), 4)
    1.1689
    """
    return average(
        lambda params, y: -distribution.log_prob(params, y), distribution, params, y, mask, weights, reduction
    )


def average(
    loss: Callable[[Any, Any], Array],
    distribution: Distribution,
    params: Any,
    y: Any,
    mask: ArrayLike | None,
    weights: ArrayLike | None,
    reduction: Reduction,
    name: str = "nll",
) -> Any:
    """Reduce ``loss(params, y)``, one number an observation: the shape guard, masks and weights of every loss.

    Args:
        loss: sees legal params and observations in place of those of examples that do not count.
        distribution: whose params and observations they are.
        params: as for `nll`; ``y``, ``mask``, ``weights`` and ``reduction`` too.
        y: observations.
        mask: which count.
        weights: by how much.
        reduction: how.
        name: of the loss, for messages.
    """
    examples = observation_axes(distribution, y)
    check_shapes(distribution, params, examples)
    keep, w = example_weights(mask, weights, examples, name)
    if keep is not None:
        params, y = fill_masked(distribution, params, y, keep)
    debug_rules(distribution, params, y)
    return finish(loss(params, y), keep, w, reduction)


def observation_axes(distribution: Distribution, y: Any) -> tuple[int, ...]:
    """The example axes of ``y``: every axis before the event.

    Raises:
        ValueError: ``y`` has fewer axes than an event, or its parts have different example axes.
    """
    if y is None or isinstance(y, (list, dict)):
        raise ValueError(f"{name_of(distribution)}: y is a {type(y).__name__}; make it an array: jnp.asarray(y).")
    shapes = [jnp.shape(leaf) for leaf in jax.tree.leaves(y)]
    n = distribution.event_ndim
    for shape in shapes:
        if len(shape) < n:
            raise ValueError(
                f"{name_of(distribution)}: y has shape {shape}, but one observation has {n} "
                f"{'axis' if n == 1 else 'axes'}. Give y the shape [*examples, *event]."
            )
    axes = {shape[: len(shape) - n] for shape in shapes}
    if len(axes) != 1:
        raise ValueError(
            f"{name_of(distribution)}: the parts of y have shapes {shapes}; their example axes must agree."
        )
    return axes.pop()


def check_shapes(distribution: Distribution, params: Any, examples: tuple[int, ...]) -> None:
    """The shape guard: a param's example axes equal those of ``y``, or it has none.

    Raises:
        ValueError: names the parameter, both shapes and the likely fix.
    """
    pairs = paired(distribution.param_supports, params)
    if pairs is None:
        count = len(jax.tree.leaves(distribution.param_supports))
        raise ValueError(
            f"{name_of(distribution)}: params is {_describe(params)}; want "
            f"{name_of(distribution)}.Params with {count} array{'s' * (count > 1)}. Raw "
            f"network outputs become params by {name_of(distribution)}.constrain(raw)."
        )
    for path, support, param in pairs:
        axes = example_axes(support, param)
        if axes not in ((), examples):
            raise ValueError(
                f"{name_of(distribution)}: params{path} has shape {jnp.shape(param)}, so its "
                f"example axes are {axes}, but those of y are {examples}. {_fix(axes, examples)}"
            )


def fill_masked(distribution: Distribution, params: Any, y: Any, keep: Array) -> tuple[Any, Any]:
    """Put legal values in place of the ``y`` and params of examples that do not count."""
    event = distribution.support

    def fill(support: Support, x: Any) -> Any:
        if not example_axes(support, x):
            return x
        x = jnp.asarray(x)
        return jnp.where(keep.reshape(keep.shape + (1,) * support.event_ndim), x, support.legal(x))

    params = jax.tree.map(fill, distribution.param_supports, params)
    return params, jax.tree.map(lambda leaf: fill(event, leaf), y)


def _describe(params: Any) -> str:
    if hasattr(params, "shape"):
        return f"an array of shape {params.shape}"
    if isinstance(params, tuple) and any(isinstance(field, (list, type(None))) for field in params):
        return f"{params}, with fields that are no arrays"
    return f"{type(params).__module__}.{type(params).__name__}"


def _fix(axes: tuple[int, ...], examples: tuple[int, ...]) -> str:
    if axes == (*examples, 1):
        return "Drop the trailing axis of the params (x[..., 0]); a broadcast would pair each example with every other."
    if examples == (*axes, 1):
        return "Drop the trailing axis of y (y[..., 0]); a broadcast would pair each example with every other."
    if len(axes) < len(examples) and examples[: len(axes)] == axes:
        return "If a row of y is one observation, say so: independent(distribution, 1)."
    return "Give the params the example axes of y, or none to share one value among all examples."
