"""Data N(0, C^2): the best denoiser is known, and quadratic expectations are sums over a few nodes."""

import jax
import jax.numpy as jnp
import numpy as np

from lik_jax.objectives import schedules

C = 0.5
ENTROPY = 0.72579135
LINEAR = schedules.Linear(-13.3, 5.0)
KINDS = ["eps", "x0", "v", "score", "F"]


def optimal(schedule, prediction, variance=C**2):
    """The best denoiser for data N(0, variance)."""

    def denoise(x_t, t):
        gamma = schedule.gamma(t)[:, None]
        a, s = schedules.alpha(gamma), schedules.sigma(gamma)
        x0 = a * variance / (a**2 * variance + s**2) * x_t
        return schedules.convert(x0, x_t, gamma, source="x0", to=prediction)

    return denoise


def nodes(points=2, std=C):
    """Data and noise ``[points^2, 1]`` on which polynomials of degree ``2 points - 1`` are exact, and weights."""
    at, w = np.polynomial.hermite_e.hermegauss(points)
    w = w / w.sum()
    x, noise = (jnp.asarray(v.reshape(-1, 1)) for v in np.meshgrid(std * at, at, indexing="ij"))
    return x, noise, jnp.asarray(np.outer(w, w).ravel())


def over_time(x, noise, weights, points):
    """Those nodes at every node of a Gauss-Legendre rule on [0, 1]: x, noise, t, weights."""
    times, w = np.polynomial.legendre.leggauss(points)
    x, noise = (jnp.repeat(v, points, 0) for v in (x, noise))
    t = jnp.tile(jnp.asarray(times + 1) / 2, len(weights))
    return x, noise, t, jnp.outer(weights, jnp.asarray(w) / 2).ravel()


def weighted(weights, parts):
    return jax.tree.map(lambda part: float((weights * part).sum()), parts)
