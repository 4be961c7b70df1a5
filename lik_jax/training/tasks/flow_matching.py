"""Flow matching on a ring of eight normals in the plane, scored by its exact density, beside the true one."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ...models import velocity
from ...objectives import flow_matching
from .. import ring
from ..baselines import one_normal
from ..configs import FlowMatching
from ..data import Batches, by_row, fingerprint
from ..task import Report, Score, Task, held_out

_POINTS = 20_000


def build(config: FlowMatching) -> Task:
    """Points of the ring, whose density is known."""
    points = ring.draw(config.fit.seed, _POINTS)
    splits = by_row(points)
    key = jax.random.key(config.fit.seed)
    model = velocity.create(velocity.Config(points.shape[1], config.width, config.blocks), key)
    path: Any = flow_matching.ConditionalOT() if config.path == "straight" else flow_matching.VariancePreserving()

    def field(params: Any) -> Any:
        return lambda x_t, t: model.apply(params, x_t, t)

    def loss(params: Any, x: Array, key: Array) -> Array:
        return flow_matching.loss(field(params), x, key=key, interpolant=path, coupling=config.coupling)

    def score(params: Any, x: Array, key: Array) -> Array:
        return -flow_matching.log_prob(field(params), x, interpolant=path)

    validation, test = held_out(score, splits.validation[:500], 500), held_out(score, splits.test, 500)

    def evaluate(params: Any, key: Array) -> Report:
        return Report(
            f"{len(splits.test)} points of the ring",
            "point",
            (
                Score.of("model, by its ODE", test(params, key)),
                Score.of("truth: the density the points were drawn from", -ring.log_prob(jnp.asarray(splits.test))),
                Score.of("baseline: one normal", one_normal(splits.train, splits.test)),
            ),
            dims=points.shape[1],
            facts=(("entropy of the ring", f"{ring.floor():.4f} nats"),),
        )

    def draw(params: Any, key: Array, folder: Path) -> list[Path]:
        from ...plots import figure, save

        draws = jax.jit(lambda params, key: flow_matching.sample(field(params), key, (2000, 2), interpolant=path))
        side = np.linspace(-3, 3, 81, dtype=np.float32)
        grid = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
        log_p = jax.jit(lambda params, x: flow_matching.log_prob(field(params), x, interpolant=path))(params, grid)
        fig, axes = figure(1, 3)
        for ax, (title, x) in zip(
            axes, (("samples", draws(params, key)), ("held out", splits.test[:2000])), strict=False
        ):
            ax.plot(*np.asarray(x).T, ".", markersize=2)
            ax.set_title(title)
        axes[2].imshow(np.exp(log_p).reshape(81, 81), origin="lower", extent=(-3, 3, -3, 3))
        axes[2].set_title("density of the model")
        for ax in axes:
            ax.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
        return [save(fig, folder / "samples.png")]

    return Task(
        params=model.params,
        batches=Batches(splits.train, config.fit.batch_size, config.fit.seed),
        loss=loss,
        validate=lambda params: float(validation(params, key).mean()),
        evaluate=evaluate,
        draw=draw,
        unit="point",
        fingerprint=fingerprint(points),
        levels={
            "entropy of the ring": ring.floor(),
            "one normal": float(one_normal(splits.train, splits.validation).mean()),
        },
    )
