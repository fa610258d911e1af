"""Predictions: the law at every draw, and the predictive distribution of the rows."""

import numpy as np
import pytest
from helpers import rival_posterior, small_posterior
from scipy import stats

from bayeslaw.errors import InputError
from bayeslaw.inference.posterior import Fitted, provenance
from bayeslaw.inference.prediction import (
    pit,
    predict,
    predictive,
    replicate,
)
from bayeslaw.laws.family_loss import family_loss
from bayeslaw.model.noise import noise_of

DRAWS = 4 * 1000
EVEN = [[1 / 3, 1 / 3, 1 / 3]]


def test_a_prediction_is_the_law_at_every_draw():
    posterior = small_posterior()
    predicted = predict(posterior, N=1e9, D=2e10, p=[[0.2, 0.3, 0.5]])
    assert predicted.shape == (DRAWS, 1, 3)
    draws = posterior["posterior"].dataset.stack(all=("chain", "draw"))
    for draw in (0, 1, 777, DRAWS - 1):
        for i, (family, p) in enumerate(
            {"germanic": 0.2, "romance": 0.3, "slavic": 0.5}.items()
        ):
            values = draws.isel(all=draw).sel(family=family)
            expected = family_loss(
                1e9,
                2e10,
                p,
                **{
                    name: float(values[name])
                    for name in ("E", "A", "B", "alpha", "beta", "gamma")
                },
            )
            # float64 throughout: single precision would miss by 1e-7.
            assert predicted[draw, 0, i] == pytest.approx(expected, rel=1e-12)


def test_inputs_broadcast_over_points_and_families():
    posterior = small_posterior()
    N, D = np.array([[1e7], [1e8], [1e9], [1e10]]), np.array([[1e10]])
    points = predict(posterior, N=N, D=D, p=EVEN, max_draws=10)
    assert points.shape == (10, 4, 3)
    for i, size in enumerate(N.ravel()):
        alone = predict(posterior, N=size, D=1e10, p=EVEN, max_draws=10)
        np.testing.assert_allclose(points[:, [i]], alone, rtol=1e-12)
    same = predict(posterior, N=1e9, D=1e10, p=1 / 3, max_draws=10)
    np.testing.assert_allclose(same, points[:, [2]], rtol=1e-12)


@pytest.mark.slow
def test_with_drift_the_ratio_exponent_is_that_of_the_size():
    posterior = rival_posterior()
    draws, N0 = posterior["posterior"].dataset, provenance(posterior)["reference"]["N"]
    for N in (N0, 100 * N0):
        low, high = (
            predict(posterior, N=N, D=1e10, p=p)[:, 0].reshape(2, -1, 3)
            for p in (0.5, 0.25)
        )
        gamma = draws["gamma"] * (N / N0) ** draws["drift"]
        np.testing.assert_allclose(np.log2(high / low), gamma, rtol=1e-9)


def test_a_new_run_adds_noise_that_its_families_share_in_part():
    posterior = small_posterior()
    point = {"N": [[1e9], [2e9]], "D": 1e10, "p": EVEN}
    expected = predict(posterior, **point)
    new = predict(posterior, **point, new_run=True, seed=3)
    assert new.shape == expected.shape == (DRAWS, 2, 3)
    np.testing.assert_array_equal(
        new, predict(posterior, **point, new_run=True, seed=3)
    )
    assert (new != predict(posterior, **point, new_run=True, seed=4)).any()
    noise = np.log(new / expected)
    draws = posterior["posterior"].dataset
    own, run_sd, nu = (
        draws[name].values.reshape(DRAWS, -1) for name in ("sigma", "run_sd", "nu")
    )
    # Given its draw the noise has variance sigma^2 nu / (nu - 2) + run_sd^2.
    variance = own**2 * nu / (nu - 2) + run_sd**2
    # Relative error of a variance of 4000 draws of Student-t: about .04.
    np.testing.assert_allclose(noise.var((0, 1)), variance.mean(0), rtol=0.15)
    assert np.abs(noise.mean()) < 5 * noise.std() / np.sqrt(DRAWS)
    # What two families share is the run's deviation; two points are two runs.
    shared = np.cov(noise.reshape(-1, 3).T)[np.triu_indices(3, 1)]
    np.testing.assert_allclose(shared, (run_sd**2).mean(), rtol=0.3)
    apart = np.mean(noise[:, 0, :] * noise[:, 1, :])
    assert np.abs(apart) < 0.3 * (run_sd**2).mean()


