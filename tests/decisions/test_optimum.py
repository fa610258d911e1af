"""From posterior to decision: what is recommended, what it costs, what is refused."""

import json

import numpy as np
import pytest
from helpers import rival_posterior, small_posterior, small_study
from scipy.optimize import minimize

from bayeslaw.checks import diagnostics
from bayeslaw.decisions import decision_sentences
from bayeslaw.decisions.optimum import optimal_ratios
from bayeslaw.decisions.regret import _data_factor
from bayeslaw.decisions.target import Target
from bayeslaw.errors import FailedChecksError, InputError
from bayeslaw.inference.posterior import Fitted, provenance
from bayeslaw.inference.prediction import predict
from bayeslaw.model import ModelSpec

N, D = 1e9, 1e10
MINE = {"germanic": 0.5, "romance": 0.3, "slavic": 0.2}
FORCED = {"allow_failed_checks": True}


@pytest.fixture(scope="module")
def decision():
    return optimal_ratios(small_posterior(), N=N, D=D, mixtures={"mine": MINE})


def expected_loss(ratios, weights=(1 / 3, 1 / 3, 1 / 3)):
    draws = predict(small_posterior(), N=N, D=D, p=np.atleast_2d(ratios))
    return float((draws[:, 0] * np.array(weights)).sum(-1).mean())


def best_by_slsqp(objective):
    result = minimize(
        lambda x: objective(np.exp(x)),
        np.full(3, -np.log(3)),
        constraints={"type": "eq", "fun": lambda x: np.exp(x).sum() - 1},
        method="SLSQP",
        # Forward differences are too rough for so small a tolerance.
        jac="3-point",
        options={"ftol": 1e-12},
    )
    assert result.success
    return np.exp(result.x)


def test_the_recommended_mixture_agrees_with_slsqp(decision):
    wanted = best_by_slsqp(expected_loss)
    np.testing.assert_allclose(list(decision.ratios.values()), wanted, atol=1e-4)
    assert decision.expected_loss == pytest.approx(expected_loss(wanted), rel=1e-9)


def test_weights_and_normalisation_enter_the_objective():
    weights = {"germanic": 1, "romance": 2, "slavic": 5}
    weighted = optimal_ratios(small_posterior(), N=N, D=D, weights=weights)
    share = np.array([1, 2, 5]) / 8
    wanted = best_by_slsqp(lambda p: expected_loss(p, share))
    np.testing.assert_allclose(list(weighted.ratios.values()), wanted, atol=1e-4)
    gamma = small_posterior()["posterior"].dataset["gamma"].values.reshape(-1, 3)
    normalised = optimal_ratios(small_posterior(), N=N, D=D, normalised=True)
    wanted = best_by_slsqp(lambda p: (p**-gamma).sum(-1).mean())
    np.testing.assert_allclose(list(normalised.ratios.values()), wanted, atol=1e-4)


def test_with_drift_the_exponents_are_those_of_the_target_size():
    """Against SLSQP on plain predictions, at a size where gamma has moved."""
    posterior, far = rival_posterior(), 3e10
    drift = posterior["posterior"].dataset["drift"].values
    assert np.abs(drift).mean() > 0.001
    found = optimal_ratios(posterior, N=far, D=D, **FORCED)

    def objective(p):
        return float(predict(posterior, N=far, D=D, p=p[None]).mean())

    wanted = best_by_slsqp(objective)
    np.testing.assert_allclose(list(found.ratios.values()), wanted, atol=1e-4)
    assert found.expected_loss == pytest.approx(objective(wanted), rel=1e-9)


def reducible_draws(posterior):
    """The draws as a posterior of the law whose ratio moves the reducible part."""
    spec = Fitted.of(posterior).spec.model_copy(update={"law": "reducible_ratio"})
    rival = posterior.copy()
    rival.attrs = posterior.attrs | {"spec": json.dumps(spec.model_dump())}
    return rival


@pytest.mark.slow
@pytest.mark.parametrize("of", [small_posterior, rival_posterior])
def test_a_part_of_the_loss_that_ratios_do_not_move_stays_constant(of):
    rival = reducible_draws(of())
    found = optimal_ratios(rival, N=N, D=D, mixtures={"mine": MINE}, **FORCED)

    def objective(p):
        return float(predict(rival, N=N, D=D, p=p[None]).mean())

    wanted = best_by_slsqp(objective)
    np.testing.assert_allclose(list(found.ratios.values()), wanted, atol=1e-4)
    assert found.expected_loss == pytest.approx(objective(wanted), rel=1e-9)
    # Regrets are shares of the whole loss, its constant part included.
    mine = next(verdict for verdict in found.compared if verdict.name == "mine")
    loss = predict(rival, N=N, D=D, p=[list(MINE.values())])[:, 0].mean(-1)
    least = predict(rival, N=N, D=D, p=found.optimal_draws)
    own = np.einsum("ddf->d", least) / 3
    assert mine.regret == pytest.approx((loss / own - 1).mean(), rel=1e-6)


