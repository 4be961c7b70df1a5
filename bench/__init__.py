"""How fast lik_jax is beside its peers: ``python -m bench --help``."""
