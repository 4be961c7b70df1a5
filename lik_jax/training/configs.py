"""What `lik-jax train MODEL` can be told: plain settings, readable without importing JAX."""

import dataclasses
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from .errors import SettingsError
from .settings import Settings


def _check_members(ensemble: int, dropout: float) -> None:
    if ensemble < 1 or not 0 <= dropout < 1:
        raise SettingsError(f"ensemble is {ensemble} and dropout {dropout}; want 1 network or more, dropout in [0, 1).")


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
    dropout: float = 0.0
    """Share of hidden units left out in training."""
    ensemble: int = 1
    """Networks, of seeds that follow one another, trained at once; their predictions are mixed."""
    fit: Settings = field(
        default_factory=partial(
            Settings, steps=800, batch_size=128, learning_rate=2e-3, warmup_steps=60, weight_decay=0.05
        )
    )

    def __post_init__(self) -> None:
        _check_members(self.ensemble, self.dropout)


@dataclass(frozen=True)
class Regressor:
    """A perceptron that predicts the params of a distribution, its scale included. Default data: a noisy sine."""

    data: str = "sine"
    """"sine" (known floor), "diabetes", or a .csv, .npy or .npz with the target last."""
    distribution: str = "normal"
    """Any distribution of real numbers or counts with a fixed number of raw numbers; `lik-jax distributions`."""
    widths: tuple[int, ...] = (64, 64)
    """Of the hidden layers."""
    dropout: float = 0.0
    """Share of hidden units left out in training."""
    ensemble: int = 1
    """Networks, of seeds that follow one another, trained at once; their predictions are mixed."""
    fit: Settings = field(
        default_factory=partial(Settings, steps=2000, batch_size=256, learning_rate=3e-3, weight_decay=1e-4)
    )

    def __post_init__(self) -> None:
        _check_members(self.ensemble, self.dropout)


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

    layers: int = 1
    """Of latents: 1, or 2 with a learned prior between them."""
    latents: int = 8
    """Of the code that the decoder sees."""
    top_latents: int = 4
    """Of the layer above it, where there are two."""
    samples: int = 2
    """Importance samples of the bound that is trained; 1 is the ELBO. More raise the likelihood and lower the ELBO."""
    width: int = 256
    """Of the hidden layers."""
    dropout: float = 0.1
    """Share of hidden units left out in training."""
    fit: Settings = field(
        default_factory=partial(
            Settings, steps=4000, batch_size=128, learning_rate=2e-3, weight_decay=1e-3, ema_decay=0.99
        )
    )

    def __post_init__(self) -> None:
        if self.layers not in (1, 2):
            raise SettingsError(f"layers is {self.layers}; it must be 1 or 2.")
        if self.samples < 1 or not 0 <= self.dropout < 1:
            raise SettingsError(
                f"samples is {self.samples} and dropout {self.dropout}; want 1 sample or more, dropout in [0, 1)."
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


@dataclass(frozen=True)
class Gan:
    """A generator and a critic on a ring of eight normals, whose density is known: paired, with R1 and R2 penalties."""

    latents: int = 8
    """Of the noise that samples are made from."""
    width: int = 128
    """Of the hidden layers, three in either network."""
    penalty: float = 0.05
    """Coefficient of R1 and of R2."""
    fit: Settings = field(
        default_factory=partial(
            Settings,
            steps=8000,
            batch_size=256,
            learning_rate=2e-3,
            weight_decay=0.0,
            clip_norm=10.0,
            beta1=0.0,
            beta2=0.99,
            ema_decay=0.998,
            validate_every=500,
            patience=16,
        )
    )


@dataclass(frozen=True)
class FlowMatching:
    """Flow matching on a ring of eight normals in the plane, scored by its exact density beside the true one."""

    path: Literal["straight", "circle"] = "straight"
    """From noise to data: straight lines, or the variance-preserving quarter of a circle."""
    coupling: Literal["independent", "optimal"] = "independent"
    """Of noise and data within a batch; the optimal one takes time that grows with the cube of the batch."""
    width: int = 128
    """Of the residual stream."""
    blocks: int = 3
    """Of the network."""
    fit: Settings = field(
        default_factory=partial(
            Settings,
            steps=4000,
            batch_size=512,
            learning_rate=2e-3,
            weight_decay=0.0,
            ema_decay=0.995,
            validate_every=500,
        )
    )


@dataclass(frozen=True)
class Rbm:
    """A restricted Boltzmann machine of binarised digits by persistent contrastive divergence, scored by AIS.

    The training loss shown is an energy difference and no likelihood; the validation loss is one.
    """

    hidden: int = 64
    """Hidden bits; up to 16, log Z is exact."""
    chains: int = 256
    """Persistent chains."""
    gibbs_steps: int = 2
    """Of every chain, between two steps of the training."""
    ais_chains: int = 500
    """Of the final estimate, each way."""
    ais_steps: int = 10_000
    """Of each of them."""
    fit: Settings = field(
        default_factory=partial(
            Settings, steps=20_000, batch_size=128, learning_rate=4e-3, weight_decay=0.02, validate_every=1000
        )
    )


@dataclass(frozen=True)
class Flow:
    """A normalising flow of dequantised 17-level digits; the bound of uniform noise is on the discrete likelihood."""

    kind: Literal["spline", "affine", "autoregressive"] = "spline"
    """Couplings of splines, affine couplings (RealNVP), or masked autoregressive layers."""
    layers: int = 6
    """Each followed by a permutation, and a mixing if asked for."""
    width: int = 128
    """Of the hidden layers of each network."""
    bins: int = 8
    """Of the splines."""
    dropout: float = 0.4
    """Share of hidden units left out in training."""
    mixing: bool = False
    """A learnt linear map, by its LU factors, after each layer."""
    fit: Settings = field(
        default_factory=partial(
            Settings,
            steps=3000,
            batch_size=128,
            learning_rate=2e-3,
            weight_decay=0.5,
            ema_decay=0.99,
        )
    )


@dataclass(frozen=True)
class MaskedDiffusion:
    """Masked diffusion of 17-level digits, pixels as categories that are hidden and filled in, scored by its bound."""

    width: int = 256
    """Of the residual stream."""
    blocks: int = 3
    """Of the network."""
    fit: Settings = field(
        default_factory=partial(
            Settings,
            steps=2000,
            batch_size=128,
            learning_rate=1e-3,
            weight_decay=0.1,
            ema_decay=0.995,
            validate_every=250,
        )
    )


@dataclass(frozen=True)
class ScoreNetwork:
    """A noise-conditional score network on a ring of eight normals, with a bound on its likelihood; known floor."""

    width: int = 128
    """Of the hidden layers."""
    levels: int = 40
    """Noise levels."""
    sigma_min: float = 0.05
    """The least noise: what is bounded is the density of data that have it."""
    sigma_max: float = 5.0
    """The greatest noise, under which data look normal."""
    fit: Settings = field(
        default_factory=partial(
            Settings, steps=8000, batch_size=512, learning_rate=3e-3, weight_decay=1e-4, validate_every=800
        )
    )


Config = (
    Classifier
    | Regressor
    | Transformer
    | Vae
    | Diffusion
    | Gan
    | Flow
    | Rbm
    | ScoreNetwork
    | FlowMatching
    | MaskedDiffusion
)
NAMES: dict[str, type] = {
    "classifier": Classifier,
    "regressor": Regressor,
    "transformer": Transformer,
    "vae": Vae,
    "diffusion": Diffusion,
    "gan": Gan,
    "flow": Flow,
    "rbm": Rbm,
    "score": ScoreNetwork,
    "flow-matching": FlowMatching,
    "masked-diffusion": MaskedDiffusion,
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
