"""Gradient estimators of latent-variable bounds side by side: bias and variance where the truth is known.

``python -m bench.estimators`` prints the table of ``docs/estimators.md``. One latent ``z ~ N(0, 1)``, five pixels
``y | z ~ Bernoulli(sigmoid(2 tanh(w z) + b))``, a posterior ``q = N(loc, scale)``: the gradient of a bound of K samples
is an integral over K numbers, here done by quadrature. Each estimator is given the same K samples a draw.
"""

import argparse
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import lik_jax as lj
from lik_jax import bernoulli, normal

Y = np.array([1.0, 1.0, 0.0, 1.0, 0.0])
MODEL = {"w": np.array([1.5, 0.8, -1.2, 0.5, -0.7]), "b": np.array([0.1, -0.3, 0.2, 0.0, -0.1])}
# the name of a bound, and of the estimators of its gradient
ESTIMATORS = {
    "reparametrised": "ELBO",
    "sticking the landing": "ELBO",
    "REINFORCE, no baseline": "ELBO",
    "REINFORCE, leave one out": "ELBO",
    "IWAE": "IWAE",
    "DReG": "IWAE",
    "VIMCO": "IWAE",
}


def main(argv: list[str] | None = None) -> list[dict[str, Any]]:
    """Measure, and print the tables as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench.estimators", description=__doc__)
    parser.add_argument("--samples", type=int, default=4, help="K, of every bound")
    parser.add_argument("--draws", type=int, default=100_000, help="gradients drawn of each estimator")
    parser.add_argument("--points", type=int, default=28, help="of the quadrature, along each of K axes")
    args = parser.parse_args(argv)
    with jax.enable_x64(True):
        optimum = best_posterior()
        settings = {"away": jnp.array([-0.5, 0.8]), "best": optimum}
        records = [record for name, q in settings.items() for record in measured(name, q, args)]
    for name, q in settings.items():
        print(f"\nq = N({float(q[0]):.3f}, {float(q[1]):.3f}) ({name})\n")
        print(markdown([record for record in records if record["setting"] == name]))
    return records


def estimate(name: str, q: Array, model: dict[str, Array], noise: Array) -> Array:
    """The estimated bound, whose gradient is the estimator, of ``noise`` ``[K, n, 1]``: ``[n]``."""
    n = noise.shape[1]
    loc, scale = jnp.full((n, 1), q[0]), jnp.full((n, 1), q[1])
    params = normal.Params(loc, scale)
    y = jnp.broadcast_to(jnp.asarray(Y), (n, len(Y)))

    def decode(z: Array) -> bernoulli.Params:
        return bernoulli.Params(2 * jnp.tanh(z * model["w"][None]) + model["b"][None])

    if name in ("IWAE", "DReG"):
        estimator = "dreg" if name == "DReG" else "reparametrised"
        return lj.iwae(bernoulli, decode, params, y, noise=noise, estimator=estimator).bound
    if name in ("reparametrised", "sticking the landing"):
        estimator = "reparametrised" if name == "reparametrised" else "stl"

        def one(noise: Array) -> Array:
            bound = lj.elbo(bernoulli, decode, params, y, noise=noise, estimator=estimator, analytic_kl=False)
            return bound.elbo

        return jax.vmap(one)(noise).mean(0)
    z = jax.lax.stop_gradient(loc[None] + scale[None] * noise)
    if name == "VIMCO":
        return lj.vimco(bernoulli, decode, params, y, z=z).bound
    baseline: Any = 0.0 if name == "REINFORCE, no baseline" else "leave_one_out"
    return lj.reinforce(bernoulli, decode, params, y, z=z, baseline=baseline, analytic_kl=False).elbo


def slopes_of(bound: Callable[..., Array], q: Array, noise: Array) -> tuple[Array, Array]:
    """The gradient towards the posterior ``[n, 2]`` and towards the model ``[n, 10]`` of each draw of K samples."""

    def each(noise: Array) -> tuple[Array, Array]:
        slopes = jax.grad(lambda q, model: bound(q, model, noise[:, None]).sum(), (0, 1))(
            q, jax.tree.map(jnp.asarray, MODEL)
        )
        return slopes[0], jnp.concatenate([slopes[1]["w"], slopes[1]["b"]])

    return jax.vmap(each, 1)(noise)


def exact(bound: str, q: Array, k: int, points: int) -> tuple[Array, Array]:
    """The gradient of the expected bound by quadrature over the noise of k samples.

    The trapezoid rule on an even grid: for smooth functions under a normal weight its error falls off exponentially.
    """
    k = 1 if bound == "ELBO" else k
    x, w = grid(points)
    nodes = np.stack(np.meshgrid(*[x] * k, indexing="ij")).reshape(k, -1, 1)
    weights = jnp.asarray(np.prod(np.meshgrid(*[w] * k, indexing="ij"), 0).ravel())
    name = "reparametrised" if bound == "ELBO" else "IWAE"

    @jax.jit
    def slopes(q: Array) -> Any:
        return jax.grad(lambda q, model: weights @ estimate(name, q, model, jnp.asarray(nodes)), (0, 1))(
            q, jax.tree.map(jnp.asarray, MODEL)
        )

    towards_q, towards_model = slopes(q)
    return towards_q, jnp.concatenate([towards_model["w"], towards_model["b"]])


def grid(points: int) -> tuple[np.ndarray, np.ndarray]:
    """An even grid and the weights of a standard normal on it, which sum to 1."""
    x = np.linspace(-6.5, 6.5, points)
    w = np.exp(-0.5 * x**2)
    return x, w / w.sum()


def best_posterior() -> Array:
    """The normal posterior with the highest ELBO, by Newton's method on the quadrature."""
    x, w = grid(200)
    noise, weights = jnp.asarray(x).reshape(1, -1, 1), jnp.asarray(w)
    model = jax.tree.map(jnp.asarray, MODEL)

    def bound(q: Array) -> Array:
        return weights @ estimate("reparametrised", q, model, noise)

    @jax.jit
    def step(q: Array) -> Array:
        return q - jnp.linalg.solve(jax.hessian(bound)(q), jax.grad(bound)(q))

    q = jnp.array([0.7, 0.7])
    for _ in range(20):
        q = step(q)
    return q


