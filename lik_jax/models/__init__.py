"""Small Flax models, one file each. Nothing here is loaded by ``import lik_jax``.

``create(config, key)`` gives a `Model`: a pure nested dict of arrays and ``apply(params, x)``.
"""
