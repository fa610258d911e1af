"""Checks: a good posterior passes; each fault is found and named."""

import json

import numpy as np
import pytest
from helpers import rows_of, small_posterior, small_study

from bayeslaw.checks.diagnostics import check
from bayeslaw.checks.identifiability import identifiability_warnings
from bayeslaw.inference.prediction import pit


def verdicts(posterior):
    return {one.name: one for one in check(posterior).checks}


def changed(group, **variables):
    """The small posterior with some variables of a group replaced."""
    posterior = small_posterior().copy(deep=True)
    dataset = posterior[group].dataset
    posterior[group] = dataset.assign(
        {name: (dataset[name].dims, values) for name, values in variables.items()}
    )
    return posterior


def test_a_good_posterior_passes():
    checks = check(small_posterior())
    assert checks.is_passed, checks.failures
    assert json.loads(json.dumps(checks.to_dict()))["is_passed"]


def test_chains_that_disagree_fail_r_hat():
    gamma = small_posterior()["posterior"].dataset["gamma"].values.copy()
    gamma[0] += 3 * gamma.std()
    found = verdicts(changed("posterior", gamma=gamma))["R-hat"]
    assert found.verdict == "fail"
    assert "gamma" in found.value


def test_a_sticky_chain_fails_the_effective_sample_size():
    nu = np.sort(small_posterior()["posterior"].dataset["nu"].values, axis=1)
    assert verdicts(changed("posterior", nu=nu))["bulk ESS"].verdict == "fail"


def test_draws_that_never_move_fail_instead_of_passing_as_nan():
    nu = np.full((4, 1000), 3.0)
    assert not check(changed("posterior", nu=nu)).is_passed


@pytest.mark.parametrize(
    ("n_divergent", "verdict"),
    [(0, "ok"), (4, "ok"), (5, "warn"), (40, "warn"), (41, "fail")],
)
def test_divergences_warn_above_one_in_a_thousand_and_fail_above_one_percent(
    n_divergent, verdict
):
    diverging = np.zeros((4, 1000), bool)
    diverging.flat[:n_divergent] = True
    found = verdicts(changed("sample_stats", diverging=diverging))["divergences"]
    assert found.verdict == verdict
    assert found.value == f"{n_divergent} of 4000"


def test_energies_that_wander_slowly_fail_e_bfmi():
    energy = np.cumsum(np.random.default_rng(0).normal(size=(4, 1000)), axis=1)
    assert verdicts(changed("sample_stats", energy=energy))["E-BFMI"].verdict == "fail"


def test_trees_cut_short_are_warned_about():
    found = verdicts(changed("sample_stats", at_tree_limit=np.array([0, 0, 0, 0.1])))
    assert found["warm-up at the tree limit"].verdict == "warn"


def test_pit_of_the_small_posterior_is_roughly_uniform():
    ranks = pit(small_posterior())
    assert ranks.shape == (180,)
    assert abs(ranks.mean() - 0.5) < 0.1
    assert 0.4 < np.mean(np.abs(ranks - 0.5) < 0.25) < 0.75


@pytest.mark.parametrize("factor", [0.3, 5.0], ids=["too narrow", "too wide"])
def test_a_noise_model_that_is_too_narrow_or_too_wide_fails_the_pit(factor):
    draws = small_posterior()["posterior"].dataset
    posterior = changed("posterior", sigma=draws["sigma"].values * factor)
    rows = posterior["constant_data"].dataset
    posterior["constant_data"] = rows.assign(log_se=rows["log_se"] * factor)
    found = verdicts(posterior)["predictive PIT"]
    assert found.verdict == "fail"
    assert ("too narrow" if factor < 1 else "too wide") in found.value


def test_a_law_that_misses_the_rows_fails_the_pit():
    value = small_posterior()["observed_data"].dataset["value"].values.copy()
    assert (
        verdicts(changed("observed_data", value=value * 1.03))["predictive PIT"].verdict
        == "fail"
    )


