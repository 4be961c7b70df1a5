"""lik_jax: every training loss is a likelihood."""
