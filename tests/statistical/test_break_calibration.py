"""P(break), scores ahead and decisions on simulated curves, with failure rates.

`benchmarks/breaks/study.py` has larger studies; here the claims that must not be lost.
"""

import numpy as np
import pytest

from bayeslaw.downstream.break_analysis import breaks
from bayeslaw.downstream.break_sampling import Member, sample_curves
from benchmarks.breaks.curve_truths import MONOTONE, NEW_FAMILIES, hierarchy
from benchmarks.breaks.published_pattern import PUBLISHED, published_pattern
from benchmarks.breaks.study import (
    calibration,
    coverage,
    mixed,
    never,
    regret,
    simulate,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hierarchies():
    return [seen for n in (4, 6, 8) for seen in simulate(hierarchy, n, "normal", 4)]


def test_probabilities_of_breaks_are_calibrated(hierarchies):
    """288 curves: the mean P(break) is the share of breaks.

    Given the probabilities, the share has an sd of about .01; 4 of them are allowed.
    """
    p = np.array([seen.shared.p_break for seen in hierarchies])
    y = np.array([seen.truth.is_broken for seen in hierarchies])
    sd = np.sqrt((p * (1 - p)).sum()) / len(p)
    assert abs(p.mean() - y.mean()) < 4 * sd
    assert calibration(hierarchies)["brier"] < 0.06


def test_intervals_ahead_hold_the_score_as_often_as_they_say(hierarchies):
    """288 curves and 90 % intervals: .85 to .97, where .95 and one sd is the end.

    The curves of a table share nothing but rates, so that the share has an sd of .018.
    """
    for ahead in coverage(hierarchies).values():
        assert 0.85 <= ahead["coverage"] <= 0.97


def test_narrower_intervals_would_be_found_out(hierarchies):
    """The same intervals made a third as wide hold the score far less often."""
    inside = []
    for seen in hierarchies:
        D = 4 * seen.shared.last * np.ones(1)
        drawn = seen.shared.draw(1000).at(D)[:, 0]
        low, middle, high = np.quantile(drawn, [0.05, 0.5, 0.95])
        truth = seen.truth.score(np.log(D / seen.shared.first))[0]
        inside.append(
            middle + (low - middle) / 3 <= truth <= middle + (high - middle) / 3
        )
    assert np.mean(inside) < 0.75


@pytest.mark.parametrize("family", [*MONOTONE, *NEW_FAMILIES])
def test_families_that_never_decline_are_rarely_called_broken(family):
    """72 curves a family: mean P(break) at most .10."""
    curves = simulate(never(family), 6, "normal", 3)
    assert calibration(curves)["families"][family]["mean"] <= 0.10


def test_decisions_lose_less_than_those_of_rules():
    """144 curves of which a third are broken: half of what the rules lose.

    Measured (benchmarks/results/breaks.json, all checkpoints): .09 and .12 of theirs.
    """
    curves = simulate(mixed(tuple(MONOTONE)), 6, "normal", 6)
    lost = {name: np.sum(values) for name, values in regret(curves, 0.01).items()}
    assert lost["bayeslaw"] < 0.5 * lost["plug-in"]
    assert lost["bayeslaw"] < 0.5 * lost["guide"]


def test_nuts_decides_about_a_table_and_gives_the_symbols_of_its_law():
    """Of the pattern of published breaks: the same curves break, the law is Isik's."""
    decided = breaks(published_pattern(0), method="nuts")
    assert decided.notes[-1].startswith("NUTS: largest R-hat 1.0")
    for curve, row in zip(decided.curves, PUBLISHED, strict=True):
        assert (curve.card.p_break_seen > 0.5) == row[-1]
        # Draw by draw the symbols give the law's score in the middle of the curve.
        sampled, i = curve.drawn.sampled, curve.drawn.curve
        law, D_0 = sampled.symbols(i), sampled.D_0[i]
        score = (law["log_A"] + law["alpha"] * np.log(D_0)) ** law["beta"]
        given = sampled.draws["level"][:, i] * sampled.size[i]
        np.testing.assert_allclose(score, given, rtol=1e-3)
        assert curve.symbols["beta"].lower < 1 < curve.symbols["beta"].upper


def test_nuts_agrees_with_the_closed_form():
    """One table of 24 curves: P(break) differs by .1 at most on average.

    The two have different priors of levels and slopes, which NUTS learns from all
    curves; the chains are short.
    """
    rng = np.random.default_rng(3)
    truths = hierarchy(rng)
    seen = simulate(lambda _: truths, 6, "normal", 1)
    members = [
        Member(
            one.alone, truth.task, truth.mix, (truth.log_D_f, np.nan, truth.alignment)
        )
        for one, truth in zip(seen, truths, strict=True)
    ]
    sampled = sample_curves(members, warmup=300, draws=300)
    assert sampled.break_error < 0.1
    closed = np.array([one.shared.p_break for one in seen])
    drawn = np.array([sampled.kinds(i)["declines"] for i in range(len(seen))])
    assert np.abs(closed - drawn).mean() < 0.1
    # Draws of a curve have the probabilities of its kinds.
    curves = sampled.curves(0)
    assert abs((curves.kind == 2).mean() - drawn[0]) < 0.06
    ahead = curves.at(seen[0].shared.last * np.array([1.0, 2.0]))
    assert np.isfinite(ahead).all()
    _, value, se = seen[0].points
    assert abs(np.median(ahead[:, 0]) - value[-1]) < 4 * se[-1]
