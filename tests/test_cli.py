"""The command line: what it says, what it loads, and what it does with what it is given."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lik_jax import _extras, catalogue, distributions
from lik_jax.training import configs

tyro = pytest.importorskip("tyro")
pytest.importorskip("rich")

from lik_jax import cli  # noqa: E402

ROOT = str(pathlib.Path(__file__).parents[1])
ENVIRONMENT = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": ROOT}
TINY = ["--steps", "6", "--batch-size", "8", "--validate-every", "3"]


@pytest.fixture
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def out(capsys):
    captured = capsys.readouterr()
    return captured.out + captured.err


@pytest.mark.parametrize("name", configs.NAMES)
def test_the_defaults_of_every_model_parse(name):
    assert cli.parse(["train", name]).model == configs.NAMES[name]()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--layers", "3"], "layers is 3; it must be 1 or 2"), (["--samples", "0"], "want 1 sample or more")],
)
def test_settings_out_of_range_are_said_in_words(capsys, arguments, message):
    with pytest.raises(SystemExit):
        cli.parse(["train", "vae", *arguments])
    assert message in " ".join(out(capsys).split())


def test_train_alone_is_the_classifier():
    assert cli.parse(["train"]).model == configs.Classifier()
    command = cli.parse(["train", "--steps", "7", "--name", "mine"])
    assert (command.model.fit.steps, command.name) == (7, "mine")


def test_help_loads_nothing_heavy():
    program = (
        "import sys\n"
        "from lik_jax import cli\n"
        "try: cli.main(['train', 'vae', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'flax', 'optax', 'orbax', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert "--latents" in done.stdout


@pytest.mark.parametrize(
    ("model", "extra", "pictures", "words"),
    [
        ("classifier", ["--channels", "2", "--width", "8"], ["reliability.png"], ["accuracy", "class marginal"]),
        ("regressor", ["--widths", "8", "--data", "diabetes"], ["predictive.png"], ["90 % interval", "straight line"]),
        pytest.param(
            "vae",
            ["--width", "8", "--latents", "2"],
            ["samples.png"],
            ["ELBO", "500 importance samples", "effective sample size", "standard error", "independent Bernoulli"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "vae",
            ["--layers", "2", "--width", "8", "--latents", "2"],
            ["samples.png"],
            ["KL of each layer", "ELBO"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "diffusion",
            ["--width", "8", "--timesteps", "4"],
            ["samples.png"],
            ["bits/dim", "uniform", "reconstruction"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *("gan", ["--width", "8", "--latents", "2"], ["samples.png"], ["modes found", "energy distance", "truth"]),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *(
                "flow",
                ["--width", "8", "--layers", "2"],
                ["samples.png"],
                ["bits/dim", "importance samples", "uniform"],
            ),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *(
                "rbm",
                ["--hidden", "4", "--ais-steps", "5", "--ais-chains", "9"],
                ["samples.png"],
                ["exact", "reverse AIS"],
            ),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "score",
            ["--width", "8", "--levels", "5"],
            ["samples.png"],
            ["true score", "one normal"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "flow-matching",
            ["--width", "8", "--blocks", "1"],
            ["samples.png"],
            ["by its ODE", "one normal"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "masked-diffusion",
            ["--width", "8", "--blocks", "1"],
            ["samples.png"],
            ["bits/dim", "every pixel"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_train_evaluate_and_sample(inside, capsys, model, extra, pictures, words):
    assert cli.main(["train", model, *TINY, *extra]) == 0
    said = out(capsys)
    for word in ("held out", "nats", "bits", "baseline", "parameters", "training time", *words):
        assert word in said
    folder = inside / "runs" / model
    for name in ("config.json", "metrics.jsonl", "results.json", "training.png", *pictures):
        assert (folder / name).stat().st_size > 0
    scores = json.loads((folder / "results.json").read_text())["scores"]
    assert cli.main(["evaluate", str(folder)]) == 0
    assert f"{scores[0]['nats']:.4f}" in out(capsys)
    (folder / pictures[0]).unlink()
    assert cli.main(["sample", str(folder)]) == 0
    assert (folder / pictures[0]).exists()


@pytest.mark.slow
def test_text_of_the_users_own(inside, capsys):
    (inside / "own.txt").write_text("the quick brown fox jumps over the lazy dog. " * 100 + "\N{SNOWMAN}")
    arguments = ["train", "transformer", "--data", "own.txt", "--layers", "1", "--heads", "2", "--width", "8"]
    assert cli.main([*arguments, "--block", "16", *TINY]) == 0
    said = out(capsys)
    assert "5-gram" in said
    assert "perplexity" in said
    assert "(1 held out)" in said
    assert "|" in (inside / "runs" / "transformer" / "sample.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["regressor", "--data", "diabetes", "--widths", "8"],
            ["CRPS", "scale times", "conformal", "in 80 % interval"],
        ),
        pytest.param(
            ["classifier", "--channels", "2", "--width", "8"],
            ["temperature", "dirichlet", "Brier", "RAPS", "80 % promised"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_calibrate(inside, capsys, arguments, words):
    assert cli.main(["train", *arguments, *TINY]) == 0
    folder = inside / "runs" / arguments[0]
    out(capsys)
    assert cli.main(["calibrate", str(folder), "--level", "0.8"]) == 0
    said = out(capsys)
    for word in words:
        assert word in said
    assert (folder / "calibration.png").stat().st_size > 0
    assert json.loads((folder / "calibration.json").read_text())["level"] == 0.8
    assert cli.main(["calibrate", str(folder), "--level", "1.5"]) == 1
    assert "want a probability between 0 and 1" in out(capsys)


@pytest.mark.slow
def test_only_forecasts_are_calibrated(inside, capsys):
    assert cli.main(["train", "rbm", "--hidden", "4", "--ais-steps", "5", "--ais-chains", "9", *TINY]) == 0
    assert cli.main(["calibrate", "runs/rbm"]) == 1
    assert "calibrate a classifier or a regressor" in out(capsys)


def test_a_table_of_the_users_own(inside, capsys):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    np.savetxt(inside / "own.csv", np.column_stack([x, x[:, 0] > 0]), delimiter=",")
    assert cli.main(["train", "classifier", "--data", "own.csv", *TINY]) == 0
    assert "accuracy" in out(capsys)
    assert cli.main(["train", "regressor", "--distribution", "bernoulli", "--data", "own.csv", *TINY]) == 0
    assert "one bernoulli for all rows" in out(capsys)


@pytest.mark.slow
def test_yes_and_no_are_calibrated_as_two_classes(inside, capsys):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    np.savetxt(inside / "own.csv", np.column_stack([x, x[:, 0] > 0]), delimiter=",")
    assert cli.main(["train", "regressor", "--distribution", "bernoulli", "--data", "own.csv", *TINY]) == 0
    assert cli.main(["calibrate", "runs/regressor"]) == 0
    assert "bias corrected" in out(capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "transformer", "--data", "none.txt"], "no such file"),
        (["train", "--data", "none.csv"], "no such file"),
        (["train", "regressor", "--data", "bad.csv"], "line 2: 'x' is not a number"),
        (["train", "classifier", "--data", "halves.csv"], "class label"),
        (["train", "regressor", "--distribution", "nothing"], "choose one of"),
        (["train", "regressor", "--distribution", "bernoulli"], "Choose another --distribution"),
        (["evaluate", "runs/none"], "is no run"),
        (["sample", "runs/none"], "is no run"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(inside, capsys, arguments, message):
    (inside / "bad.csv").write_text("1,2\n3,x\n")
    (inside / "halves.csv").write_text("1,0.5\n" * 30)
    assert cli.main(arguments) == 1
    said = out(capsys)
    assert message in " ".join(said.split())
    assert "Traceback" not in said


def test_a_run_of_the_same_name(inside, capsys):
    arguments = ["train", "regressor", "--data", "diabetes", "--widths", "4", *TINY]
    assert cli.main(arguments) == 0
    assert cli.main(arguments) == 1
    assert "--resume" in out(capsys)
    assert cli.main([*arguments, "--resume", "--learning-rate", "0.5"]) == 1
    assert "learning_rate 0.003 there, 0.5 here" in out(capsys)
    assert cli.main([*arguments, "--resume"]) == 0
    assert cli.main([*arguments, "--overwrite"]) == 0


def test_a_divergence_is_said_in_words(inside, capsys):
    arguments = ["train", "regressor", "--data", "diabetes", "--learning-rate", "1e12", "--clip-norm", "1e12"]
    assert cli.main(arguments) == 1
    said = " ".join(out(capsys).split())
    assert "diverged at step" in said
    assert "the last good state is saved in" in said


def test_control_c_says_where_it_saved(inside):
    arguments = ["train", "regressor", "--steps", "1000000", "--validate-every", "50"]
    program = f"import sys; from lik_jax.cli import main; sys.exit(main({arguments!r}))"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT,
    )
    history = pathlib.Path("runs/regressor/metrics.jsonl")
    deadline = time.monotonic() + 120
    while not (history.exists() and history.stat().st_size) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = " ".join(process.communicate(timeout=120)[0].split())
    assert process.returncode == 130
    assert "saved in runs/regressor/checkpoints" in said
    assert "--name regressor --runs runs --resume" in said
    assert "Traceback" not in said


def test_the_catalogue_lists_every_distribution(capsys):
    assert cli.main(["distributions"]) == 0
    said = out(capsys)
    names = [entry.name for entry in catalogue.entries()]
    for name, module in vars(distributions).items():
        if hasattr(module, "log_prob"):
            assert name in names
            assert name in said
    assert cli.main(["distributions", "bern"]) == 0
    assert "laplace" not in out(capsys)


def test_a_missing_extra_says_what_to_install(monkeypatch, capsys):
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'lik-jax\[plot\]'"):
        _extras.load("no_such_module_at_all", "plot", "drawing")
    monkeypatch.setitem(sys.modules, "tyro", None)
    assert cli.main(["train"]) == 1
    assert "pip install 'lik-jax[cli]'" in out(capsys)
