"""Constraints of a decision: from what a user writes to what is recommended."""

import json

import numpy as np
import pytest
from scipy.optimize import minimize
from synthetic_posterior import synthetic_posterior

from bayeslaw.decisions import decision_sentences
from bayeslaw.decisions.constraints import (
    FREE,
    Constraints,
    LinearLimit,
    parse_constraints,
)
from bayeslaw.decisions.feasible_set import feasible_set
from bayeslaw.decisions.optimum import optimal_ratios
from bayeslaw.decisions.target import Target, worst_mean
from bayeslaw.decisions.target_loss import PUBLISHED_R
from bayeslaw.errors import InputError
from bayeslaw.inference.posterior import Fitted, provenance
from bayeslaw.inference.prediction import predict

FAMILIES = ("germanic", "romance", "slavic")
N, D = 1e9, 1e10
UNIQUE = {"germanic": 5e9, "romance": 8e8, "slavic": 6e8}
FORCED = {"allow_failed_checks": True}
WEST = LinearLimit("west", {"germanic": 1.0, "romance": 1.0}, at_most=0.5)


def posterior(**changes):
    """Known draws, with distinct tokens in the record."""
    made = synthetic_posterior(FAMILIES).copy()
    record = {"unique_tokens": UNIQUE} | changes
    made.attrs = made.attrs | {
        name: json.dumps(value) for name, value in record.items()
    }
    return made


def with_transfer():
    """The same draws with transfer, and text that no family is scored on."""
    made = posterior()
    spec = Fitted.of(made).spec.model_copy(
        update={"extensions": {"transfer": True, "drift": False}}
    )
    sources = [*FAMILIES, "code"]
    mixtures = provenance(made)["mixtures"]
    mixtures = {run: mixture | {"code": 0.0} for run, mixture in mixtures.items()}
    made = posterior(spec=spec.model_dump(), sources=sources, mixtures=mixtures)
    draws = made["posterior"].dataset
    shape = (draws.sizes["chain"], draws.sizes["draw"], 3, 4)
    rng = np.random.default_rng(0)
    log_transfer = np.log(0.1) + 0.5 * rng.normal(size=shape)
    # Code is worth more to the third family than its own text.
    log_transfer[..., 2, 3] = np.log(1.5)
    dims = ("chain", "draw", "family", "source")
    made["posterior"] = draws.assign(log_transfer=(dims, log_transfer))
    return made


def decide(made=None, constraints=FREE, **options):
    made = posterior() if made is None else made
    return optimal_ratios(made, N=N, D=D, constraints=constraints, **FORCED, **options)


def ratios_of(decision):
    return np.array(list(decision.ratios.values()))


def least(objective, bounds, constraints=()):
    """Ratios of least objective by SLSQP."""
    total = {"type": "eq", "fun": lambda p: p.sum() - 1}
    found = minimize(
        objective,
        np.full(len(bounds), 1 / len(bounds)),
        bounds=bounds,
        constraints=[total, *constraints],
        method="SLSQP",
        jac="3-point",
        options={"ftol": 1e-13, "maxiter": 500},
    )
    assert found.status in (0, 8)
    return found.x


FREE_BOUNDS = [(1e-6, 1)] * 3


def test_epoch_caps_bound_the_ratios_and_are_named():
    capped = Constraints(max_epochs=2, lower={"germanic": 0.2})
    decision = decide(constraints=capped)
    made = posterior()

    def objective(p):
        return predict(made, N=N, D=D, p=p[None]).mean()

    wanted = least(objective, [(0.2, 1), (1e-6, 0.16), (1e-6, 0.12)])
    np.testing.assert_allclose(ratios_of(decision), wanted, atol=1e-4)
    assert decision.limited.binding == (
        "romance at most 0.16 (2 epochs)",
        "slavic at most 0.12 (2 epochs)",
    )
    draws = decision.optimal_draws
    np.testing.assert_allclose(draws[:, 1:], np.tile([0.16, 0.12], (len(draws), 1)))
    sentence = next(
        s for s in decision_sentences(decision) if s.startswith("Constraints")
    )
    assert "germanic at least 0.2" in sentence
    assert "at most 2 epochs of each family's distinct tokens" in sentence
    assert "slavic at most 0.12 (2 epochs)" in sentence


def test_linear_limits_hold_and_mixtures_that_break_them_are_said_to():
    decision = decide(constraints=Constraints(linear=(WEST,)))
    assert decision.ratios["germanic"] + decision.ratios["romance"] <= 0.5 + 1e-7
    assert decision.limited.binding == ("west at most 0.5",)
    west = decision.optimal_draws[:, :2].sum(1)
    assert west.max() <= 0.5 + 1e-7
    uniform = next(one for one in decision.compared if one.name == "uniform")
    assert uniform.breaks == ("west at most 0.5",)
    assert any(
        "It breaks: west at most 0.5." in s for s in decision_sentences(decision)
    )
    assert json.loads(json.dumps(decision.to_dict()))["limited"]["constraints"] == {
        "linear": [
            {"name": "west", "shares": dict(WEST.shares), "at_most": 0.5},
        ]
    }


