"""A restricted Boltzmann machine of binarised digits: persistent chains in training, annealed chains for its score."""

from pathlib import Path

import jax
import numpy as np
from jax import Array

from ...objectives import ais, contrastive_divergence, mcmc, rbm
from ..baselines import independent_bernoulli
from ..configs import Rbm
from ..data import Batches, by_row, digits, fingerprint
from ..task import Report, Score, Task

_EXACT = 16  # hidden bits up to which log Z is added up
_MIXING = 1000  # Gibbs steps before the machine's draws are taken for exact


def build(config: Rbm) -> Task:
    """Digits, a pixel being on where its level is 8 or more of 16."""
    images = (digits()["x"] >= 8).astype(np.float32)
    splits = by_row(images.reshape(len(images), -1))
    first, second, third = jax.random.split(jax.random.key(config.fit.seed), 3)
    params = rbm.init(first, config.hidden, splits.train)
    base_bias = params.visible_bias
    chains = rbm.base_sample(rbm.base(params), second, config.chains)

    def loss(params: rbm.Params, y: Array, key: Array, chains: Array) -> tuple[Array, Array]:
        def energy(v: Array) -> Array:
            return rbm.free_energy(params, v)

        kernel = rbm.gibbs(jax.lax.stop_gradient(params))
        return contrastive_divergence.pcd(energy, kernel, y, chains, key=key, num_steps=config.gibbs_steps)

    def anneal(params: rbm.Params, key: Array, num_chains: int, steps: int) -> ais.Estimate:
        return ais.rbm_forward(rbm, params, key=key, num_chains=num_chains, betas=steps, visible_bias=base_bias)

    @jax.jit
    def validation(params: rbm.Params, key: Array) -> Array:
        if config.hidden <= _EXACT:
            log_z = rbm.log_partition(params)
        else:
            log_z = anneal(params, key, 100, min(1000, config.ais_steps)).log_z
        return rbm.free_energy(params, splits.validation).mean() + log_z

    @jax.jit
    def both_sides(params: rbm.Params, key: Array) -> tuple[ais.Estimate, ais.Estimate, Array]:
        """AIS, reverse AIS, and the machine's own draws that it starts from: AIS's chains, run on for long."""
        first, second, third, fourth = jax.random.split(key, 4)
        forward = anneal(params, first, config.ais_chains, config.ais_steps)
        picked = ais.resample(forward, second, config.ais_chains)
        drawn = mcmc.run(rbm.gibbs(params), third, picked, _MIXING)
        reverse = ais.rbm_reverse(rbm, params, drawn, key=fourth, betas=config.ais_steps, visible_bias=base_bias)
        return forward, reverse, drawn

    def evaluate(params: rbm.Params, key: Array) -> Report:
        forward, reverse, _ = both_sides(params, key)
        free = rbm.free_energy(params, splits.test)
        scores = [
            Score.of("model, log Z by AIS (too low on average)", free + forward.log_z),
            Score.of("model, log Z by reverse AIS (too high)", free + reverse.log_z),
            Score.of("baseline: independent Bernoulli pixels", independent_bernoulli(splits.train, splits.test)),
        ]
        if config.hidden <= _EXACT:
            scores.insert(0, Score.of("model, exact log Z", free + rbm.log_partition(params)))
        facts = [
            (f"log Z by {name}", f"{float(low):.3f} to {float(high):.3f} (95 %)")
            for name, (low, high) in (("AIS", forward.interval()), ("reverse AIS", reverse.interval()))
        ]
        effective = f"{float(forward.effective_sample_size):.0f} of {config.ais_chains}"
        return Report(
            f"{len(splits.test)} binarised images",
            "image",
            tuple(scores),
            dims=splits.test.shape[1],
            facts=(*facts, ("effective chains of AIS", effective)),
        )

    def draw(params: rbm.Params, key: Array, folder: Path) -> list[Path]:
        from ...plots import figure, image_grid, save

        drawn = both_sides(params, key)[2][:60]
        filters = np.asarray(params.weights).T[:60]
        filters = 0.5 + 0.5 * filters / np.abs(filters).max(1, keepdims=True)
        fig, axes = figure(1, 2)
        for ax, (title, pixels) in zip(
            axes, {"samples": drawn, "weights of hidden bits": filters}.items(), strict=True
        ):
            image_grid(ax, np.asarray(pixels).reshape(-1, *images.shape[1:]))
            ax.set_title(title)
        return [save(fig, folder / "samples.png")]

    return Task(
        params=params,
        batches=Batches(splits.train, config.fit.batch_size, config.fit.seed),
        loss=loss,
        validate=lambda params: float(validation(params, jax.random.fold_in(third, 0))),
        evaluate=evaluate,
        draw=draw,
        unit="image",
        fingerprint=fingerprint(images),
        levels={"independent pixels": float(independent_bernoulli(splits.train, splits.validation).mean())},
        loss_name="energy difference (no likelihood)",
        carry=chains,
    )
