"""Other parametrisations: each ``from_...`` of a distribution gives back the params that its arguments were made of."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from case import expit, v
from laws import cast, close

from lik_jax import distributions

CONSTRUCTORS: dict[str, tuple[Any, Callable[[Any], tuple[Any, ...]]]] = {
    # name: params, and the arguments that mean the same
    "asymmetric_laplace.from_log_scale": ((v(0.5, -1), v(0.3, 2), v(0.1, 0.7)), lambda p: (p[0], np.log(p[1]), p[2])),
    "bernoulli.from_probs": ((v(-3, 0.5),), lambda p: (expit(p[0]),)),
    "beta.from_mean_precision": ((v(2, 0.5), v(3, 7)), lambda p: (p[0] / (p[0] + p[1]), p[0] + p[1])),
    "binomial.from_probs": ((v(3, 10), v(-3, 0.5)), lambda p: (p[0], expit(p[1]))),
    "categorical.from_probs": ((np.log(v([0.2, 0.8], [0.5, 0.5])),), lambda p: (np.exp(p[0]),)),
    "exponential.from_log_rate": ((v(0.01, 5),), lambda p: (np.log(p[0]),)),
    "exponential.from_mean": ((v(0.01, 5),), lambda p: (1 / p[0],)),
    "gamma.from_mean_concentration": ((v(2, 0.5), v(3, 7)), lambda p: (p[0] / p[1], p[0])),
    "gamma.from_mean_dispersion": ((v(2, 0.5), v(3, 7)), lambda p: (p[0] / p[1], 1 / p[0])),
    "laplace.from_log_scale": ((v(0.5, -1), v(0.3, 2)), lambda p: (p[0], np.log(p[1]))),
    "log_normal.from_log_scale": ((v(0.5, -1), v(0.3, 2)), lambda p: (p[0], np.log(p[1]))),
    "logistic.from_log_scale": ((v(0.5, -1), v(0.3, 2)), lambda p: (p[0], np.log(p[1]))),
    "multivariate_normal.from_covariance": (
        (v([0.5, -1]), v([[2, 0], [0.7, 0.3]])),
        lambda p: (p[0], p[1] @ p[1].mT),
    ),
    "multivariate_normal.from_precision": (
        (v([0.5, -1]), v([[2, 0], [0.7, 0.3]])),
        lambda p: (p[0], np.linalg.inv(p[1] @ p[1].mT)),
    ),
    "multivariate_normal.from_precision_tril": (
        (v([0.5, -1]), v([[2, 0], [0.7, 0.3]])),
        lambda p: (p[0], np.linalg.cholesky(np.linalg.inv(p[1] @ p[1].mT))),
    ),
    "negative_binomial.from_mean_dispersion": ((v(0.5, -1), v(0.3, 2)), lambda p: (np.exp(p[0]), 1 / p[1])),
    "negative_binomial.from_total_count_logits": ((v(0.5, -1), v(0.3, 2)), lambda p: (p[1], p[0] - np.log(p[1]))),
    "negative_binomial.from_total_count_probs": (
        (v(0.5, -1), v(0.3, 2)),
        lambda p: (p[1], np.exp(p[0]) / (np.exp(p[0]) + p[1])),
    ),
    "normal.from_log_scale": ((v(0.5, -1), v(0.3, 2)), lambda p: (p[0], np.log(p[1]))),
    "normal.from_log_variance": ((v(0.5, -1), v(0.3, 2)), lambda p: (p[0], np.log(p[1] ** 2))),
    "normal.from_precision": ((v(0.5, -1), v(0.3, 2)), lambda p: (p[0], p[1] ** -2.0)),
    "normal.from_variance": ((v(0.5, -1), v(0.3, 2)), lambda p: (p[0], p[1] ** 2)),
    "poisson.from_rate": ((v(0.5, -1),), lambda p: (np.exp(p[0]),)),
    "weibull.from_log_scale": ((v(0.5, 3), v(0.3, 2)), lambda p: (np.log(p[0]), p[1])),
}


def there_are() -> set[str]:
    modules = [(n, m) for n, m in vars(distributions).items() if inspect.ismodule(m) and hasattr(m, "log_prob")]
    return {f"{n}.{f}" for n, m in modules for f in vars(m) if f.startswith("from_")}


def test_every_constructor_has_a_row():
    assert there_are() == set(CONSTRUCTORS)


@pytest.mark.parametrize("name", sorted(CONSTRUCTORS))
def test_constructors_give_back_the_params(name: str, x64):
    module_name, _, function = name.partition(".")
    module: Any = getattr(distributions, module_name)
    fields, arguments = CONSTRUCTORS[name]
    wanted = module.Params(*fields)
    got = jax.jit(getattr(module, function))(*cast(arguments(wanted), float))
    assert isinstance(got, module.Params)
    for field, want in wanted._asdict().items():
        close(getattr(got, field), want, 1e-12, 1e-12, field)
