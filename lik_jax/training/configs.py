"""What `lik-jax train MODEL` can be told: plain settings, readable without importing JAX."""

import dataclasses
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from .settings import Settings


@dataclass(frozen=True)
class Classifier:
    """A small ConvNet with a categorical likelihood, then temperature scaling. Default data: handwritten digits."""

    data: Path | None = None
    """.csv, .npy or .npz with labels 0, 1, ... as the target, instead of the digits."""
    channels: int = 32
    """Of the first convolution (images only)."""
    width: int = 128
    """Of the hidden layer."""
    augment: bool = True
    """Shift training images by up to one pixel (images only)."""
    fit: Settings = field(
        default_factory=partial(
            Settings, steps=800, batch_size=128, learning_rate=2e-3, warmup_steps=60, weight_decay=0.05
        )
    )


@dataclass(frozen=True)
class Regressor:
    """A perceptron that predicts the params of a distribution, its scale included. Default data: a noisy sine."""

    data: str = "sine"
    """"sine" (known floor), "diabetes", or a .csv, .npy or .npz with the target last."""
    distribution: str = "normal"
    """Any distribution of real numbers or counts with a fixed number of raw numbers; `lik-jax distributions`."""
    widths: tuple[int, ...] = (64, 64)
    """Of the hidden layers."""
    fit: Settings = field(
        default_factory=partial(Settings, steps=2000, batch_size=256, learning_rate=3e-3, weight_decay=1e-4)
    )


@dataclass(frozen=True)
class Transformer:
    """A causal character model: exact likelihood of text. Default data: Python's own help."""

    data: Path | None = None
    """A text file, UTF-8."""
    layers: int = 4
    heads: int = 4
    width: int = 128
    """Of the residual stream."""
    block: int = 64
    """Longest context, in characters."""
    fit: Settings = field(
        default_factory=partial(
            Settings,
            steps=2000,
            batch_size=12,
            learning_rate=2e-3,
            warmup_steps=100,
            weight_decay=0.1,
            validate_every=200,
        )
    )


@dataclass(frozen=True)
class Vae:
    """A variational autoencoder with a Bernoulli decoder on binarised digits; the ELBO bounds the likelihood."""

    latents: int = 8
    """Of the code."""
    width: int = 256
    """Of the hidden layers."""
    fit: Settings = field(
        default_factory=partial(Settings, steps=2000, batch_size=128, learning_rate=1e-3, weight_decay=1e-3)
    )


@dataclass(frozen=True)
class Diffusion:
    """Gaussian diffusion of 17-level digits by the bound in continuous time, with a head that knows the levels."""

    timesteps: int = 100
    """Of the sampler, and of the bound in discrete steps that is reported beside that in continuous time."""
    width: int = 64
    """Of the residual stream."""
    blocks: int = 3
    """Of attention and perceptron."""
    fit: Settings = field(
        default_factory=partial(
            Settings,
            steps=2000,
            batch_size=128,
            learning_rate=2e-3,
            weight_decay=0.1,
            ema_decay=0.995,
            validate_every=250,
        )
    )


Config = Classifier | Regressor | Transformer | Vae | Diffusion
NAMES: dict[str, type] = {
    "classifier": Classifier,
    "regressor": Regressor,
    "transformer": Transformer,
    "vae": Vae,
    "diffusion": Diffusion,
}


def name_of(config: Config) -> str:
    """The model's name on the command line."""
    return next(name for name, kind in NAMES.items() if type(config) is kind)


def to_json(config: Config) -> dict[str, Any]:
    """Plain dicts, lists, strings and numbers: what config.json holds."""
    values = dataclasses.asdict(config)
    for key, value in values.items():
        if key == "data" and value not in (None, "sine", "diabetes"):
            values[key] = str(Path(value).absolute())
        elif isinstance(value, tuple):
            values[key] = list(value)
    return {"model": name_of(config), **values}


def from_json(values: dict[str, Any]) -> Config:
    """Inverse of `to_json`."""
    values = dict(values)
    kind = NAMES[values.pop("model")]
    values["fit"] = Settings(**values["fit"])
    if "widths" in values:
        values["widths"] = tuple(values["widths"])
    if kind is not Regressor and values.get("data") is not None:
        values["data"] = Path(values["data"])
    return kind(**values)
