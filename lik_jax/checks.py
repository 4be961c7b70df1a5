"""Readable diagnoses: why a loss is NaN or infinite, which rows, which rule, what to do.

A log-probability never raises on values: it is -inf outside the support and NaN for illegal params, eagerly and under
``jit`` alike, at no cost. `check` says in words what is wrong with one batch; `checked` says it from inside ``jit``.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike

from .distribution import Distribution, name_of
from .objectives.likelihood import check_shapes, fill_masked, observation_axes
from .objectives.reduction import example_weights
from .objectives.rules import checking, describe, rules


def check(distribution: Distribution, params: Any, y: Any, *, mask: ArrayLike | None = None) -> None:
    """Raise if the likelihood of ``y`` under ``params`` is not what its author meant; return None if all is well.

    In this order: shapes that do not fit, a parameter outside its range, ``y`` outside the support (or NaN), and
    what only the log-probability can tell, such as a label that is no class or a count above its total.

    Args:
        distribution: a module such as ``lik_jax.normal``, or a composed distribution.
        params: its parameters, with the example axes of ``y`` or none.
        y: observations, ``[*examples, *event]``, or a pytree such as ``Censored(time, observed)``.
        mask: True where an example counts, ``[*examples]``; the others are not looked at.

    Raises:
        ValueError: which rule is broken, in which rows (a few of them), and what to do.
        TypeError: called under ``jit``; use `checked`.

    >>> from lik_jax import normal
    >>> check(normal, normal.Params(0.0, 1.0), 0.3)
    >>> check(normal, normal.Params(0.0, -1.0), 0.3)
    Traceback (most recent call last):
        ...
    ValueError: normal: params.scale must be a positive finite number; it is not: params.scale = -1. \
normal.constrain(raw) maps every raw network output to legal params.
    """
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((params, y))):
        raise TypeError(
            f"check({name_of(distribution)}, ...) was called under jit, where values are not known; wrap the "
            f"whole function instead: lik_jax.checked(fn)(...)."
        )
    examples = observation_axes(distribution, y)
    check_shapes(distribution, params, examples)
    keep, _ = example_weights(mask, None, examples, "check")
    if keep is not None:
        params, y = fill_masked(distribution, params, y, keep)
    for rule in rules(distribution, params, y):
        if np.any(rule.broken):
            raise ValueError(describe(distribution, rule))


def checked(fn: Callable[..., Any]) -> Callable[..., Any]:
    """``fn`` under ``jit``, raising what `check` would say about every `lik_jax.nll` inside it.

    Works through ``grad``, ``vmap``, ``scan`` and calls of other compiled functions; examples that are masked count
    as legal. It costs about as much again as the loss itself, so it is for finding a fault: the same ``fn`` without
    it carries no check in its compiled program.

    Args:
        fn: a function of arrays and pytrees of arrays.

    Returns:
        A function of the same arguments that returns what ``fn`` does, or raises ``ValueError``.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> from lik_jax import exponential, nll
    >>> loss = lambda rate, y: nll(exponential, exponential.Params(rate), y)
    >>> bool(jnp.isinf(jax.jit(loss)(2.0, jnp.array([3.0, -1.0]))))
    True
    >>> checked(loss)(2.0, jnp.array([3.0, -1.0]))
    Traceback (most recent call last):
        ...
    ValueError: exponential: y must be a finite number not below 0; in 1 of 2 rows it is not, first y[1] = -1.0. \
Mend or drop these rows; leave missing ones out with mask=.
    """
    from jax.experimental import checkify  # 20 ms to import

    compiled = jax.jit(checkify.checkify(fn, errors=checkify.user_checks))

    @functools.wraps(fn)
    def run(*args: Any, **kwargs: Any) -> Any:
        with checking(True):
            error, out = compiled(*args, **kwargs)
        if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(error)):
            raise TypeError("lik_jax.checked(fn) jits fn itself: call it outside jit, as checked(fn)(...).")
        message = error.get()
        if message is not None:
            raise ValueError(message.removesuffix(" (`check` failed)"))
        return out

    return run
