"""Pairs of mixtures, and the family in which a regret lies."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers import small_posterior

from bayeslaw.decisions import decision_sentences
from bayeslaw.decisions.optimum import FLAT_TOLERANCE, optimal_ratios
from bayeslaw.decisions.regret import p_better, regret_by_family
from bayeslaw.decisions.target import Target
from bayeslaw.errors import InputError
from bayeslaw.inference.posterior import provenance
from bayeslaw.inference.prediction import predict

N, D = 1e9, 1e10
FAMILIES = ("germanic", "romance", "slavic")
MIXTURES = {
    "mine": dict(zip(FAMILIES, (0.5, 0.3, 0.2), strict=True)),
    "near": dict(zip(FAMILIES, (0.25, 0.34, 0.41), strict=True)),
}


def with_sizes(**sizes):
    """The small posterior with unique tokens of each family."""
    posterior = small_posterior().copy()
    posterior.attrs = posterior.attrs | {"unique_tokens": json.dumps(sizes)}
    assert provenance(posterior)["unique_tokens"] == sizes
    return posterior


@pytest.fixture(scope="module")
def decision():
    posterior = with_sizes(germanic=8e9, romance=1e9, slavic=1e8)
    return optimal_ratios(posterior, N=N, D=D, mixtures=MIXTURES)


@pytest.fixture(scope="module")
def target():
    return Target(small_posterior(), N, D, None, False)


def test_the_usual_mixtures_stand_beside_the_users_own(decision):
    names = [verdict.name for verdict in decision.compared]
    assert names == [
        "uniform",
        "proportional",
        "temperature 0.3",
        "UniMax, 4 epochs",
        "mine",
        "near",
    ]
    # 1e8 tokens four times are 4 % of 1e10; the others share what is left.
    ratios = decision.compared[3].ratios
    np.testing.assert_allclose(list(ratios.values()), [0.56, 0.4, 0.04])


def test_every_pair_has_a_probability_and_both_sum_to_one(decision):
    names = ["recommended", *(verdict.name for verdict in decision.compared)]
    assert list(decision.p_better) == names
    for a in names:
        assert set(decision.p_better[a]) == set(names) - {a}
        for b in decision.p_better[a]:
            total = decision.p_better[a][b] + decision.p_better[b][a]
            assert total == pytest.approx(1)
    for verdict in decision.compared:
        assert decision.p_better["recommended"][verdict.name] == verdict.p_worse


def test_the_probability_of_a_pair_is_that_of_predicted_losses(decision):
    names = ("uniform", "near")
    ratios = {verdict.name: verdict.ratios for verdict in decision.compared}
    p = np.array([list(ratios[name].values()) for name in names])
    loss = predict(small_posterior(), N=N, D=D, p=p).mean(-1)
    wanted = (loss[:, 0] < loss[:, 1]).mean()
    assert decision.p_better["uniform"]["near"] == pytest.approx(wanted)


def test_mixtures_that_are_the_same_are_better_half_of_the_time():
    a = np.array([1.0, 2.0, 3.0])
    pairs = p_better({"a": a, "again": a * (1 + 1e-15), "b": a + np.array([1, 1, -1])})
    assert pairs["a"] == {"again": 0.5, "b": pytest.approx(2 / 3)}
    assert pairs["b"]["again"] == pytest.approx(1 / 3)


def test_the_same_mixture_under_two_names_is_said_once():
    posterior = with_sizes(germanic=1e12, romance=1e12, slavic=1e12)
    sentences = decision_sentences(optimal_ratios(posterior, N=N, D=D))
    assert "UniMax, 4 epochs: the same 3 ratios as uniform." in sentences


def test_a_users_mixture_cannot_take_the_name_of_another():
    for name in ("uniform", "recommended"):
        with pytest.raises(InputError) as caught:
            optimal_ratios(
                small_posterior(), N=N, D=D, mixtures={name: MIXTURES["mine"]}
            )
        assert name in str(caught.value)
        assert "give it another name" in str(caught.value)


def test_parts_of_the_regret_are_positive_and_sum_to_it(decision, target):
    parts = np.array([one.regret for one in decision.families])
    assert (parts > 0).all()
    assert parts.sum() == pytest.approx(decision.recommended.regret, rel=1e-6)
    mine = np.array(list(MIXTURES["mine"].values()))
    by_family = regret_by_family(target, mine, decision.optimal_draws)
    parts = np.array(list(by_family.values()))
    verdict = next(one for one in decision.compared if one.name == "mine")
    assert parts.sum() == pytest.approx(verdict.regret, rel=1e-6)


def test_the_regret_lies_in_the_family_whose_exponent_is_not_known():
    posterior = small_posterior().copy(deep=True)
    draws = posterior["posterior"].dataset
    log_gamma = draws["log_gamma"].copy(deep=True)
    shape = log_gamma.shape[:2]
    log_gamma[..., 1] += np.random.default_rng(0).normal(0, 0.5, shape)
    posterior["posterior"] = draws.assign(log_gamma=log_gamma)
    decision = optimal_ratios(posterior, N=N, D=D, allow_failed_checks=True)
    parts = {one.name: one.regret for one in decision.families}
    assert max(parts, key=parts.get) == "romance"
    assert decision.recommended.regret > FLAT_TOLERANCE
    said = next(s for s in decision_sentences(decision) if "more proxy runs" in s)
    assert "more proxy runs could recover at most" in said
    assert "lies in the ratio of romance" in said


def test_a_settled_decision_says_that_more_runs_cannot_improve_it(decision):
    regret = Target(small_posterior(), N, D, None, False)
    ratios = np.array(list(decision.ratios.values()))
    least = regret.loss(decision.optimal_draws)
    wanted = (regret.loss(ratios) / least - 1 <= FLAT_TOLERANCE).mean()
    assert decision.flat.p_settled == pytest.approx(wanted)
    assert decision.recommended.regret < FLAT_TOLERANCE
    said = next(s for s in decision_sentences(decision) if "more proxy runs" in s)
    assert "cannot improve the decision by more than 0.10 % of the loss" in said
    half = replace(decision, flat=replace(decision.flat, p_settled=0.5))
    assert any("(probability 0.50)" in s for s in decision_sentences(half))


def test_weights_are_said_unless_they_are_equal(decision):
    assert any(
        "all families weighted equally" in s for s in decision_sentences(decision)
    )
    weights = {"germanic": 1, "romance": 2, "slavic": 5}
    weighted = optimal_ratios(small_posterior(), N=N, D=D, weights=weights)
    said = "weights germanic 0.125, romance 0.25, slavic 0.625"
    assert any(said in sentence for sentence in decision_sentences(weighted))


def test_that_claim_is_qualified_where_residuals_contradict_the_model(decision):
    warnings = ("residual trend: the inputs explain 60%",)
    doubted = replace(decision, doubts=replace(decision.doubts, warnings=warnings))
    said = next(s for s in decision_sentences(doubted) if "more proxy runs" in s)
    assert "the residuals show that the model is misspecified: compare others" in said
    said = next(s for s in decision_sentences(decision) if "more proxy runs" in s)
    assert "misspecified" not in said
