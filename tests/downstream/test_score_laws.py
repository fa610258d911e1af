"""Laws of downstream scores: coordinates, symbols, and the hierarchical density."""

import numpy as np
import pytest
from numpyro import handlers
from numpyro.infer.util import log_density
from scipy import stats
from scipy.special import logsumexp

from bayeslaw.downstream.break_model import SOFTNESS, WIDTH, downstream_model
from bayeslaw.downstream.break_posterior import BreakPrior, break_posterior
from bayeslaw.downstream.break_sampling import Member, _table
from bayeslaw.downstream.evidence import OUTLIER, OUTLIER_FACTOR
from bayeslaw.laws.score_laws import (
    bleu,
    bleu_symbols,
    cross_entropy,
    cross_entropy_symbols,
    saturating,
    saturating_symbols,
)

D_0 = 3e9
X = np.linspace(-2, 2, 9)
D = D_0 * np.exp(X)


def test_the_law_of_bleu_is_that_of_the_paper():
    given = bleu_symbols(25.0, 0.1, 1.7, D_0)
    law = (given["log_A"] + given["alpha"] * np.log(D)) ** given["beta"]
    np.testing.assert_allclose(bleu(X, 25.0, 0.1, 1.7), law)


def test_the_law_of_cross_entropy_is_that_of_the_paper():
    given = cross_entropy_symbols(1.9, 0.05, 0.4, D_0)
    law = given["E"] + np.exp(given["log_A"]) * D ** -given["alpha"]
    np.testing.assert_allclose(cross_entropy(X, 1.9, 0.05, 0.4), law)


def test_a_saturating_law_is_a_constant_less_a_power():
    given = saturating_symbols(25.0, 0.1, 0.4, D_0)
    law = given["c"] - np.exp(given["log_a"]) * D ** -given["alpha"]
    np.testing.assert_allclose(saturating(X, 25.0, 0.1, 0.4), law)


@pytest.mark.parametrize("law", [bleu, cross_entropy, saturating])
def test_coordinates_are_value_and_relative_slope_at_the_reference(law):
    step = np.array([-1e-5, 0.0, 1e-5])
    low, middle, high = law(step, 20.0, 0.1, 0.8)
    sign = -1 if law is cross_entropy else 1
    assert middle == pytest.approx(20.0)
    assert (high - low) / 2e-5 == pytest.approx(sign * 2.0, rel=1e-4)
    np.testing.assert_allclose(law(X, 20.0, 0.0, 0.8), 20.0)


def test_the_hierarchical_density_is_the_written_one():
    """One curve, all parameters given: priors, and the sum over what it may be."""
    t = np.linspace(0, 1, 5)
    value, se = np.array([20.0, 21.5, 23.1, 22.0, 20.5]), np.full(5, 0.4)
    posterior = break_posterior(1e9 * 50**t, value, se)
    table, size, _ = _table([Member(posterior, "a", "b", (np.nan,) * 3)])
    sites = {
        "level_task": np.array([0.1]),
        "level_sd_mix": 0.2,
        "level_mix": np.array([0.3]),
        "level_by": np.zeros(3),
        "slope_task": np.array([0.02]),
        "slope_sd_mix": 0.03,
        "slope_mix": np.array([-0.1]),
        "slope_by": np.zeros(3),
        "level_sd": 0.1,
        "slope_sd": 0.04,
        "level_of": np.array([1.02]),
        "slope_of_decentered": np.array([0.5]),
        "log_exponent": 0.2,
        "log_exponent_sd": 0.1,
        "log_exponent_own": np.array([0.4]),
        "log_noise": np.array([-4.0]),
        "bend": np.array([0.45]),
        "log_fall": np.array([-1.0]),
        "log_alpha_own": np.array([-0.5]),
        "log_hazard": -3.0,
        "hazard_by_alignment": 0.3,
        "hazard_sd": 0.4,
        "settling": 0.4,
        "hazard_task": np.array([0.6]),
    }
    found, _ = log_density(downstream_model, (table, "bleu"), {}, sites)
    assert float(found) == pytest.approx(_written(posterior, size[0], sites), abs=2e-3)