def test_laws_without_ratios_are_refused_in_five_parts():
    posterior = small_posterior()
    spec = Fitted.of(posterior).spec.model_copy(update={"law": "chinchilla"})
    other = posterior.copy()
    other.attrs = posterior.attrs | {"spec": json.dumps(spec.model_dump())}
    with pytest.raises(InputError, match="law has no sampling ratios"):
        optimal_ratios(other, N=N, D=D)


def test_the_truth_of_the_simulation_lies_in_the_intervals(decision):
    _, truth = small_study()
    a = np.array(truth["E"]) + np.array(truth["A"]) / N ** np.array(truth["alpha"])
    a = a + np.array(truth["B"]) / D ** np.array(truth["beta"])
    g = np.array(truth["gamma"])
    best = best_by_slsqp(lambda p: (a * p**-g).sum())
    draws = decision.optimal_draws
    # 4 sd: P(failure) < 2e-4 over the families under a right posterior.
    assert np.all(np.abs(best - draws.mean(0)) < 4 * draws.std(0))
    for i, family in enumerate(decision.names):
        share = (
            (draws[:, i] >= decision.family(family).lower)
            & (draws[:, i] <= decision.family(family).upper)
        ).mean()
        assert share == pytest.approx(0.9, abs=0.005)


def test_regret_is_the_excess_over_each_draws_own_optimum(decision):
    mine = next(verdict for verdict in decision.compared if verdict.name == "mine")
    loss = predict(small_posterior(), N=N, D=D, p=[list(MINE.values())]).mean(-1)
    picked = range(0, len(decision.optimal_draws), 50)
    regrets = []
    for draw in picked:
        own = predict(small_posterior(), N=N, D=D, p=decision.optimal_draws[[draw]])
        regrets.append(loss[draw, 0] / own[draw, 0].mean() - 1)
    assert np.mean(regrets) == pytest.approx(mine.regret, rel=0.05)
    assert mine.regret_lower <= mine.regret <= mine.regret_upper
    assert 0 <= decision.recommended.regret < mine.regret
    assert mine.p_worse == 1.0


def test_the_compute_factor_makes_up_for_the_mixture(decision):
    mine = next(verdict for verdict in decision.compared if verdict.name == "mine")
    assert mine.compute_factor > 1
    ratios = np.array([list(MINE.values())])
    own = np.array([list(decision.ratios.values())])
    wanted = predict(small_posterior(), N=N, D=D, p=own).mean(-1)
    reached = predict(small_posterior(), N=N, D=D * mine.compute_factor, p=ratios)
    # Right for the median draw, so wrong in either direction for about half of them.
    share = (reached.mean(-1) < wanted).mean()
    assert 0.4 < share < 0.6


def test_a_hopeless_mixture_is_said_to_be_beyond_any_amount_of_data():
    hopeless = {"germanic": 1 - 2e-9, "romance": 1e-9, "slavic": 1e-9}
    decision = optimal_ratios(
        small_posterior(), N=N, D=D, mixtures={"hopeless": hopeless}
    )
    verdict = decision.compared[-1]
    assert verdict.p_unreachable == 1.0
    assert any(
        "no amount of data" in sentence for sentence in decision_sentences(decision)
    )


def test_moving_a_share_to_the_end_of_its_flat_range_costs_the_tolerance(decision):
    action = np.array(list(decision.ratios.values()))
    for i, one in enumerate(decision.families):
        for end in (one.flat_lower, one.flat_upper):
            moved = action * (1 - end) / (1 - action[i])
            moved[i] = end
            ratio = expected_loss(moved) / decision.expected_loss
            assert ratio == pytest.approx(1 + decision.flat.tolerance, abs=1e-6)


def test_doubling_a_familys_weight_raises_its_share(decision):
    for family in decision.names:
        assert decision.family(family).doubled_weight > decision.ratios[family]


def test_extrapolation_is_measured_against_the_table(decision):
    assert decision.target.extrapolation.N_factor == pytest.approx(N / 2.5e8)
    assert decision.target.extrapolation.D_factor == pytest.approx(D / 4e9)


def test_the_decision_survives_json(decision):
    record = json.loads(json.dumps(decision.to_dict()))
    assert record["ratios"] == decision.ratios
    assert record["made_from"]["origin"] == "simulated"
    assert "optimal_draws" not in record


def test_every_sentence_names_its_origin_or_a_number(decision):
    sentences = decision_sentences(decision)
    # The small study has two token counts only, and the decision says so first.
    warnings = [s for s in sentences if s.startswith("Warning (")]
    assert sentences[: len(warnings)] == warnings
    assert any("few_token_counts: 2 token counts D" in s for s in warnings)
    assert any("simulated rows" in sentence for sentence in sentences)
    assert any(sentence.startswith("mine: regret") for sentence in sentences)
    assert all(any(c.isdigit() for c in sentence) for sentence in sentences)


