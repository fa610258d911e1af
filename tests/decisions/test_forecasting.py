"""Forecasts of a target run, and how far it lies from the runs."""

import json

import numpy as np
import pytest
from helpers import assert_five_parts, small_posterior, write

from bayeslaw.checks.extrapolation import INSIDE, extrapolation_of
from bayeslaw.decisions.forecasting import forecast
from bayeslaw.errors import InputError
from bayeslaw.inference.posterior import save_posterior
from bayeslaw.inference.prediction import predict

EVEN = dict.fromkeys(("germanic", "romance", "slavic"), 1 / 3)


def codes(**target):
    found = extrapolation_of(small_posterior(), **target)
    return [warning.code for warning in found.warnings]


def test_a_target_inside_the_runs_is_called_so():
    inside = extrapolation_of(small_posterior(), N=5e7, D=2e9, ratios=EVEN)
    assert (inside.label, inside.warnings) == (INSIDE, ())


def test_each_way_out_has_its_code_and_its_factor():
    assert codes(N=8e8, D=2e9, ratios=EVEN) == ["extrapolated_size"]
    assert codes(N=5e7, D=1e8, ratios=EVEN) == ["extrapolated_tokens"]
    lopsided = {"germanic": 0.998, "romance": 0.001, "slavic": 0.001}
    assert codes(N=5e7, D=2e9, ratios=lopsided) == ["untried_ratio"]
    far = extrapolation_of(small_posterior(), N=8e8, D=1e8, ratios=lopsided)
    assert far.label.startswith(
        "N is 3.2 times that of the largest run; D is 10 times smaller than in the "
    )
    assert "germanic, romance, slavic" in far.label
    assert far.N_factor == pytest.approx(3.2)


def test_a_forecast_is_the_quantiles_of_the_prediction():
    (one,) = forecast(small_posterior(), N=1e9, D=2e10)
    draws = predict(small_posterior(), N=1e9, D=2e10, p=1 / 3)[:, 0]
    for i, loss in enumerate(one.expected.values()):
        expected = np.quantile(draws[:, i], [0.05, 0.25, 0.5, 0.75, 0.95])
        ends = (loss.lower_90, loss.lower_50, loss.median, loss.upper_50, loss.upper_90)
        np.testing.assert_allclose(ends, expected)
    assert (one.mixture, one.ratios, one.new_run) == ("uniform", EVEN, None)
    assert one.failed_checks == ()


def test_a_new_run_is_less_certain_than_the_mean_over_runs():
    (one,) = forecast(small_posterior(), N=5e7, D=2e9, new_run=True)
    for family, new in one.new_run.items():
        mean = one.expected[family]
        assert new.upper_90 - new.lower_90 > 2 * (mean.upper_90 - mean.lower_90)
        assert new.median == pytest.approx(mean.median, rel=0.005)


def test_every_mixture_has_its_forecast():
    more = {"germanic": 0.6, "romance": 0.2, "slavic": 0.2}
    even, german = forecast(
        small_posterior(), N=1e8, D=2e9, mixtures={"even": EVEN, "german": more}
    )
    assert (even.mixture, german.mixture) == ("even", "german")
    assert german.expected["germanic"].median < even.expected["germanic"].median
    assert german.expected["slavic"].median > even.expected["slavic"].median


@pytest.mark.parametrize(
    "wrong",
    [
        {"N": 0.0},
        {"D": float("nan")},
        {"mixtures": {"x": {"germanic": 1.0}}},
        {"mixtures": {"x": EVEN | {"slavic": 0.5}}},
        {"mixtures": {"x": {"germanic": 0.5, "romance": 0.5, "slavic": 0.0}}},
    ],
    ids=str,
)
def test_wrong_targets_are_refused_in_five_parts(wrong):
    with pytest.raises(InputError) as refused:
        forecast(small_posterior(), **({"N": 1e9, "D": 2e10} | wrong))
    assert_five_parts(str(refused.value))


def test_the_verb_prints_intervals_and_reach(tmp_path, bayeslaw_command):
    path = tmp_path / "posterior.nc"
    save_posterior(small_posterior(), path)
    words = ("predict", path, "--params", 8e8, "--tokens", 2e9, "--new-run")
    status, out, err = bayeslaw_command(*words)
    assert (status, err) == (0, "")
    assert "Extrapolation: N is 3.2 times that of the largest run." in out
    assert "Loss of a new run" in out
    mix = write(tmp_path / "mine.toml", "germanic = 0.5\nromance = 0.3\nslavic = 0.2\n")
    status, out, err = bayeslaw_command(*words, "--mix", mix, "--json")
    (record,) = json.loads(out)["forecasts"]
    assert (status, err, record["mixture"]) == (0, "", "mine")
    assert record["extrapolation"]["warnings"][0]["code"] == "extrapolated_size"
    assert set(record["new_run"]["romance"]) == set(record["expected"]["romance"])
