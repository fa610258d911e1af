"""Recovery of known truths: 90 % intervals hold them as often as they say.

Truths are drawn from the prior, so the coverage of a right posterior is exactly 90 %
for every quantity. The quantities of one study are dependent: their share inside is one
number a study, and the mean of these numbers over studies is tested.
"""

from functools import cache

import numpy as np
import pytest

from bayeslaw.decisions.solvers import Losses, best_per_draw, no_limits
from bayeslaw.evaluation.simulation import simulate
from bayeslaw.inference.fitting import fit
from bayeslaw.inference.sampler import SamplerSettings
from bayeslaw.model.spec import read_spec

pytestmark = pytest.mark.slow

N_TRUTHS = 24
PROBABILITY = 0.9
# The test fails a right posterior this often (two-sided, Student-t over studies).
FALSE_FAILURE_RATE = 0.002
FAMILIES = ("germanic", "romance", "slavic")
TARGET = {"N": 1e9, "D": 2e10}
SETTINGS = SamplerSettings(chains=4, warmup=400, draws=250)
MEASURED = ("level", "odds_N", "odds_D", "log_alpha", "log_beta", "log_gamma", "sigma")
PAPER = ("E", "A", "B", "alpha", "beta", "gamma")


@cache
def studies():
    """Posterior draws and truth of every study: name -> ((draw, family), (family,))."""
    spec = read_spec("models/he2024_partial_pooling.toml")
    found = []
    for seed in range(N_TRUTHS):
        table, truth = simulate(
            spec,
            seed=seed,
            families=FAMILIES,
            sizes=(1e7, 5e7, 2.5e8),
            tokens=(1e9, 3e9, 1e10),
            n_mixtures=7,
            n_seeds=3,
        )
        posterior = fit(table, spec, seed=seed, settings=SETTINGS)
        draws = posterior["posterior"].dataset
        study = {
            name: (draws[name].values.reshape(-1, 3), np.array(truth[name]))
            for name in MEASURED
        }
        drawn = {name: draws[name].values.reshape(-1, 3) for name in PAPER}
        true = {name: np.array(truth[name])[None] for name in PAPER}
        study["optimal ratios"] = (best_ratios(drawn), best_ratios(true)[0])
        diverging = posterior["sample_stats"]["diverging"].values.mean()
        found.append((study, diverging))
    return found


def best_ratios(values):
    loss = values["E"] + values["A"] * TARGET["N"] ** -values["alpha"]
    loss = loss + values["B"] * TARGET["D"] ** -values["beta"]
    losses = Losses(np.zeros_like(loss), loss, values["gamma"])
    return best_per_draw(losses, no_limits(loss.shape[1])).ratios


def coverage(name, *, narrowed=1.0, shifted=0.0):
    """Share of families inside their interval, one number a study."""
    shares = []
    for study, _ in studies():
        draws, truth = study[name]
        centre, sd = draws.mean(0), draws.std(0)
        draws = centre + narrowed * (draws - centre) + shifted * sd
        tail = (1 - PROBABILITY) / 2
        lower, upper = np.quantile(draws, [tail, 1 - tail], axis=0)
        shares.append(((lower <= truth) & (truth <= upper)).mean())
    return np.array(shares)


def is_calibrated(shares):
    """Whether the mean share agrees with the stated probability.

    Its standard error over studies is taken no smaller than that of independent
    families, so that a lucky sample without spread does not fail the test.
    """
    from scipy import stats

    least = np.sqrt(PROBABILITY * (1 - PROBABILITY) / (len(shares) * len(FAMILIES)))
    error = max(shares.std(ddof=1) / np.sqrt(len(shares)), least)
    limit = stats.t.ppf(1 - FALSE_FAILURE_RATE / 2, len(shares) - 1)
    return abs(shares.mean() - PROBABILITY) <= limit * error


@pytest.mark.parametrize("name", [*MEASURED, "optimal ratios"])
def test_ninety_percent_intervals_hold_the_truth(name):
    shares = coverage(name)
    assert is_calibrated(shares), f"{name}: coverage {shares.mean():.2f}"


def test_all_quantities_together_are_covered():
    shares = np.mean([coverage(name) for name in MEASURED], axis=0)
    assert is_calibrated(shares), f"coverage {shares.mean():.3f}"


@pytest.mark.parametrize("fault", [{"narrowed": 0.4}, {"shifted": 2.0}])
def test_a_posterior_that_is_too_narrow_or_shifted_is_caught(fault):
    """The same test, on intervals spoilt on purpose, must fail."""
    for name in (*MEASURED, "optimal ratios"):
        assert not is_calibrated(coverage(name, **fault)), name


def test_a_posterior_narrowed_by_a_third_is_caught_by_all_quantities_together():
    shares = np.mean([coverage(name, narrowed=0.67) for name in MEASURED], axis=0)
    assert not is_calibrated(shares)


def test_few_studies_have_a_divergent_iteration_worth_a_warning():
    shares = np.array([diverging for _, diverging in studies()])
    assert (shares > 0.001).mean() <= 0.25, shares
    assert shares.max() < 0.01
