"""The benchmark runs: one case, one small size, whatever peers there are."""

import json
import pathlib

import jax
import pytest

from bench import estimators, scores, steps
from bench.__main__ import main


def test_quick_mode_of_one_case(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "results.jsonl"
    options = ["--quick", "--only", "normal", "--operations", "nll_grad", "--without", "numpyro", "torch"]
    # peers are written for JAX's default promotion
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        records = main([*options, "--out", str(out)])
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["who"] for line in lines] == [record["who"] for record in records] == ["lik_jax", "plain", "jax.scipy"]
    assert all(line["run_ms_median"] >= line["run_ms_min"] > 0 for line in lines)
    assert {"versions", "device", "trace_ms", "compile_ms", "temp_bytes", "floor_ms"} <= set(lines[0])
    assert "normal" in capsys.readouterr().out


@pytest.mark.slow
def test_estimators_are_unbiased():
    """The smallest table: every estimator's mean is the gradient by quadrature, within the noise of the draws."""
    records = estimators.main(["--samples", "2", "--draws", "2000", "--points", "40"])
    assert len(records) == 2 * len(estimators.ESTIMATORS)
    for record in records:
        assert max(record["posterior"]["sigmas"], record["model"]["sigmas"]) < 4.5, record
    variance = {r["estimator"]: r["posterior"]["variance"] for r in records if r["setting"] == "best"}
    assert variance["sticking the landing"] < variance["reparametrised"]
    assert variance["REINFORCE, leave one out"] < variance["REINFORCE, no baseline"]
    assert variance["DReG"] < variance["IWAE"]


@pytest.mark.parametrize(
    "name", ["vae", *(pytest.param(n, marks=pytest.mark.slow) for n in ("denoiser", "realnvp", "spline"))]
)
def test_a_step_by_hand_has_the_loss_of_the_librarys(name: str, capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("sklearn")
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        (record,) = steps.main(["--seconds", "0", "--only", name])
    assert record["ratio_median"] > 0
    assert f"| {name} | 128 |" in capsys.readouterr().out


@pytest.mark.slow
def test_scores_are_those_of_the_textbook(capsys: pytest.CaptureFixture[str]):
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        records = scores.main(
            ["--seconds", "0", "--size", "1000", "--only", "Brier, yes or no", "interval score, normal"]
        )
    assert [record["case"] for record in records] == ["Brier, yes or no", "interval score, normal"]
    assert all(record[of]["ratio"] > 0 for record in records for of in ("value", "gradient"))
    assert "| Brier, yes or no |" in capsys.readouterr().out
