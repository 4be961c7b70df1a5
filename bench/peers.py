"""The same log-densities in other libraries; one that is not installed is left out.

Each table maps a case to ``log_prob(params, y)``, with ``params`` a dict of lik_jax's names. Conversions that a user
of the peer would do once, outside, are part of no timing where they can be folded into the inputs.
"""

import importlib
import importlib.util
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.stats as stats

LogProb = Callable[[dict[str, Any], Any], Any]


def plain() -> dict[str, LogProb]:
    """The textbook formula in jax.numpy: what people write by hand."""

    def gaussian(p: dict[str, Any], y: Any) -> Any:
        return -(0.5 * ((y - p["loc"]) / p["scale"]) ** 2 + jnp.log(p["scale"]) + 0.5 * math.log(2 * math.pi))

    def softmax(p: dict[str, Any], y: Any) -> Any:
        return jnp.take_along_axis(jax.nn.log_softmax(p["logits"], -1), y[:, None], -1)[:, 0]

    return {
        "normal": gaussian,
        "bernoulli": lambda p, y: y * p["logits"] - jax.nn.softplus(p["logits"]),
        "poisson": lambda p, y: y * p["log_rate"] - jnp.exp(p["log_rate"]) - jax.scipy.special.gammaln(y + 1),
        "categorical": softmax,
        "exponential": lambda p, y: jnp.log(p["rate"]) - p["rate"] * y,
    }


def jax_scipy() -> dict[str, LogProb]:
    """`jax.scipy.stats`."""
    return {
        "normal": lambda p, y: stats.norm.logpdf(y, p["loc"], p["scale"]),
        "poisson": lambda p, y: stats.poisson.logpmf(y, jnp.exp(p["log_rate"])),
        "laplace": lambda p, y: stats.laplace.logpdf(y, p["loc"], p["scale"]),
        "logistic": lambda p, y: stats.logistic.logpdf(y, p["loc"], p["scale"]),
        "student_t": lambda p, y: stats.t.logpdf(y, p["df"], p["loc"], p["scale"]),
        "exponential": lambda p, y: stats.expon.logpdf(y, 0, 1 / p["rate"]),
        "gamma": lambda p, y: stats.gamma.logpdf(y, p["concentration"], 0, 1 / p["rate"]),
        "beta": lambda p, y: stats.beta.logpdf(y, p["concentration1"], p["concentration0"]),
    }


def optax() -> dict[str, LogProb]:
    """`optax` losses."""
    if importlib.util.find_spec("optax") is None:
        return {}
    import optax

    return {
        "bernoulli": lambda p, y: -optax.sigmoid_binary_cross_entropy(p["logits"], y),
        "categorical": lambda p, y: -optax.softmax_cross_entropy_with_integer_labels(p["logits"], y),
    }


def numpyro() -> dict[str, LogProb]:
    """`numpyro.distributions`."""
    if importlib.util.find_spec("numpyro") is None:
        return {}
    dist: Any = importlib.import_module("numpyro.distributions")

    return {
        "normal": lambda p, y: dist.Normal(**p).log_prob(y),
        "bernoulli": lambda p, y: dist.Bernoulli(logits=p["logits"]).log_prob(y),
        "poisson": lambda p, y: dist.Poisson(jnp.exp(p["log_rate"])).log_prob(y),
        "categorical": lambda p, y: dist.Categorical(logits=p["logits"]).log_prob(y),
        "laplace": lambda p, y: dist.Laplace(**p).log_prob(y),
        "logistic": lambda p, y: dist.Logistic(**p).log_prob(y),
        "student_t": lambda p, y: dist.StudentT(**p).log_prob(y),
        "exponential": lambda p, y: dist.Exponential(**p).log_prob(y),
        "gamma": lambda p, y: dist.Gamma(**p).log_prob(y),
        "weibull": lambda p, y: dist.Weibull(**p).log_prob(y),
        "log_normal": lambda p, y: dist.LogNormal(**p).log_prob(y),
        "beta": lambda p, y: dist.Beta(**p).log_prob(y),
    }


def torch() -> dict[str, LogProb]:
    """PyTorch, eager: `torch.nn.functional` where it has the loss, else `torch.distributions` without validation."""
    if importlib.util.find_spec("torch") is None:
        return {}
    torch: Any = importlib.import_module("torch")
    dist: Any = importlib.import_module("torch.distributions")
    functional: Any = importlib.import_module("torch.nn.functional")

    def of(family: Any) -> LogProb:
        return lambda p, y: family(*p.values(), validate_args=False).log_prob(y)

    def poisson(p: dict[str, Any], y: Any) -> Any:
        return -functional.poisson_nll_loss(p["log_rate"], y, reduction="none") - torch.lgamma(y + 1)

    return {
        "normal": of(dist.Normal),
        "bernoulli": lambda p, y: -functional.binary_cross_entropy_with_logits(p["logits"], y, reduction="none"),
        "poisson": poisson,
        "categorical": lambda p, y: -functional.cross_entropy(p["logits"], y, reduction="none"),
        "laplace": of(dist.Laplace),
        "student_t": of(dist.StudentT),
        "exponential": of(dist.Exponential),
        "gamma": of(dist.Gamma),
        "weibull": of(dist.Weibull),
        "log_normal": of(dist.LogNormal),
        "beta": of(dist.Beta),
    }


JAX_PEERS = {"plain": plain, "jax.scipy": jax_scipy, "optax": optax, "numpyro": numpyro}
