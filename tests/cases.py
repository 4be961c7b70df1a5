"""One row a distribution. `test_contract.py` holds every row against every law.

To add a distribution, add its row: a module of ``lik_jax.distributions`` or a combinator without one fails the suite.
"""

import importlib
from collections.abc import Callable
from types import ModuleType

import numpy as np
import scipy.stats as st
from case import Case, Edge, expit, inf, v
from composed import COMPOSED
from frozen import Categorical, Ranking, VectorNormal, every_ranking, maxima, plane

CASES: list[Case] = []


def row(make: Callable[[ModuleType], Case]) -> Callable[[ModuleType], Case]:
    """Register the row of the distribution that ``make`` is named after."""
    CASES.append(make(importlib.import_module(f"lik_jax.distributions.{make.__name__}")))
    return make


# Real line


@row
def normal(d):
    return Case(
        "normal",
        d,
        d.Params(v(0.0, -1.5, 3.0, 0.2), v(1.0, 0.3, 20.0, 0.01)),
        lambda p: st.norm(p.loc, p.scale),
        total="real",
        outside=(-inf, inf),
        invalid=(d.Params(0.0, 0.0), d.Params(0.0, -1.0)),
        edges=(
            Edge(d.Params(2.0, 1.0), 2.0, -0.9189385332046727, (0.0, -1.0)),
            Edge(d.Params(0.0, 1e-20), 1e-19, -4.86723667332376, (1e21, 9.9e21)),
        ),
    )


@row
def laplace(d):
    return Case(
        "laplace",
        d,
        d.Params(v(0.0, -1.5, 3.0, 0.2), v(1.0, 0.3, 20.0, 0.01)),
        lambda p: st.laplace(p.loc, p.scale),
        total="real",
        outside=(-inf, inf),
        invalid=(d.Params(0.0, 0.0), d.Params(0.0, -1.0)),
        edges=(Edge(d.Params(2.0, 1.0), 2.0, -np.log(2.0), (None, -1.0)),),
    )


@row
def student_t(d):
    return Case(
        "student_t",
        d,
        d.Params(v(5.0, 2.5, 30.0, 300.0), v(0.0, -1.5, 3.0, 0.2), v(1.0, 0.3, 20.0, 0.01)),
        lambda p: st.t(p.df, p.loc, p.scale),
        total="real",
        outside=(-inf, inf),
        invalid=(d.Params(3.0, 0.0, 0.0), d.Params(3.0, 0.0, -1.0), d.Params(0.0, 0.0, 1.0), d.Params(-1.0, 0.0, 1.0)),
        edges=(
            Edge(d.Params(1.0, 2.0, 0.5), 2.0, -np.log(np.pi / 2), (None, 0.0, -2.0)),
            Edge(d.Params(1e8, 0.0, 1.0), 1.0, -1.4189385382046727, (None, 1.0, 0.0)),
        ),
        rtol=1e-8,
        heavy=True,
    )


@row
def logistic(d):
    return Case(
        "logistic",
        d,
        d.Params(v(0.0, -1.5, 3.0, 0.2), v(1.0, 0.3, 20.0, 0.01)),
        lambda p: st.logistic(p.loc, p.scale),
        total="real",
        outside=(-inf, inf),
        invalid=(d.Params(0.0, 0.0), d.Params(0.0, -1.0)),
        edges=(
            Edge(d.Params(2.0, 1.0), 2.0, -np.log(4.0), (0.0, -1.0)),
            Edge(d.Params(0.0, 1.0), 200.0, -200.0, (1.0, 199.0)),
            Edge(d.Params(0.0, 1.0), -200.0, -200.0, (-1.0, 199.0)),
        ),
    )


