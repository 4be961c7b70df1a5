"""What is measured: a distribution, its inputs, and the same log-density in other libraries."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

HOT = ("normal", "bernoulli", "poisson", "categorical")
SMALL, LARGE, HUGE = (1_000,), (1_000_000,), (65_536, 1_000)


@dataclass(frozen=True)
class Case:
    """One distribution.

    Attributes:
        name: of the module in lik_jax.
        draw: ``draw(rng, shape)`` gives the params, by the names of ``Params``, and ``y``, as NumPy arrays.
        classes: length of the last axis of a vector-valued parameter, taken from the shape; False for none.
    """

    name: str
    draw: Callable[[np.random.Generator, tuple[int, ...]], tuple[dict[str, np.ndarray], np.ndarray]]
    classes: bool = False

    @property
    def module(self) -> Any:
        return importlib.import_module(f"lik_jax.distributions.{self.name}")

    def inputs(self, shape: tuple[int, ...]) -> tuple[dict[str, jax.Array], jax.Array]:
        """Params and ``y`` in float32 (labels in int32), the same at every call."""
        params, y = self.draw(np.random.default_rng(0), shape)
        target = jnp.asarray(y, jnp.int32 if self.classes else jnp.float32)
        return {name: jnp.asarray(p, jnp.float32) for name, p in params.items()}, target


def _real(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.standard_normal(shape, np.float32)


def _positive(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.exp(0.5 * rng.standard_normal(shape, np.float32))


def _unit(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.uniform(0.01, 0.99, shape).astype(np.float32)


def _location_scale(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    return {"loc": _real(rng, shape), "scale": _positive(rng, shape)}, _real(rng, shape)


def _bernoulli(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    return {"logits": _real(rng, shape)}, rng.integers(0, 2, shape)


def _poisson(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    return {"log_rate": _real(rng, shape)}, rng.integers(0, 20, shape)


def _categorical(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rows, classes = shape if len(shape) == 2 else (max(shape[0] // 100, 1), 100)
    return {"logits": _real(rng, (rows, classes))}, rng.integers(0, classes, rows)


def _positives(*names: str, y: Any = _positive) -> Callable[..., tuple[dict[str, np.ndarray], np.ndarray]]:
    return lambda rng, shape: ({name: _positive(rng, shape) for name in names}, y(rng, shape))


CASES = (
    Case("normal", _location_scale),
    Case("bernoulli", _bernoulli),
    Case("poisson", _poisson),
    Case("categorical", _categorical, classes=True),
    Case("laplace", _location_scale),
    Case("logistic", _location_scale),
    Case(
        "student_t",
        lambda rng, shape: ({"df": 2 + _positive(rng, shape)} | _location_scale(rng, shape)[0], _real(rng, shape)),
    ),
    Case("exponential", _positives("rate")),
    Case("gamma", _positives("concentration", "rate")),
    Case("weibull", _positives("scale", "concentration")),
    Case(
        "log_normal",
        lambda rng, shape: ({"loc": _real(rng, shape), "scale": _positive(rng, shape)}, _positive(rng, shape)),
    ),
    Case("beta", _positives("concentration1", "concentration0", y=_unit)),
)
