"""The region in which every mixture costs less than a tolerance."""

import numpy as np
import pytest
from helpers import small_posterior

from bayeslaw.decisions import decision_sentences
from bayeslaw.decisions.optimum import FLAT_TOLERANCE, optimal_ratios
from bayeslaw.decisions.target import Target
from bayeslaw.numbers import percent

N, D = 1e9, 1e10


@pytest.fixture(scope="module")
def target():
    return Target(small_posterior(), N, D, None, False)


@pytest.fixture(scope="module")
def decision():
    return optimal_ratios(small_posterior(), N=N, D=D)


def cost(target, decision, ratios):
    """Excess of the expected loss over the recommended mixture's, a share."""
    return target.loss(np.asarray(ratios)).mean() / decision.expected_loss - 1


def test_no_mixture_within_the_radius_costs_the_tolerance(target, decision):
    action = np.array(list(decision.ratios.values()))
    rng = np.random.default_rng(0)
    moves = rng.normal(size=(300, 3))
    moves -= moves.mean(-1, keepdims=True)
    moves *= 2 * decision.flat.radius / np.abs(moves).sum(-1, keepdims=True)
    worst = max(cost(target, decision, action + move) for move in moves)
    assert 0 < worst <= FLAT_TOLERANCE * (1 + 1e-6)


def test_beyond_the_radius_one_does(target, decision):
    action = np.array(list(decision.ratios.values()))
    costs = []
    for to, source in ((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)):
        moved = action.copy()
        moved[to] += decision.flat.radius
        moved[source] -= decision.flat.radius
        costs.append(cost(target, decision, moved))
    assert max(costs) == pytest.approx(FLAT_TOLERANCE, rel=1e-4)


def test_the_boundary_costs_the_tolerance_and_its_inside_less(target, decision):
    boundary = decision.flat.boundary
    np.testing.assert_allclose(boundary.sum(-1), 1)
    for point in boundary:
        assert cost(target, decision, point) == pytest.approx(FLAT_TOLERANCE, rel=1e-4)
    for point in (boundary[:-20] + boundary[20:]) / 2:
        assert cost(target, decision, point) < FLAT_TOLERANCE


def test_a_family_that_hardly_counts_can_give_away_all_it_has():
    weights = {"germanic": 1.0, "romance": 1.0, "slavic": 1e-4}
    decision = optimal_ratios(small_posterior(), N=N, D=D, weights=weights)
    assert decision.flat.radius == pytest.approx(decision.ratios["slavic"], rel=1e-4)
    assert (decision.flat.boundary > 0).all()


def test_the_sentence_names_the_radius(decision):
    said = next(s for s in decision_sentences(decision) if "flat range" in s)
    assert f"Any mixture within {percent(decision.flat.radius)} of the tokens" in said