def test_a_law_that_bends_with_the_inputs_is_warned_about_though_the_pit_is_even():
    rows = small_posterior()["constant_data"].dataset
    bend = np.log(rows["p"].values) * np.log(rows["D"].values / 2e9)
    draws = small_posterior()["posterior"].dataset
    # Noise as wide as the bend hides it from the PIT as a whole.
    posterior = changed("posterior", sigma=np.full(draws["sigma"].shape, 0.02))
    values = small_posterior()["observed_data"].dataset["value"].values
    rescaled = 0.02 * bend / bend.std()
    dataset = posterior["observed_data"].dataset
    posterior["observed_data"] = dataset.assign(
        value=("observation", values * np.exp(rescaled))
    )
    found = verdicts(posterior)
    assert found["predictive PIT"].verdict == "ok"
    assert found["residual trend"].verdict == "warn"
    assert verdicts(small_posterior())["residual trend"].verdict == "ok"


@pytest.mark.parametrize(
    ("per_nat", "verdict"), [(0.0, "ok"), (0.005, "warn"), (0.1, "fail")]
)
def test_deviations_of_runs_that_follow_the_size_are_no_noise(per_nat, verdict):
    """A tenth of a nat for each nat of N stands in no seed."""
    draws = small_posterior()["posterior"].dataset
    rows = small_posterior()["constant_data"].dataset[["run", "N"]].to_dataframe()
    size = np.log(rows.groupby("run")["N"].max().loc[draws["run"].values].values)
    effects = draws["run_effect"].values / 4 + per_nat * (size - size.mean())
    found = verdicts(changed("posterior", run_effect=effects))["run effects"]
    assert found.verdict == verdict, found.value


def test_parameters_the_data_did_not_speak_about_are_noted():
    prior = small_posterior()["prior"].dataset
    nu = np.resize(prior["nu"].values.ravel(), (4, 1000))
    found = verdicts(changed("posterior", nu=nu))["prior-posterior overlap"]
    assert found.verdict == "note"
    assert "nu 1.00" in found.value


def rows_changed(**columns):
    posterior = small_posterior().copy(deep=True)
    rows = posterior["constant_data"].dataset
    posterior["constant_data"] = rows.assign(
        {name: ("observation", values) for name, values in columns.items()}
    )
    return posterior


def codes(posterior):
    return [warning.code for warning in identifiability_warnings(posterior)]


def test_the_small_design_lacks_only_token_counts():
    assert codes(small_posterior()) == ["few_token_counts"]


def test_a_design_along_one_ray_is_named():
    rows = small_posterior()["constant_data"].dataset
    assert "single_ray" in codes(rows_changed(D=20 * rows["N"].values))


def test_too_few_sizes_or_ratios_are_named():
    n_rows = small_posterior()["constant_data"].sizes["observation"]
    assert "few_sizes" in codes(rows_changed(N=np.full(n_rows, 1e7)))
    assert "few_ratios" in codes(rows_changed(p=np.full(n_rows, 1 / 3)))


def test_a_law_without_ratios_needs_none():
    posterior = rows_changed(p=np.full(len(rows_of(small_study()[0])), np.nan))
    spec = json.loads(posterior.attrs["spec"])
    posterior.attrs["spec"] = json.dumps(spec | {"law": "chinchilla"})
    assert codes(posterior) == ["few_token_counts"]
    # Every token is of the one corpus, so repeats are seen without a ratio too.
    posterior.attrs["unique_tokens"] = json.dumps({"romance": 2e8})
    assert codes(posterior) == ["few_token_counts", "repeated_data"]


def test_a_design_without_repeated_seeds_is_named():
    posterior = small_posterior().copy(deep=True)
    seeds = json.loads(posterior.attrs["seeds"])
    posterior.attrs["seeds"] = json.dumps(dict.fromkeys(seeds, "0"))
    assert "no_seeds" in codes(posterior)


def test_more_than_four_epochs_are_named_with_the_family():
    posterior = small_posterior().copy(deep=True)
    posterior.attrs["unique_tokens"] = json.dumps({"romance": 1e6, "slavic": 1e12})
    warning = next(
        w for w in identifiability_warnings(posterior) if w.code == "repeated_data"
    )
    assert "romance" in warning.found
    assert "slavic" not in warning.found
    assert "model repetition" in warning.advice


def test_repeats_are_no_fault_of_a_model_that_counts_them():
    posterior = small_posterior().copy(deep=True)
    posterior.attrs["unique_tokens"] = json.dumps({"romance": 1e6})
    assert "repeated_data" in codes(posterior)
    spec = json.loads(posterior.attrs["spec"]) | {"extensions": {"repetition": True}}
    posterior.attrs["spec"] = json.dumps(spec)
    assert "repeated_data" not in codes(posterior)
