"""What a network does not know: ensembles and posteriors over its params, with the predictive as a mixture."""