@row
def asymmetric_laplace(d):
    def reference(p):
        q = p.quantile
        return st.laplace_asymmetric(np.sqrt(q / (1 - q)), p.loc, p.scale / np.sqrt(q * (1 - q)))

    return Case(
        "asymmetric_laplace",
        d,
        d.Params(v(0.0, -1.5, 3.0, 0.2), v(1.0, 0.3, 20.0, 0.01), v(0.5, 0.1, 0.9, 0.3)),
        reference,
        total="real",
        outside=(-inf, inf),
        invalid=(d.Params(0.0, 0.0, 0.5), d.Params(0.0, 1.0, 0.0), d.Params(0.0, 1.0, 1.0), d.Params(0.0, 1.0, -0.1)),
        edges=(Edge(d.Params(2.0, 1.0, 0.5), 2.0, -np.log(4.0), (None, -1.0, 0.0)),),
    )


@row
def generalized_extreme_value(d):
    return Case(
        "generalized_extreme_value",
        d,
        d.Params(v(0.0, -1.5, 3.0, 0.2), v(1.0, 0.3, 20.0, 0.01), v(0.0, 0.2, -0.3, 0.02)),
        lambda p: st.genextreme(-p.concentration, p.loc, p.scale),
        total=maxima,
        outside=(-inf, inf),
        invalid=(d.Params(0.0, 0.0, 0.1), d.Params(0.0, -1.0, 0.1), d.Params(0.0, 1.0, inf)),
        edges=(
            Edge(d.Params(0.0, 1.0, 0.0), 0.0, -1.0, (0.0, -1.0, 0.0)),
            Edge(d.Params(0.0, 2.0, 0.5), -5.0, -inf, (0.0, 0.0, 0.0)),
            Edge(d.Params(0.0, 2.0, -0.5), 5.0, -inf, (0.0, 0.0, 0.0)),
            Edge(d.Params(0.0, 2.0, -1.0), 2.0, -np.log(2.0), None),
            Edge(d.Params(0.0, 2.0, -2.0), 1.0, inf, None),
        ),
        moving=True,
        rtol=1e-8,
    )


# Positive


@row
def exponential(d):
    return Case(
        "exponential",
        d,
        d.Params(v(1.0, 0.01, 300.0, 2.5)),
        lambda p: st.expon(scale=1 / p.rate),
        total="positive",
        outside=(-1.0, -inf, inf),
        invalid=(d.Params(0.0), d.Params(-1.0)),
        edges=(Edge(d.Params(2.0), 0.0, np.log(2.0), (0.5,)),),
    )


@row
def gamma(d):
    return Case(
        "gamma",
        d,
        d.Params(v(2.0, 0.4, 30.0, 1.0), v(1.0, 5.0, 0.3, 100.0)),
        lambda p: st.gamma(p.concentration, scale=1 / p.rate),
        total="positive",
        outside=(-1.0, -inf, inf),
        invalid=(d.Params(0.0, 1.0), d.Params(-1.0, 1.0), d.Params(1.0, 0.0), d.Params(1.0, -1.0)),
        edges=(
            Edge(d.Params(1.0, 2.0), 0.0, np.log(2.0), (None, 0.5)),
            Edge(d.Params(2.0, 2.0), 0.0, -inf, (None, None)),
            Edge(d.Params(0.5, 2.0), 0.0, inf, (None, None)),
        ),
        heavy=True,
    )


@row
def log_normal(d):
    return Case(
        "log_normal",
        d,
        d.Params(v(0.0, -1.5, 1.0, 4.0), v(1.0, 0.3, 0.7, 0.01)),
        lambda p: st.lognorm(p.scale, scale=np.exp(p.loc)),
        total="positive",
        outside=(0.0, -1.0, -inf, inf),
        invalid=(d.Params(0.0, 0.0), d.Params(0.0, -1.0)),
        edges=(Edge(d.Params(0.0, 1.0), 1.0, -0.9189385332046727, (0.0, -1.0)),),
    )