def test_a_shared_held_out_set_widens_the_ratios_of_raw_loss_only():
    posterior = small_posterior().copy(deep=True)
    draws = posterior["posterior"].dataset
    shape = draws["held_out_offset"].shape
    noise = np.random.default_rng(0).normal(0, 0.1, shape)
    posterior["posterior"] = draws.assign(held_out_offset=(draws["gamma"].dims, noise))
    for normalised, widens in ((False, True), (True, False)):
        before, after = (
            optimal_ratios(one, N=N, D=D, normalised=normalised).optimal_draws.std(0)
            for one in (small_posterior(), posterior)
        )
        assert np.all(after > 2 * before) if widens else np.all(after == before)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"N": -1.0}, ["argument N", "-1.0", "a positive number"]),
        ({"D": float("nan")}, ["argument D", "nan"]),
        ({"weights": {"germanic": 1}}, ["weights", "germanic", "romance, slavic"]),
        ({"weights": MINE | {"slavic": 0}}, ["weight out of range", "'slavic': 0"]),
        (
            {"mixtures": {"x": MINE | {"slavic": 20.0}}},
            ["mixture 'x'", "sum 20.8", "divide percentages by 100"],
        ),
        ({"mixtures": {"x": MINE | {"klingon": 0.0}}}, ["mixture 'x'", "klingon"]),
    ],
)
def test_a_wrong_argument_is_named_with_what_was_wanted(arguments, said):
    with pytest.raises(InputError) as caught:
        optimal_ratios(small_posterior(), **({"N": N, "D": D} | arguments))
    for part in [*said, "expected", "fix"]:
        assert part in str(caught.value)


def test_a_failed_check_blocks_the_decision_unless_it_is_allowed(monkeypatch):
    monkeypatch.setattr(diagnostics, "MIN_ESS", 1e9)
    with pytest.raises(FailedChecksError, match=r"bulk ESS[\s\S]*allow-failed-checks"):
        optimal_ratios(small_posterior(), N=N, D=D)
    decision = optimal_ratios(small_posterior(), N=N, D=D, allow_failed_checks=True)
    assert decision.doubts.failed_checks == ("bulk ESS", "tail ESS")
    assert decision_sentences(decision)[0].startswith(
        "FAILED CHECKS: bulk ESS, tail ESS"
    )


def changed_noise(**noise):
    """The small posterior under another noise."""
    posterior = small_posterior().copy(deep=True)
    spec = json.loads(posterior.attrs["spec"])
    posterior.attrs["spec"] = json.dumps(spec | {"noise": spec["noise"] | noise})
    return posterior


def test_one_runs_noise_is_that_of_predicted_runs_with_tails_and_ratios():
    mixture = np.array([0.05, 0.15, 0.8])
    cases = {"normal": changed_noise(likelihood="normal")}
    cases["student"] = small_posterior()
    cases["by ratio"] = changed_noise(likelihood="normal", depends_on_ratio=True)
    draws = cases["by ratio"]["posterior"].dataset
    power = 0.5 * draws["nu"] / draws["nu"]
    cases["by ratio"]["posterior"] = draws.assign(sigma_ratio_power=power)
    for name, posterior in cases.items():
        target = Target(posterior, N, D, None, False)
        expected, run = (
            predict(posterior, N=N, D=D, p=mixture[None], new_run=is_run)[:, 0]
            for is_run in (False, True)
        )
        scatter = np.log((run @ target.w) / (expected @ target.w))
        found = np.quantile(np.abs(scatter), 0.6827)
        width = np.median(target.noise_width(mixture))
        # 2000 draws: 2 % of sampling error. A sum of Student-t is only nearly one.
        assert width == pytest.approx(found, rel=0.08), name


class OverflowingTarget(Target):
    """A target whose losses are no numbers far beyond its tokens."""

    def __init__(self):
        self.D, self.losses = 1.0, (0.0, 0.0)

    def loss(self, ratios):
        return np.full(2, 0.9)

    def loss_with_tokens(self, D, ratios, pick):
        return np.where(D > [10.0, np.inf], np.nan, np.maximum(D, 1e-3) ** -0.1)


def test_losses_that_overflow_far_out_count_as_not_reached():
    factor = _data_factor(OverflowingTarget(), np.ones(1), np.ones(1))
    assert np.isinf(factor[0])
    assert factor[1] == pytest.approx(0.9**-10)


def test_a_decision_decodes_its_posterior_once(monkeypatch):
    posterior, decoded = small_posterior(), []

    def count(given):
        decoded.append(given)
        return provenance(given)

    monkeypatch.setattr("bayeslaw.inference.posterior.provenance", count)
    parsed = []
    validate = ModelSpec.model_validate

    def parse(content):
        parsed.append(content)
        return validate(content)

    monkeypatch.setattr(ModelSpec, "model_validate", parse)
    optimal_ratios(posterior, N=N, D=D)
    assert (len(decoded), len(parsed)) == (1, 1)
