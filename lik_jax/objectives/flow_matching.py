"""Flow matching: learn the field that moves noise to data, by regression; sample and score by its ODE.

An interpolant joins noise at ``t = 0`` to data at ``t = 1``: ``x_t = signal(t) x + spread(t) noise``. Its velocity
``signal'(t) x + spread'(t) noise``, averaged over all pairs that meet in ``x_t``, is the field that moves the density
of noise to that of data, and is what ``velocity(x_t, t)``, any function of ``[B, ...]`` and times ``[B]``, is regressed
on. The loss is no likelihood, and its least value is not 0 (pairs that meet have different velocities); `log_prob` is
the likelihood, exactly.

>>> import jax, jax.numpy as jnp
>>> optimal = lambda x_t, t: ((2 * t - 1) / (t**2 + (1 - t) ** 2))[:, None] * x_t  # data N(0, 1)
>>> round(float(log_prob(optimal, jnp.zeros((1, 1)))[0]), 3)
-0.919

Source: Lipman et al. (2023), "Flow matching for generative modeling"; Albergo and Vanden-Eijnden (2023), "Building
normalizing flows with stochastic interpolants"; Liu, Gong and Liu (2023), "Flow straight and fast".
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import ode
from .._arrays import as_floats
from . import schedules
from ._batch import over, sum_each
from .interpolants import ConditionalOT as ConditionalOT
from .interpolants import Diffused as Diffused
from .interpolants import Interpolant as Interpolant
from .interpolants import VariancePreserving as VariancePreserving
from .reduction import Reduction, example_weights, finish

Velocity = Callable[[Array, Array], Array]
STRAIGHT = ConditionalOT()


class Pairs(NamedTuple):
    """Points on paths.

    Attributes:
        x_t: ``signal(t) x + spread(t) noise``, ``[B, ...]``.
        velocity: its derivative in ``t``, what a model is regressed on, ``[B, ...]``.
        t: ``[B]``.
    """

    x_t: Array
    velocity: Array
    t: Array


def paired(x: ArrayLike, noise: ArrayLike, t: ArrayLike, *, interpolant: Interpolant = STRAIGHT) -> Pairs:
    """Where the paths from ``noise`` to ``x`` are at ``t``, and how fast they move there.

    >>> paired(jnp.full((1, 1), 3.0), jnp.ones((1, 1)), jnp.array([0.5])).velocity.tolist()
    [[2.0]]
    """
    x, noise = as_floats(x, noise)
    t = jnp.asarray(t, x.dtype)

    def at(t: Array) -> Array:
        times = over(t, x)
        return interpolant.signal(times) * x + interpolant.spread(times) * noise

    x_t, velocity = jax.jvp(at, (t,), (jnp.ones_like(t),))
    return Pairs(x_t, velocity, t)


def loss(
    velocity: Velocity,
    x: ArrayLike,
    *,
    interpolant: Interpolant = STRAIGHT,
    coupling: Literal["independent", "optimal"] = "independent",
    key: Array | None = None,
    t: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    weighting: Callable[[Array], Array] | None = None,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Squared error of a velocity at one random time an example, summed over an example's dimensions.

    It is no likelihood; `log_prob` is. Its least value is the variance of the velocity given ``x_t``, not 0.

    Args:
        velocity: ``velocity(x_t, t)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``.
        x: data, scaled to about unit size, ``[B, ...]``.
        interpolant: `ConditionalOT`, `VariancePreserving`, `Diffused` or another `Interpolant`.
        coupling: "independent", or "optimal": the noise of the batch is paired with its data by `optimal_coupling`.
        key: draws what of ``t`` and ``noise`` is not given.
        t: times in [0, 1], ``[B]``; by default antithetic of low discrepancy.
        noise: standard normal, ``[B, ...]``.
        weighting: a function of ``t`` ``[B]``; 1 by default.
        mask: True where an example counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit, another coupling, or nothing to draw ``t`` and ``noise`` from.

    Source: Lipman et al. (2023), equations 9 and 23; Pooladian et al. (2023), "Multisample flow matching", and Tong et
    al. (2024), "Improving and generalizing flow-based generative models", for the optimal coupling.

    >>> x, t, noise = jnp.full((1, 2), 3.0), jnp.array([0.5]), jnp.ones((1, 2))
    >>> float(loss(lambda x_t, t: x_t, x, t=t, noise=noise))
    0.0
    """
    (x,) = as_floats(x)
    if coupling not in ("independent", "optimal"):
        raise ValueError(f"flow_matching.loss: coupling={coupling!r}; want 'independent' or 'optimal'.")
    keep, w = example_weights(mask, weights, x.shape[:1], "flow_matching.loss")
    if keep is not None:
        x = jnp.where(over(keep, x), x, 0)
    t, noise = _draw(x, key, t, noise)
    if keep is not None:
        t, noise = jnp.where(keep, t, 0.5), jnp.where(over(keep, x), noise, 0)
    if coupling == "optimal":
        noise = noise[optimal_coupling(noise, x, mask=keep)]
    pairs = paired(x, noise, t, interpolant=interpolant)
    predicted = velocity(pairs.x_t, t)
    if jnp.shape(predicted) != x.shape:
        raise ValueError(f"velocity gave the shape {jnp.shape(predicted)} for x_t of shape {x.shape}; want the same.")
    if keep is not None:
        predicted = jnp.where(over(keep, x), predicted, 0)
    losses = sum_each((predicted - pairs.velocity) ** 2)
    if weighting is not None:
        losses = losses * weighting(t)
    return finish(losses, keep, w, reduction)