@row
def weibull(d):
    return Case(
        "weibull",
        d,
        d.Params(v(1.0, 5.0, 0.3, 100.0), v(2.0, 0.7, 5.0, 1.0)),
        lambda p: st.weibull_min(p.concentration, scale=p.scale),
        total="positive",
        outside=(-1.0, -inf, inf),
        invalid=(d.Params(0.0, 1.0), d.Params(-1.0, 1.0), d.Params(1.0, 0.0), d.Params(1.0, -1.0)),
        edges=(
            Edge(d.Params(2.0, 1.0), 0.0, -np.log(2.0), (-0.5, None)),
            Edge(d.Params(2.0, 2.0), 0.0, -inf, (None, None)),
            Edge(d.Params(2.0, 0.5), 0.0, inf, (None, None)),
        ),
    )


# Bounded


@row
def beta(d):
    return Case(
        "beta",
        d,
        d.Params(v(2.0, 0.6, 30.0, 1.0), v(3.0, 1.2, 5.0, 1.0)),
        lambda p: st.beta(p.concentration1, p.concentration0),
        total="unit",
        outside=(-0.1, 1.1, -inf, inf),
        invalid=(d.Params(0.0, 1.0), d.Params(-1.0, 1.0), d.Params(1.0, 0.0), d.Params(1.0, -1.0)),
        edges=(
            Edge(d.Params(1.0, 1.0), 0.0, 0.0, (None, 1.0)),
            Edge(d.Params(1.0, 1.0), 1.0, 0.0, (1.0, None)),
            Edge(d.Params(2.0, 1.0), 0.0, -inf, (None, None)),
            Edge(d.Params(1.0, 3.0), 0.0, np.log(3.0), (None, 1 / 3)),
        ),
        heavy=True,
    )


# Counts


@row
def bernoulli(d):
    return Case(
        "bernoulli",
        d,
        d.Params(v(0.0, -3.0, 2.0, 5.0)),
        lambda p: st.bernoulli(expit(p.logits)),
        y=v([0.0], [1.0]) * np.ones(4),
        total=2,
        outside=(-1.0, 0.3, 2.0, inf, -inf),
        edges=(
            Edge(d.Params(inf), 1.0, 0.0, (0.0,)),
            Edge(d.Params(inf), 0.0, -inf, (-1.0,)),
            Edge(d.Params(-inf), 0.0, 0.0, (0.0,)),
            Edge(d.Params(-inf), 1.0, -inf, (1.0,)),
        ),
    )


@row
def binomial(d):
    return Case(
        "binomial",
        d,
        d.Params(v(10.0, 1.0, 40.0, 200.0), v(0.0, -3.0, 2.0, -1.0)),
        lambda p: st.binom(p.total_count, expit(p.logits)),
        total=201,
        outside=(-1.0, 0.3, 201.0, inf, -inf),
        invalid=(d.Params(-1.0, 0.0), d.Params(2.5, 0.0)),
        edges=(
            Edge(d.Params(10.0, inf), 10.0, 0.0, (None, 0.0)),
            Edge(d.Params(10.0, -inf), 0.0, 0.0, (None, 0.0)),
            Edge(d.Params(10.0, -inf), 1.0, -inf, None),
            Edge(d.Params(0.0, 1.0), 0.0, 0.0, (None, 0.0)),
            Edge(d.Params(10.0, 100.0), 10.0, 0.0, (None, 0.0)),
        ),
        known={"total_count": v(10.0, 1.0, 40.0, 200.0)},
        heavy=True,
    )


@row
def poisson(d):
    return Case(
        "poisson",
        d,
        d.Params(v(0.0, -2.0, 3.0, 5.0)),
        lambda p: st.poisson(np.exp(p.log_rate)),
        total=400,
        outside=(-1.0, 1.5, inf, -inf),
        edges=(
            Edge(d.Params(-inf), 0.0, 0.0, (0.0,)),
            Edge(d.Params(-inf), 1.0, -inf, None),
        ),
    )


