"""A right posterior passes a calibration; a narrowed or shifted one is found out."""

import json

import numpy as np
import pytest
from helpers import assert_five_parts, changed_spec

from bayeslaw import evaluation
from bayeslaw.errors import InputError
from bayeslaw.evaluation.calibration import Design, calibrate
from bayeslaw.evaluation.coverage import Calibration
from bayeslaw.inference.sampler import SamplerSettings
from bayeslaw.model.spec import read_spec

STUDIES, DRAWS, VALUES = 200, 199, 3


def normal_studies(seed: int = 0) -> Calibration:
    """Exact posteriors of Normal truths that values of one study share in part."""
    rng = np.random.default_rng(seed)
    truths = rng.normal(size=(STUDIES, 1)) + rng.normal(size=(STUDIES, VALUES))
    data = truths + rng.normal(size=truths.shape)
    # Prior and data covariance of the values of one study.
    prior = np.eye(VALUES) + 1.0
    gain = prior @ np.linalg.inv(prior + np.eye(VALUES))
    root = np.linalg.cholesky(prior - gain @ prior)
    noise = rng.normal(size=(STUDIES, DRAWS, VALUES)) @ root.T
    draws = (data @ gain.T)[:, None] + noise
    return Calibration({"theta": truths}, {"theta": draws}, np.zeros(STUDIES))


def test_exact_posteriors_have_uniform_ranks_and_no_fault():
    found = normal_studies()
    ranks = found.ranks("theta")
    assert ranks.shape == (STUDIES, VALUES)
    (coverage,) = found.coverage()
    # Binomial errors of 200 studies: .021 at 90 %, .035 at 50 %; 4 of them.
    assert abs(coverage.within_90 - 0.9) < 0.085
    assert abs(coverage.within_50 - 0.5) < 0.14
    assert 0.005 < coverage.se_90 < 0.03
    assert found.faults == []
    record = json.loads(json.dumps(found.to_dict()))
    assert record["studies"] == STUDIES
    assert record["coverage"][0]["quantity"] == "theta"


def test_a_right_posterior_is_called_wrong_as_rarely_as_promised():
    """One in a hundred: more than 5 of 100 has a probability of 5e-4."""
    alarms = sum(bool(normal_studies(seed).faults) for seed in range(100))
    assert alarms <= 5


@pytest.mark.parametrize(
    ("spoilt", "clause"),
    [({"narrowed": 0.3}, "theta: too narrow"), ({"shifted": 1.0}, "theta: shifted")],
)
def test_narrowed_and_shifted_posteriors_are_found(spoilt, clause):
    for seed in range(20):
        assert clause in normal_studies(seed).spoilt(**spoilt).faults


def test_too_wide_posteriors_are_found():
    assert normal_studies().spoilt(narrowed=-0.5).faults == ["theta: too wide"]


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"spec": read_spec("models/chinchilla.toml")}, "no sampling ratios"),
        ({"truth": read_spec("models/chinchilla.toml")}, "no sampling ratios"),
        ({"spec": changed_spec(extensions={"transfer": True})}, "transfer"),
        (
            {"spec": changed_spec(extensions={"repetition": True})},
            "not support repetition",
        ),
        ({"n_studies": 1}, "too few studies"),
        ({"design": Design(families=("germanic",))}, "too few families"),
    ],
)
def test_what_cannot_be_calibrated_is_refused_in_five_parts(changes, clause):
    spec = changes.pop("spec", read_spec("models/default.toml"))
    with pytest.raises(InputError, match=clause) as error:
        calibrate(spec, **changes)
    assert_five_parts(str(error.value))


@pytest.fixture
def fitted(monkeypatch):
    """Puts exact posteriors, spoilt or not, in the place of fits; returns the calls."""
    calls = []

    def fit_nothing(spoilt):
        def calibrate(spec, **options):
            calls.append((spec.name, options))
            return normal_studies().spoilt(**spoilt)

        # A face keeps what it has loaded.
        monkeypatch.setattr(evaluation, "calibrate", calibrate)
        return calls

    return fit_nothing


def test_the_verb_writes_a_record_and_says_that_nothing_is_wrong(
    tmp_path, bayeslaw_command, fitted
):
    calls, output = fitted({}), tmp_path / "new" / "calibration.json"
    words = ("--model", "models/default.toml", "--studies", "20", "--seed", "7")
    status, out, err = bayeslaw_command("calibrate", *words, "-o", output)
    assert (status, err) == (0, "")
    ((name, options),) = calls
    assert (name, options["n_studies"], options["seed"]) == ("default", 20, 7)
    assert options["truth"].name == "default"
    assert "No fault found" in out
    (row,) = (line.split() for line in out.splitlines() if line.startswith("theta"))
    assert 80 < float(row[2].removesuffix("%")) < 100
    assert "30% narrower than these in 1 of 1 quantities" in " ".join(out.split())
    record = json.loads(output.read_text())
    assert (record["model"], record["seed"], record["faults"]) == ("default", 7, [])
    assert record["studies"] == STUDIES


def test_faults_are_exit_status_2(tmp_path, bayeslaw_command, fitted):
    calls, output = fitted({"narrowed": 0.3}), tmp_path / "calibration.json"
    words = ("--model", "models/he2024_common_gamma.toml")
    words += ("--truth", "models/default.toml", "-o", output)
    status, out, _ = bayeslaw_command("calibrate", *words)
    assert status == 2
    assert "Fault: theta: too narrow." in out
    assert calls[0][0] == "he2024_common_gamma"
    assert calls[0][1]["truth"].name == "default"
    status, out, err = bayeslaw_command("calibrate", *words, "--json")
    assert (status, err) == (2, "")
    assert json.loads(out) == json.loads(output.read_text())
    assert json.loads(out)["faults"] == ["theta: too narrow"]


@pytest.mark.slow
def test_studies_are_fitted_side_by_side_and_ranked():
    """Few studies: that intervals are not grossly wrong, not that they are right."""
    design = Design(sizes=(1e7, 1e8), tokens=(1e9, 1e10), n_mixtures=5)
    settings = SamplerSettings(chains=2, warmup=200, draws=100)
    seen = []
    found = calibrate(
        read_spec("models/default.toml"),
        n_studies=6,
        design=design,
        settings=settings,
        batch=4,
        report=lambda *now: seen.append(now),
    )
    assert seen == [(4, 6), (6, 6)]
    assert found.truths["optimal ratios"].shape == (6, 3)
    assert found.draws["optimal ratios"].shape == (6, 200, 3)
    np.testing.assert_allclose(found.draws["optimal ratios"].sum(-1), 1, atol=1e-6)
    np.testing.assert_allclose(found.truths["optimal ratios"].sum(-1), 1, atol=1e-6)
    within = {one.quantity: one.within_90 for one in found.coverage()}
    assert {"optimal ratios", "log loss at the target", "drift"} < set(within)
    assert np.mean(list(within.values())) > 0.75
