"""Bits a dimension do not depend on how the levels were scaled."""

import math

import pytest

import lik_jax as lj


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("low", "high"), [(0, 256), (0, 1), (-1, 1)])
@pytest.mark.parametrize(("levels", "bits"), [(256, 8.0), (17, 4.08746284)])
def test_uniform_levels_under_any_scaling(low: float, high: float, levels: int, bits: float):
    num_dims = 12
    nats = num_dims * math.log(high - low)  # the uniform density on [low, high)
    assert float(lj.bits_per_dim(nats, num_dims, bin_width=(high - low) / levels)) == pytest.approx(bits, abs=1e-8)


@pytest.mark.usefixtures("x64")
def test_a_mass_has_bins_of_width_one():
    assert float(lj.bits_per_dim(5 * math.log(17), 5)) == pytest.approx(4.08746284, abs=1e-8)