def test_limits_that_do_not_bind_change_nothing():
    loose = decide(constraints=Constraints(upper={"germanic": 0.9}))
    free = decide()
    np.testing.assert_allclose(ratios_of(loose), ratios_of(free), atol=1e-10)
    assert loose.limited.binding == ()
    assert any("None binds" in one for one in decision_sentences(loose))
    assert free.limited.constraints == {}
    assert not any("onstraint" in one for one in decision_sentences(free))


def test_flat_ranges_and_doubled_weights_keep_the_limits():
    limits = Constraints(upper={"slavic": 0.3}, lower={"romance": 0.3}, linear=(WEST,))
    with pytest.raises(InputError, match="contradict"):
        decide(constraints=limits)
    limits = Constraints(upper={"slavic": 0.36}, lower={"romance": 0.3})
    decision = decide(constraints=limits)
    assert decision.family("slavic").flat_upper <= 0.36 + 1e-9
    assert decision.family("romance").flat_lower >= 0.3 - 1e-9
    assert decision.family("slavic").doubled_weight <= 0.36 + 1e-9
    free = decide()
    assert free.family("slavic").flat_upper > 0.36
    for name in FAMILIES:
        assert decision.family(name).flat_lower <= decision.ratios[name] + 1e-9
        assert decision.family(name).flat_upper >= decision.ratios[name] - 1e-9


def test_repeated_tokens_count_at_the_published_worth_where_the_model_has_none():
    made = posterior(unique_tokens={"germanic": 1e9, "romance": 5e7, "slavic": 1e10})
    decision = decide(made, Constraints(repeats=True))
    spec = Fitted.of(made).spec
    extensions = spec.extensions | {"repetition": True}
    worn = posterior(
        spec=spec.model_copy(update={"extensions": extensions}).model_dump()
    )
    draws = made["posterior"].dataset
    log_R = np.log(PUBLISHED_R) + 0 * draws["level"]
    worn["posterior"] = draws.assign(log_R=log_R)
    unique = np.array([1e9, 5e7, 1e10])

    def objective(p):
        return predict(worn, N=N, D=D, p=p[None], epochs=(p * D / unique)[None]).mean()

    wanted = least(objective, FREE_BOUNDS)
    np.testing.assert_allclose(ratios_of(decision), wanted, atol=1e-4)
    assert decision.expected_loss == pytest.approx(objective(wanted), rel=1e-8)
    assert decision.ratios["romance"] < decide(made).ratios["romance"]
    assert any("R = 15.39 as published" in s for s in decision_sentences(decision))
    assert (decision.doubts.unsolved_draws, decision.doubts.is_proved) == (0, True)


def test_minimax_levels_the_losses_of_the_families():
    decision = decide(constraints=Constraints(risk="minimax"))
    made = posterior()
    losses = np.stack(
        [
            predict(made, N=N, D=D, p=decision.optimal_draws[[draw]])[draw, 0]
            for draw in range(0, 1200, 300)
        ]
    )
    np.testing.assert_allclose(losses, losses[:, :1].repeat(3, 1), rtol=1e-6)

    def worst(p):
        return predict(made, N=N, D=D, p=p[None])[:, 0].max(-1).mean()

    value = worst(ratios_of(decision))
    assert decision.expected_loss == pytest.approx(value, rel=1e-9)
    rng = np.random.default_rng(1)
    for _ in range(20):
        other = ratios_of(decision) * np.exp(rng.normal(0, 0.02, 3))
        assert worst(other / other.sum()) > value
    assert any("largest weighted loss" in s for s in decision_sentences(decision))
    assert decision.recommended.regret >= 0


def test_cvar_minimises_the_mean_of_the_worst_draws():
    cautious = decide(constraints=Constraints(risk="cvar", worst_share=0.05))
    made = posterior()

    def tail(p):
        return worst_mean(predict(made, N=N, D=D, p=p[None])[:, 0].mean(-1), 0.05)

    value = tail(ratios_of(cautious))
    assert cautious.limited.risk_loss == pytest.approx(value, rel=1e-9)
    assert tail(ratios_of(decide())) >= value
    rng = np.random.default_rng(1)
    for _ in range(20):
        other = ratios_of(cautious) * np.exp(rng.normal(0, 0.02, 3))
        assert tail(other / other.sum()) > value
    assert any("the worst 5% of draws" in s for s in decision_sentences(cautious))


def test_the_worst_share_counts_its_last_draw_in_part():
    assert worst_mean(np.array([1.0, 4.0, 2.0, 3.0]), 0.375) == pytest.approx(11 / 3)


