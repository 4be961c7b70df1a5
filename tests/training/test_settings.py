"""Settings reach the optimiser, and those that make no sense are refused."""

import jax.numpy as jnp
import numpy as np
import pytest

from lik_jax.training.errors import SettingsError
from lik_jax.training.loop import train
from lik_jax.training.settings import Settings


def after(*gradients: float, **options) -> float:
    """Where a number that starts at 0 is after steps along these gradients, at a rate that is all but constant."""
    settings = Settings(
        steps=len(gradients), learning_rate=1.0, warmup_steps=0, weight_decay=0.0, clip_norm=10.0, **options
    )
    state = train(
        lambda params, slope, key: params * slope,
        jnp.array(0.0),
        lambda step: jnp.float32(gradients[step]),
        settings,
    )
    return float(state.params)


def test_adams_decays():
    """Without either memory each step is the rate times a sign: 1, then 0.505 (half-way down the cosine)."""
    np.testing.assert_allclose(after(2.0, -0.5, beta1=0.0, beta2=0.0), -1 + 0.505, rtol=1e-5)
    # beta1 = 0.5, bias corrected: the mean of 2 and -0.5 is (0.5 * 2 - 0.5) / 1.5 = 1 / 3, over |-0.5|
    np.testing.assert_allclose(after(2.0, -0.5, beta1=0.5, beta2=0.0), -1 - 0.505 * 2 / 3, rtol=1e-5)
    # beta2 = 0.5: the mean square is (0.5 * 4 + 0.25) / 1.5 = 1.5
    np.testing.assert_allclose(after(2.0, -0.5, beta1=0.0, beta2=0.5), -1 + 0.505 * 0.5 / np.sqrt(1.5), rtol=1e-5)


@pytest.mark.parametrize("name", ["beta1", "beta2", "ema_decay"])
@pytest.mark.parametrize("value", [-0.1, 1.0])
def test_a_decay_is_a_share(name: str, value: float):
    with pytest.raises(SettingsError, match=f"{name} is {value}"):
        Settings(**{name: value})