def _written(posterior, U, given):
    one = {name: float(np.ravel(value)[0]) for name, value in given.items()}
    y, se = posterior.points.y / U, posterior.points.se / U
    span, L = posterior.span, posterior.points.L / U
    x = (posterior.points.t - 0.5) * span
    mean = {
        "level": y.mean() + one["level_task"] + one["level_sd_mix"] * one["level_mix"],
        "slope": 0.05 + one["slope_task"] + one["slope_sd_mix"] * one["slope_mix"],
    }
    raw = mean["slope"] + one["slope_sd"] * one["slope_of_decentered"]
    slope = SOFTNESS * np.log1p(np.exp(raw / SOFTNESS))
    level = one["level_of"]
    b = np.exp(one["log_exponent"] + one["log_exponent_sd"] * one["log_exponent_own"])
    width, until = WIDTH * span, one["bend"] * span
    past = np.logaddexp(0, (x + span / 2 - until) / width)
    past = width * (past - np.logaddexp(0, -until / width))
    held = bleu(x - past, level, slope / level, b)
    alpha = np.exp(one["log_alpha_own"])
    means = [
        bleu(x, level, slope / level, b),
        level + slope * (1 - np.exp(-alpha * x)) / alpha,
        held,
        held - L * np.exp(one["log_fall"]) / span * past,
    ]
    sd = np.hypot(se, L * np.exp(one["log_noise"]))
    log_z = [
        np.logaddexp(
            np.log(1 - OUTLIER) + stats.norm.logpdf(y, m, sd),
            np.log(OUTLIER) + stats.norm.logpdf(y, m, OUTLIER_FACTOR * sd),
        ).sum()
        for m in means
    ]
    hazard = np.exp(one["log_hazard"] + one["hazard_sd"] * one["hazard_task"])
    stays = np.exp(-hazard * span)
    rho = one["settling"]
    weight = [stays * (1 - rho), stays * rho / 2, stays * rho / 2, 1 - stays]
    normal, half = stats.norm.logpdf, stats.halfnorm.logpdf
    prior = (
        normal(one["level_task"], 0, 0.5)
        + half(one["level_sd_mix"], 0, 0.3)
        + normal(one["level_mix"])
        + 3 * normal(0, 0, 0.3)
        + normal(one["slope_task"], 0, 0.1)
        + half(one["slope_sd_mix"], 0, 0.05)
        + normal(one["slope_mix"])
        + 3 * normal(0, 0, 0.05)
        + stats.lognorm.logpdf(one["level_sd"], 0.5, scale=0.15)
        + half(one["slope_sd"], 0, 0.05)
        + normal(level, mean["level"], one["level_sd"])
        + normal(one["slope_of_decentered"])
        + normal(one["log_exponent"], 0, 0.5)
        + half(one["log_exponent_sd"], 0, 0.3)
        + normal(one["log_exponent_own"])
        + normal(one["log_noise"], np.log(0.02), 1)
        + normal(one["log_fall"], np.log(0.3), 0.75)
        + normal(one["log_alpha_own"], np.log(0.4), 0.7)
        + normal(one["log_hazard"], np.log(0.03), 1)
        + normal(one["hazard_by_alignment"])
        + half(one["hazard_sd"], 0, 0.7)
        + stats.beta.logpdf(rho, 4.5, 5.5)
        + normal(one["hazard_task"])
    )
    return prior + logsumexp(np.array(log_z) + np.log(weight))


def test_nuts_believes_the_rate_that_it_is_given():
    """At the middle of its prior, the hazard's density depends on the given rate."""
    curve = break_posterior(D, np.linspace(20, 22, 9), np.full(9, 0.4))
    table, _, _ = _table([Member(curve, "a", "b", (np.nan,) * 3)])
    found = {}
    for hazard in (0.03, 0.3):
        with handlers.seed(rng_seed=0), handlers.trace() as sites:
            downstream_model(table, "bleu", BreakPrior(hazard=hazard))
        found[hazard] = float(sites["log_hazard"]["fn"].loc)
    assert found == pytest.approx({h: np.log(h) for h in found})