def test_transfer_is_decided_with_text_that_has_no_loss_of_its_own():
    made = with_transfer()
    mine = dict.fromkeys((*FAMILIES, "code"), 0.25)
    decision = decide(made, mixtures={"mine": mine})

    def objective(p):
        return predict(made, N=N, D=D, p=p[None]).mean()

    wanted = least(objective, [(0, 1)] * 4)
    np.testing.assert_allclose(ratios_of(decision), wanted, atol=1e-4)
    assert decision.expected_loss == pytest.approx(objective(wanted), rel=1e-8)
    assert decision.names == (*FAMILIES, "code")
    assert decision.ratios["code"] > 0.1
    # Its own text gives the third family nothing that code does not.
    assert decision.ratios["slavic"] < 1e-6
    assert decision.family("code").weight == 0
    assert decision.doubts.unsolved_draws == 0
    assert "code" in decision.target.extrapolation.outside_ratios
    capped = decide(made, Constraints(upper={"code": 0.1}))
    assert capped.ratios["code"] == pytest.approx(0.1, abs=1e-6)
    with pytest.raises(InputError, match="beside transfer"):
        decide(made, Constraints(repeats=True, unique_tokens={"code": 1e9}))


def test_a_transfer_of_nothing_is_no_transfer():
    made = with_transfer()
    draws = made["posterior"].dataset
    made["posterior"] = draws.assign(log_transfer=0 * draws["log_transfer"] - 30)
    decision = decide(made)
    free = ratios_of(decide())
    np.testing.assert_allclose(ratios_of(decision)[:3], free, atol=1e-5)
    np.testing.assert_allclose(decision.optimal_draws[:, 3], 0, atol=1e-7)


@pytest.mark.parametrize("made", [posterior, with_transfer])
def test_the_curvature_is_the_hessian_of_the_expected_loss(made):
    target = Target(made(), N, D, None, False)
    p = np.full(len(target.sources), 1 / len(target.sources))
    found, step = target.curvature(p), 1e-4
    for i in range(len(p)):
        for j in range(len(p)):
            moves = step * np.eye(len(p))[[i, j]]
            corners = [
                sign * target.loss(p + one * moves[0] + two * moves[1]).mean()
                for one, two, sign in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
            ]
            wanted = sum(corners) / (4 * step**2)
            assert found[i, j] == pytest.approx(wanted, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lower": {"klingon": 0.1}}, ["constraints, lower", "klingon", "romance"]),
        ({"upper": {"romance": 20}}, ["romance 20", "divide percentages"]),
        ({"lower": {"romance": 0.6, "slavic": 0.5}}, ["sum to 1.1", "lower some"]),
        (
            {"lower": {"romance": 0.6}, "upper": {"romance": 0.5}},
            ["lower bound above", "romance"],
        ),
        (
            {"max_epochs": 1},
            ["epoch caps leave no mixture", "6.4e+09 tokens", "plan fewer tokens"],
        ),
        ({"max_epochs": {"romance": 0}}, ["epoch cap out of range"]),
        ({"unique_tokens": {"romance": -1}}, ["distinct tokens out of range"]),
        (
            {"linear": (LinearLimit("x", {"romance": 1.0}),)},
            ["limits nothing", "linear 'x'"],
        ),
        (
            {"linear": (LinearLimit("x", {"romance": 1.0}, at_least=1.5),)},
            ["contradict each other", "x at least 1.5"],
        ),
    ],
)
def test_wrong_constraints_are_named_with_what_was_wanted(given, said):
    with pytest.raises(InputError) as caught:
        feasible_set(Constraints(**given), FAMILIES, UNIQUE, D)
    for part in [*said, "expected", "fix"]:
        assert part in str(caught.value)


def test_caps_need_distinct_tokens():
    with pytest.raises(InputError, match="distinct tokens are not known") as caught:
        feasible_set(Constraints(max_epochs=4), FAMILIES, {"romance": 1e9}, D)
    assert "germanic, slavic" in str(caught.value)
    given = Constraints(max_epochs={"romance": 4}, repeats=False)
    assert feasible_set(given, FAMILIES, {"romance": 1e9}, D).limits.upper[1] == 0.4


def test_constraints_are_read_from_what_a_file_says():
    content = {
        "lower": {"romance": 0.1},
        "max_epochs": 4,
        "repeats": True,
        "risk": "cvar",
        "worst_share": 0.2,
        "linear": [
            {"shares": {"germanic": 1, "romance": 2}, "at_most": 0.6, "at_least": 0.1}
        ],
    }
    found = parse_constraints(content, "limits.toml")
    assert found.linear[0].name == "germanic + 2 romance"
    assert (found.risk, found.worst_share, found.max_epochs) == ("cvar", 0.2, 4)
    assert parse_constraints({}, "limits.toml") == FREE


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"max_epoch": 4}, ["unknown key", "limits.toml, max_epoch", "max_epochs"]),
        ({"upper": {"romance": "a lot"}}, ["wrong type", "a lot", "germanic = 0.3"]),
        ({"repeats": 1}, ["wrong type", "true or false"]),
        ({"risk": "none"}, ["risk is not known", "'none'", "minimax"]),
        ({"worst_share": 10}, ["worst share out of range", "10"]),
        ({"linear": [{"shares": {"romance": 1}, "most": 1}]}, ["number 1", "at_most"]),
    ],
)
def test_wrong_files_are_named_with_what_was_wanted(content, said):
    with pytest.raises(InputError) as caught:
        parse_constraints(content, "limits.toml")
    for part in [*said, "expected", "fix"]:
        assert part in str(caught.value)
