"""Ratio solvers against the published example and a general optimiser."""

import numpy as np
import pytest
from scipy.optimize import minimize

from bayeslaw.decisions.solvers import Losses, best_mixture, best_per_draw, no_limits


def optimum_per_draw(a, g):
    found = best_per_draw(Losses(np.zeros_like(a), a, g), no_limits(a.shape[1]))
    assert found.is_solved.all()
    return found.ratios


def optimum_in_expectation(a, g):
    found = best_mixture(Losses(np.zeros_like(a), a, g), no_limits(a.shape[1]))
    assert found.is_solved.all()
    return found.ratios[0]


def separable_loss(a, g, ratios):
    return (a * ratios**-g).sum(-1)


def random_losses(seed, n_draws=6, n_families=5):
    rng = np.random.default_rng(seed)
    a = rng.lognormal(0.8, 0.3, (n_draws, n_families))
    g = rng.lognormal(np.log(0.12), 0.5, (n_draws, n_families))
    return a, g


def slsqp(objective, n_families):
    """Optimum by SLSQP in log p, with the sum as an equality constraint."""
    result = minimize(
        lambda x: objective(np.exp(x)),
        np.full(n_families, -np.log(n_families)),
        constraints={"type": "eq", "fun": lambda x: np.exp(x).sum() - 1},
        method="SLSQP",
        # SLSQP differentiates by differences: from 1e-13 on it calls some runs failed
        # that stand within 1e-6 of the optimum.
        options={"ftol": 1e-12, "maxiter": 1000},
    )
    assert result.success
    return np.exp(result.x)


def test_he_example_gives_the_published_ratios_and_objective():
    g = np.array([[0.0825, 0.1028, 0.15, 0.0825, 0.0781]])
    a = np.ones_like(g)
    ratios = optimum_per_draw(a, g)
    wanted = [[0.165, 0.208, 0.308, 0.165, 0.155]]
    np.testing.assert_allclose(ratios, wanted, atol=1e-3)
    assert separable_loss(a, g, ratios)[0] == pytest.approx(5.846, abs=1e-3)


@pytest.mark.parametrize("n_families", [2, 5, 12])
def test_each_draws_optimum_agrees_with_slsqp(n_families):
    a, g = random_losses(n_families, n_families=n_families)
    found = optimum_per_draw(a, g)
    for draw in range(len(a)):
        one_a, one_g = a[draw : draw + 1], g[draw : draw + 1]
        wanted = slsqp(
            lambda p, a=one_a, g=one_g: separable_loss(a, g, p)[0], n_families
        )
        np.testing.assert_allclose(found[draw], wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("n_families", [2, 5, 12])
def test_the_bayes_action_agrees_with_slsqp(n_families):
    a, g = random_losses(n_families, n_draws=200, n_families=n_families)
    wanted = slsqp(lambda p: separable_loss(a, g, p).mean(), n_families)
    found = optimum_in_expectation(a, g)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


def test_one_draw_makes_both_optima_equal():
    a, g = random_losses(0, n_draws=1)
    np.testing.assert_allclose(
        optimum_in_expectation(a, g), optimum_per_draw(a, g)[0], rtol=1e-9
    )


def test_equal_families_give_equal_ratios():
    ratios = optimum_per_draw(np.full((1, 7), 2.0), np.full((1, 7), 0.1))
    np.testing.assert_allclose(ratios, 1 / 7, rtol=1e-12)


def test_one_family_gets_everything():
    np.testing.assert_allclose(optimum_per_draw(np.ones((3, 1)), np.ones((3, 1))), 1.0)


def test_a_hundred_families_with_exponents_over_four_decades_converge():
    rng = np.random.default_rng(0)
    a = rng.lognormal(0, 2, (50, 100))
    g = 10 ** rng.uniform(-4, 0.3, (50, 100))
    ratios = optimum_per_draw(a, g)
    np.testing.assert_allclose(ratios.sum(-1), 1.0, rtol=1e-12)
    # Stationarity: a g p^(-g - 1) is the same for all families.
    log_gradient = np.log(a * g) - (g + 1) * np.log(ratios)
    assert np.ptp(log_gradient, axis=-1).max() < 1e-8
    action = optimum_in_expectation(a, g)
    gradient = (a * g * action ** (-g - 1)).mean(0)
    assert np.ptp(np.log(gradient)) < 1e-8


def test_no_nearby_mixture_is_better_than_the_bayes_action():
    a, g = random_losses(3, n_draws=500)
    action = optimum_in_expectation(a, g)
    best = separable_loss(a, g, action).mean()
    rng = np.random.default_rng(4)
    for _ in range(200):
        other = action * np.exp(rng.normal(0, 0.05, len(action)))
        assert separable_loss(a, g, other / other.sum()).mean() >= best
