"""How a run is trained: plain settings, readable without importing JAX."""

from dataclasses import dataclass

from .errors import SettingsError


@dataclass(frozen=True)
class Settings:
    """Optimiser and schedule: AdamW, linear warm-up, cosine decay to a hundredth, clipping by global norm."""

    steps: int = 1000
    """Optimiser steps at most."""
    batch_size: int = 128
    """Examples a step."""
    learning_rate: float = 1e-3
    """At its peak, after the warm-up."""
    warmup_steps: int = 50
    """Steps over which the learning rate rises from 0."""
    weight_decay: float = 1e-2
    """Decoupled, on matrices only: vectors (biases, norms) are left alone."""
    clip_norm: float = 1.0
    """Gradients with a larger global norm are scaled down to it."""
    beta1: float = 0.9
    """Decay of Adam's mean of the gradients: its momentum."""
    beta2: float = 0.999
    """Decay of Adam's mean of their squares."""
    ema_decay: float = 0.0
    """Of the moving average of the params, which is what is validated and kept; 0 keeps the params themselves."""
    validate_every: int = 100
    """Steps between validations; checkpoints are written then too."""
    patience: int = 10
    """Validations without a better one before the run stops early."""
    seed: int = 0
    """Of the initial params, the order of the data and every random draw."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "validate_every", "patience"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if not self.learning_rate > 0:
            raise SettingsError(f"learning_rate is {self.learning_rate}; it must be positive.")
        for name in ("beta1", "beta2", "ema_decay"):
            if not 0 <= getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be at least 0 and below 1.")