@row
def negative_binomial(d):
    def reference(p):
        mean = np.exp(p.log_mean)
        return st.nbinom(p.concentration, p.concentration / (p.concentration + mean))

    return Case(
        "negative_binomial",
        d,
        d.Params(v(0.0, -2.0, 3.0, 1.0), v(1.0, 0.3, 20.0, 1000.0)),
        reference,
        total=400,
        outside=(-1.0, 1.5, inf, -inf),
        invalid=(d.Params(0.0, 0.0), d.Params(0.0, -1.0)),
        edges=(Edge(d.Params(-inf, 2.0), 0.0, 0.0, (0.0, 0.0)),),
        rtol=1e-8,
        heavy=True,
    )


@row
def categorical(d):
    logits = v([0.0, 1.0, -2.0], [3.0, 3.0, 3.0], [-5.0, 4.0, 0.5], [100.0, 99.0, 98.0])
    return Case(
        "categorical",
        d,
        d.Params(logits),
        lambda p: Categorical(p.logits),
        y=v([0.0], [1.0], [2.0]) * np.ones(4),
        total=3,
        outside=(-1.0, 1.5, 3.0, inf, -inf),
        edges=(
            Edge(d.Params(v(0.0, -inf)), 0.0, 0.0, (v(0.0, 0.0),)),
            Edge(d.Params(v(0.0, -inf)), 1.0, -inf, None),
            Edge(d.Params(v(200.0, 0.0)), 1.0, -200.0, (v(-1.0, 1.0),)),
        ),
        options={"num_classes": 3},
        overparametrised=True,
    )


@row
def plackett_luce(d):
    scores = v([0.0, 1.0, -2.0], [3.0, 3.0, 3.0], [-5.0, 4.0, 0.5], [100.0, 99.0, 98.0])
    return Case(
        "plackett_luce",
        d,
        d.Params(scores),
        lambda p: Ranking(p.scores),
        y=v([[0.0, 1.0, 2.0]], [[2.0, 1.0, 0.0]], [[1.0, 2.0, 0.0]]) * np.ones((4, 1)),
        total=lambda case: every_ranking(case, 3),
        outside=(
            v(0.0, 0.0, 1.0),
            v(0.0, 1.0, 3.0),
            v(-1.0, 0.0, 1.0),
            v(0.0, 1.0, 1.5),
            v(inf, 0.0, 1.0),
        ),
        invalid=(d.Params(v(0.0, inf, 1.0)), d.Params(v(-inf, 0.0, 0.0))),
        edges=(
            Edge(d.Params(v(0.5)), v(0.0), 0.0, (v(0.0),)),
            Edge(d.Params(v(1.0, 2.0, 3.0)), np.zeros(0), 0.0, (v(0.0, 0.0, 0.0),)),
            Edge(d.Params(v(0.0, 200.0)), v(0.0, 1.0), -200.0, (v(1.0, -1.0),)),
            Edge(d.Params(v(300.0, 0.0, -300.0)), v(0.0, 1.0, 2.0), 0.0, (v(0.0, 0.0, 0.0),)),
        ),
        overparametrised=True,
    )


# Vectors


@row
def multivariate_normal(d):
    tril = v([[1.0, 0.0], [0.5, 2.0]], [[0.1, 0.0], [-0.3, 0.05]], [[20.0, 0.0], [0.0, 1.0]])
    y = v([[0.3, 0.2], [0.1, 2.5], [6.0, 1.0]], [[-1.0, 1.0], [0.0, 2.0], [40.0, 3.0]])
    return Case(
        "multivariate_normal",
        d,
        d.Params(v([0.0, 0.0], [0.1, 2.0], [-5.0, 3.0]), tril),
        lambda p: VectorNormal(p.loc, p.scale_tril),
        y=y,
        total=lambda case: plane(case),
        outside=(v(inf, 0.0), v(0.0, -inf)),
        invalid=(d.Params(v(0.0, 0.0), v([1.0, 0.0], [0.0, 0.0])), d.Params(v(0.0, 0.0), v([-1.0, 0.0], [0.0, 1.0]))),
        edges=(Edge(d.Params(v(1.0, 2.0), np.eye(2)), v(1.0, 2.0), -1.8378770664093453, (v(0.0, 0.0), -np.eye(2))),),
    )


CASES += COMPOSED