@pytest.mark.slow
def test_noise_that_depends_on_the_ratio_is_that_of_the_predicted_ratio():
    posterior = rival_posterior()
    draws = posterior["posterior"].dataset
    n_draws = draws["gamma"][..., 0].size
    power = draws["sigma_ratio_power"].values.reshape(-1, 1)
    reference = provenance(posterior)["reference"]["p"]
    ratios = np.array([[0.02, 0.08, 0.9]])
    spreads = []
    for p in (ratios, np.full((1, 3), reference)):
        new, expected = (
            predict(posterior, N=1e9, D=1e10, p=p, new_run=is_new, seed=1)[:, 0]
            for is_new in (True, False)
        )
        spreads.append(np.log(new / expected))
    assert spreads[0].shape == (n_draws, 3)
    # The same seed gives the same standard noise: run effect + scale x noise.
    change = (ratios / reference) ** -power
    sigma = draws["sigma"].values.reshape(-1, 3)
    rng = np.random.default_rng(1)
    drawn = noise_of("huber", np.zeros((n_draws, 1, 3)), sigma[:, None]).rvs(
        size=(n_draws, 1, 3), random_state=rng
    )[:, 0]
    np.testing.assert_allclose(
        spreads[0] - spreads[1], drawn * (change - 1), rtol=1e-6, atol=1e-12
    )


def test_more_of_anything_lowers_the_loss():
    def at(N=1e9, D=1e10, p=1 / 3):
        return predict(small_posterior(), N=N, D=D, p=p)

    assert (at(N=2e9) < at()).all()
    assert (at(D=2e10) < at()).all()
    assert (at(p=0.5) < at()).all()


def test_fewer_draws_are_spread_evenly_over_the_chains():
    posterior = small_posterior()
    every = predict(posterior, N=1e9, D=1e10, p=EVEN)
    thinned = predict(posterior, N=1e9, D=1e10, p=EVEN, max_draws=9)
    places = np.linspace(0, DRAWS - 1, 9).astype(int)
    assert set(places // 1000) == {0, 1, 2, 3}
    np.testing.assert_array_equal(thinned, every[places])
    for values in Fitted.of(posterior).coordinates(10 * DRAWS).values():
        assert values.shape == (DRAWS, 3)


@pytest.mark.parametrize(
    ("inputs", "got"),
    [
        ({"N": 1e9, "D": 1e10}, "D, N"),
        ({"N": 1e9, "D": 1e10, "p": 0.2, "P": 0.3}, "D, N, P, p"),
        ({}, "none"),
    ],
    ids=["missing", "unknown", "none"],
)
def test_inputs_that_the_law_lacks_or_misses_are_refused(inputs, got):
    with pytest.raises(InputError) as refused:
        predict(small_posterior(), **inputs)
    assert (refused.value.got, refused.value.wanted) == (got, "N, D, p")


def test_the_predictive_mean_is_the_law_and_the_runs_effect():
    posterior = small_posterior()
    distribution, observed = predictive(posterior, 50)
    rows = posterior["constant_data"].dataset
    draws = posterior["posterior"].dataset
    np.testing.assert_allclose(
        observed, np.log(posterior["observed_data"].dataset["value"].values)
    )
    effect = draws["run_effect"].stack(all=("chain", "draw"))
    median = distribution.median()
    assert median.shape == (50, len(observed))
    for i in (0, 91, len(observed) - 1):
        row = rows.isel(observation=i)
        family = list(draws["family"].values).index(row["family"])
        inputs = {name: float(row[name]) for name in ("N", "D", "p")}
        law = predict(posterior, max_draws=50, **inputs)[:, 0, family]
        places = np.linspace(0, DRAWS - 1, 50).astype(int)
        own = effect.sel(run=row["run"].item()).values[places]
        np.testing.assert_allclose(median[:, i], np.log(law) + own, rtol=1e-9)


def test_the_pit_is_one_probability_a_row_and_about_uniform():
    ranks = pit(small_posterior())
    assert ranks.shape == (len(small_posterior()["observed_data"].dataset["value"]),)
    assert ((ranks > 0) & (ranks < 1)).all()
    # Rows that were fitted lie closer to the middle than new ones would: only a
    # misplaced distribution must be seen here. Fails 1 in 1000 under a right model.
    assert stats.kstest(ranks, "uniform").pvalue > 1e-3


def test_replicates_lie_around_the_observations_on_the_log_scale():
    posterior = small_posterior()
    observed = np.log(posterior["observed_data"].dataset["value"].values)
    values = replicate(posterior, seed=1, n_draws=300)
    assert values.shape == (300, len(observed))
    assert (values > 0).all()
    # Five sd of a row's own noise (sigma 0.015, se 0.002), Student-t with 8
    # degrees of freedom: 1 row in 900 is further out, here no more than one may be.
    far = np.abs(np.log(values).mean(0) - observed) > 5 * 0.0151
    assert far.sum() <= 1
    assert np.abs((np.log(values).mean(0) - observed).mean()) < 0.002


def test_replicates_depend_on_their_seed_only():
    posterior = small_posterior()
    first = replicate(posterior, seed=1, n_draws=5)
    np.testing.assert_array_equal(first, replicate(posterior, seed=1, n_draws=5))
    assert (first != replicate(posterior, seed=2, n_draws=5)).all()
