"""The benches of ensembles and of uncertainty run: few steps, one seed."""

import jax
import pytest

from bench import ensemble, uncertainty

pytestmark = pytest.mark.slow


def test_an_ensemble_at_once_ends_as_apart(capsys):
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        (record,) = ensemble.main(["--only", "regressor", "--members", "2", "--steps", "20"])
    at_once, apart = record["best_validation_loss"].values()
    assert at_once == pytest.approx(apart, rel=1e-4)
    assert record["ratio"] > 0
    assert "| regressor | 2 | 20 |" in capsys.readouterr().out


def test_the_table_of_uncertainty_has_every_method(capsys):
    pytest.importorskip("sklearn")
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        records = uncertainty.main(["--seeds", "1", "--steps", "20"])
    nll = {(r["pixels"], r["method"]): r["nll"][0] for r in records}
    assert len(nll) == 3 * 9
    for kind in ("clean", "noise", "occlusion"):
        assert nll[kind, "ensemble of 5"] < nll[kind, "members, on average"]
        assert nll[kind, "single network"] > 0
    assert "| occlusion | last-layer Laplace, probit |" in capsys.readouterr().out
