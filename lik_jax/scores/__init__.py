"""Proper scoring rules: how good a predictive distribution is at the ``y`` that came. Lower is better.

Every score has the signature of `lik_jax.nll`, so any of them trains a network.
"""