def measured(setting: str, q: Array, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Bias, its standard error and variance of every estimator, towards the posterior and towards the model."""
    truths = {bound: exact(bound, q, args.samples, args.points) for bound in ("ELBO", "IWAE")}
    noise = jax.random.normal(jax.random.key(0), (args.samples, args.draws, 1), jnp.float64)
    records = []
    for name, bound in ESTIMATORS.items():
        draws = jax.jit(lambda noise, name=name: slopes_of(lambda *a: estimate(name, *a), q, noise))(noise)
        record: dict[str, Any] = {"setting": setting, "estimator": name, "bound": bound}
        for part, slopes, truth in zip(("posterior", "model"), draws, truths[bound], strict=True):
            error = np.asarray(slopes.mean(0) - truth)
            sizes = np.asarray(slopes.std(0, ddof=1)) / args.draws**0.5
            # where there is no variance, rounding is all that is left
            worst = float(np.max(np.abs(error) / np.maximum(sizes, 1e-9)))
            record[part] = {
                "bias": float(np.linalg.norm(error)),
                "sigmas": worst,
                "variance": float(slopes.var(0, ddof=1).sum()),
                "size": float(np.linalg.norm(truth)),
            }
        records.append(record)
    return records


def markdown(records: list[dict[str, Any]]) -> str:
    """One row an estimator."""
    heads = ["estimator", "bound", "variance (q)", "bias (q)", "variance (model)", "bias (model)", "worst error"]
    rows = [
        [
            r["estimator"],
            r["bound"],
            f"{r['posterior']['variance']:.4f}",
            f"{r['posterior']['bias']:.4f}",
            f"{r['model']['variance']:.4f}",
            f"{r['model']['bias']:.4f}",
            f"{max(r['posterior']['sigmas'], r['model']['sigmas']):.1f} s.e.",
        ]
        for r in records
    ]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