def optimal_coupling(noise: ArrayLike, x: ArrayLike, *, mask: ArrayLike | None = None) -> Array:
    """Which noise goes with which example, so that the squared distances of a batch have the least sum.

    Args:
        noise: ``[B, ...]``.
        x: ``[B, ...]``.
        mask: True where an example counts, ``[B]``; others keep their own noise, and take part in nothing.

    Returns:
        A permutation ``[B]``: ``noise[permutation]`` goes with ``x``. Exact (the Hungarian algorithm), in ``B^3`` time.

    >>> optimal_coupling(jnp.array([[1.0], [-1.0]]), jnp.array([[-2.0], [2.0]])).tolist()
    [1, 0]
    """
    import optax  # not at the top: nothing else that `import lik_jax` loads needs it

    noise, x = as_floats(noise, x)
    count = x.shape[0]
    a, b = jax.lax.stop_gradient((x.reshape(count, -1), noise.reshape(count, -1)))
    cost = ((a[:, None] - b[None]) ** 2).sum(-1)
    if mask is not None:
        keep = jnp.asarray(mask).astype(bool)
        both = keep[:, None] & keep[None]
        cost = jnp.where(both, cost, 0)
        apart = ~both & ~jnp.eye(count, dtype=bool)
        cost = jnp.where(apart, 1 + cost.sum(), cost)
    # optax counts on JAX's standard promotion
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        rows, columns = optax.assignment.hungarian_algorithm(cost)
    return jnp.zeros(count, columns.dtype).at[rows].set(columns)


def log_prob(
    velocity: Velocity,
    x: ArrayLike,
    *,
    interpolant: Interpolant = STRAIGHT,
    base: Callable[[Array], Array] | None = None,
    probes: ArrayLike | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-5,
    max_steps: int = 4096,
) -> Array:
    """Exact log-density of the model, nats: that of the sampler, noise moved by the ODE from ``t = 0`` to 1.

    Args:
        velocity: ``velocity(x_t, t)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``.
        x: observations, ``[B, ...]``.
        interpolant: the one it was trained on. Only its ``signal(1)`` counts here: what is not quite 1 scales the
            density.
        base: log-density of the noise, ``[B, ...]`` to ``[B]``; standard normal by default.
        probes: directions ``[num, B, ...]`` for an unbiased estimate instead of the exact value: `ode.probes`.
        rtol: see `ode.flow`.
        atol: see `ode.flow`.
        max_steps: see `ode.flow`; the result is NaN where more are needed.

    Returns:
        ``[B]``.

    Raises:
        ValueError: shapes that do not fit.
        ModuleNotFoundError: diffrax is not installed.

    Source: Lipman et al. (2023).
    """
    (x,) = as_floats(x)
    signal = interpolant.signal(jnp.ones((), x.dtype))
    options = {"rtol": rtol, "atol": atol, "max_steps": max_steps}
    log_p = ode.log_prob(_field(velocity), signal * x, base, t0=1.0, t1=0.0, probes=probes, **options)
    return log_p + x[0].size * jnp.log(signal)


def sample(
    velocity: Velocity,
    key: Array,
    shape: tuple[int, ...],
    *,
    interpolant: Interpolant = STRAIGHT,
    rtol: float = 1e-5,
    atol: float = 1e-5,
    max_steps: int = 4096,
) -> Array:
    """Draw from the model: standard normal noise, moved by the ODE from ``t = 0`` to 1.

    Args:
        velocity: ``velocity(x_t, t)``, ``[B, ...]`` and ``[B]`` to ``[B, ...]``.
        key: PRNG key.
        shape: of what is drawn, ``(B, ...)``.
        interpolant: the one it was trained on.
        rtol: see `ode.flow`.
        atol: see `ode.flow`.
        max_steps: see `ode.flow`.

    Raises:
        ModuleNotFoundError: diffrax is not installed.

    >>> sample(lambda x_t, t: x_t, jax.random.key(0), (2, 3)).shape
    (2, 3)
    """
    noise = jax.random.normal(key, shape)
    options = {"rtol": rtol, "atol": atol, "max_steps": max_steps}
    moved = ode.flow(_field(velocity), noise, 0.0, 1.0, log_det=False, **options)
    return moved.x / interpolant.signal(jnp.ones((), noise.dtype))


def _field(velocity: Velocity) -> ode.Field:
    return lambda t, x: velocity(x, jnp.full(x.shape[:1], t, x.dtype))


def _draw(x: Array, key: Any, t: Any, noise: Any) -> tuple[Array, Array]:
    if key is None and (t is None or noise is None):
        raise ValueError("flow_matching.loss: give a key, or both t and noise.")
    keys: Any = None if key is None else jax.random.split(key)
    if t is None:
        t = 1 - schedules.antithetic_times(keys[0], x.shape[0], x.dtype)
    if noise is None:
        noise = jax.random.normal(keys[1], x.shape, x.dtype)
    t, noise = jnp.asarray(t, x.dtype), jnp.asarray(noise, x.dtype)
    if t.shape != x.shape[:1] or noise.shape != x.shape:
        raise ValueError(f"x has shape {x.shape}: t wants {x.shape[:1]} and has {t.shape}; noise has {noise.shape}.")
    return t, noise
