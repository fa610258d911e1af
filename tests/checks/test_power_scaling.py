"""Power scaling: log densities of the fit, and what they say of prior and data."""

import math

import numpy as np
import pytest
import xarray as xr
from helpers import changed_spec, small_posterior, small_spec
from scipy import stats

from bayeslaw.checks.diagnostics import check
from bayeslaw.checks.power_scaling import sensitivities
from bayeslaw.decisions import decision_sentences
from bayeslaw.decisions.optimum import optimal_ratios
from bayeslaw.inference.prediction import predictive
from bayeslaw.model.log_prior import log_prior_parts

DIMS = ("chain", "draw")


@pytest.mark.slow
def test_the_saved_likelihood_is_the_density_of_all_rows():
    posterior = small_posterior()
    distribution, observed = predictive(posterior, 50)
    expected = distribution.logpdf(observed).sum(1)
    saved = posterior["log_likelihood"].dataset["rows"].values.ravel()
    places = np.linspace(0, len(saved) - 1, 50).astype(int)
    np.testing.assert_allclose(saved[places], expected, rtol=1e-9)


@pytest.mark.slow
def test_the_saved_prior_is_the_density_of_what_is_stated():
    posterior, spec = small_posterior(), small_spec()
    draw = posterior["posterior"].dataset.isel(chain=1, draw=7)
    saved = posterior["log_prior"].dataset.isel(chain=1, draw=7)
    means = sum(
        stats.norm.logpdf(float(draw[f"{name}_mean"]), c.prior.loc, c.prior.scale)
        for name, c in spec.law_record.coordinates.items()
    )
    assert float(saved["means"]) == pytest.approx(means)
    runs = stats.norm.logpdf(draw["run_effect"].values, 0, float(draw["run_sd"]))
    assert float(saved["runs"]) == pytest.approx(runs.sum())
    scales = stats.norm.logpdf(np.log(draw["sigma"].values), math.log(0.01), 0.7).sum()
    scales += stats.norm.logpdf(np.log(float(draw["run_sd"])), math.log(0.01), 0.7)
    scales += stats.gamma.logpdf(float(draw["nu"]), 2, scale=10) - 2 * math.log(0.1)
    assert float(saved["noise"]) == pytest.approx(scales)


@pytest.mark.slow
def test_a_stated_prior_of_the_degrees_of_freedom_is_the_one_scaled():
    draws = small_posterior()["posterior"].dataset
    nu = draws["nu"].values
    found = {
        shape: log_prior_parts(
            changed_spec(noise={"nu": {"shape": shape, "rate": rate}}), draws
        )
        for shape, rate in ((2.0, 0.1), (4.0, 0.5))
    }
    difference = (found[4.0] - found[2.0])["noise"].values
    wanted = stats.gamma.logpdf(nu, 4, scale=2) - stats.gamma.logpdf(nu, 2, scale=10)
    constant = difference - wanted
    np.testing.assert_allclose(constant, constant[0, 0])


def test_families_fitted_apart_have_their_own_prior_and_no_hierarchy():
    spec = small_spec().model_copy(update={"pooling": {"default": "none"}})
    parts = log_prior_parts(spec, small_posterior()["posterior"].dataset)
    assert (parts["families"] == 0).all()
    assert (parts["spreads"] == 0).all()


def conjugate(prior_loc: float, prior_sd: float, data_sd: float) -> xr.DataTree:
    """Draws of a Normal mean whose posterior, prior and likelihood are known."""
    precision = prior_sd**-2 + data_sd**-2
    loc = (prior_loc * prior_sd**-2) / precision  # data at 0
    rng = np.random.default_rng(0)
    theta = rng.normal(loc, precision**-0.5, (4, 1000))
    density = stats.norm.logpdf
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"gamma": (DIMS, theta)}),
            "log_prior": xr.Dataset(
                {
                    "means": (DIMS, density(theta, prior_loc, prior_sd)),
                    "spreads": (DIMS, np.zeros_like(theta)),
                    "noise": (DIMS, np.zeros_like(theta)),
                    # Must not count: scaled, it would move theta.
                    "families": (DIMS, -20 * theta),
                    "runs": (DIMS, np.zeros_like(theta)),
                }
            ),
            "log_likelihood": xr.Dataset({"rows": (DIMS, density(theta, 0, data_sd))}),
        }
    )


@pytest.mark.parametrize(
    ("prior_loc", "prior_sd", "data_sd", "diagnosis"),
    [
        (0.0, 10.0, 1.0, ""),
        (3.0, 1.0, 1.0, "prior-data conflict"),
        (0.0, 1.0, 30.0, "weak likelihood"),
    ],
    ids=["wide prior", "prior away from the data", "data that say little"],
)
def test_known_conflicts_are_told_apart(prior_loc, prior_sd, data_sd, diagnosis):
    (found,) = sensitivities(conjugate(prior_loc, prior_sd, data_sd))
    assert found.name == "gamma"
    assert found.diagnosis == diagnosis


def test_the_check_warns_of_conflict_where_ratios_rest_on_it(monkeypatch):
    from bayeslaw.checks import power_scaling

    tree = conjugate(3.0, 1.0, 1.0)
    (found,) = power_scaling.sensitivity_check(tree)
    assert (found.name, found.verdict) == ("prior sensitivity", "warn")
    assert "gamma" in found.value
    assert "prior-data conflict" in found.value
    draws = tree["posterior"].dataset
    alone = draws.rename(gamma="alpha")
    # Beside a gamma that no prior moves, a conflict of alpha is only worth knowing.
    for alpha, verdict in (
        (alone, "warn"),
        (alone.assign(gamma=draws["gamma"] * 0), "note"),
    ):
        tree["posterior"] = xr.DataTree(alpha)
        (found,) = power_scaling.sensitivity_check(tree)
        assert found.verdict == verdict
    (found,) = power_scaling.sensitivity_check(conjugate(0.0, 10.0, 1.0))
    assert (found.verdict, found.advice) == ("ok", "")


def test_a_posterior_without_log_densities_says_that_it_has_none():
    posterior = small_posterior().copy()
    del posterior["log_prior"]
    assert sensitivities(posterior) == []
    found = {one.name: one for one in check(posterior).checks}["prior sensitivity"]
    assert found.verdict == "note"
    assert "bayeslaw fit" in found.advice


def test_the_decision_says_how_its_optimum_answers_to_the_priors():
    decision = optimal_ratios(small_posterior(), N=1e9, D=2e10)
    assert [one.name for one in decision.doubts.prior_sensitivity] == [
        f"ratio[{family}]" for family in decision.names
    ]
    assert all(0 <= one.prior < 1 for one in decision.doubts.prior_sensitivity)
    assert any("prior" in sentence for sentence in decision_sentences(decision))
    assert decision.to_dict()["doubts"]["prior_sensitivity"][0].keys() >= {
        "prior",
        "likelihood",
    }


def test_chains_that_never_move_have_no_sensitivity_and_no_traceback():
    tree = conjugate(0.0, 10.0, 1.0)
    for group in ("posterior", "log_prior", "log_likelihood"):
        tree[group] = xr.DataTree(tree[group].dataset * 0 + 1.0)
    assert sensitivities(tree) == []
