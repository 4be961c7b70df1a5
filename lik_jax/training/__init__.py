"""Training: one jitted loop for any framework's params, data, checkpoints, and what the command line runs.

Nothing here is loaded by ``import lik_jax``.
"""
