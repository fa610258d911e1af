"""How well P(break), extrapolated scores and decisions hold on simulated curves.

  python -m benchmarks.breaks.study [--tables 10] [-o benchmarks/results/breaks.json]

Every table has 24 curves, analysed together as `bayeslaw breaks` does:

  mixed        a third broken, the others of six families that never decline
  new          the same with three families not looked at while the model was made
  never        one family that never declines, in all curves
  hierarchies  tasks, mixtures and sizes of fine-tuning data; breaks at a rate
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from bayeslaw.downstream.break_posterior import BreakPosterior, break_posterior
from bayeslaw.downstream.card import Prices, make_card
from bayeslaw.downstream.rules import guide, plug_in
from bayeslaw.downstream.sharing import share
from benchmarks.breaks.curve_truths import (
    MONOTONE,
    NEW_FAMILIES,
    Member,
    Truth,
    broken,
    hierarchy,
    monotone,
    observe,
)

CHECKPOINTS = (4, 6, 8, 12)
NOISES = ("normal", "heavy", "wrong se")
CURVES = 24
SD = {"large": (0.005, 0.03), "small": (0.03, 0.08)}  # of test sets, over the mean
AHEAD = (2.0, 4.0)  # D_p of predictions, over the last
# Costs of going to four times the tokens, over the mean score.
COSTS = (0.01, 0.04)
DRAWS = 2000

Record = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """One simulated curve: what is true, what was observed, what is believed."""

    truth: Truth
    points: tuple[np.ndarray, np.ndarray, np.ndarray]
    alone: BreakPosterior
    shared: BreakPosterior
    seconds: float


def table(
    truths: list[Member],
    n: int,
    noise: str,
    sd: tuple[float, float],
    rng: np.random.Generator,
) -> list[Seen]:
    """Curves of one table, and what is believed of them together."""
    observed = [observe(one.truth, n, rng, noise, sd) for one in truths]
    start = time.process_time()
    alone = [break_posterior(*points) for points in observed]
    shared = share(
        alone,
        [one.task for one in truths],
        np.array([one.alignment for one in truths]),
    )
    seconds = (time.process_time() - start) / len(alone)
    return [
        Seen(one.truth, points, posterior, posterior.given(kinds, hazard), seconds)
        for one, points, posterior, kinds, hazard in zip(
            truths, observed, alone, shared.kinds, shared.hazard.tolist(), strict=True
        )
    ]


def mixed(families: tuple[str, ...]) -> Callable[[np.random.Generator], list[Member]]:
    """A third of the curves broken; tasks of their own, no alignment."""

    def truths(rng: np.random.Generator) -> list[Member]:
        return [
            Member(
                broken(rng)
                if rng.uniform() < 1 / 3
                else monotone(str(rng.choice(families)), rng),
                task=str(i),
                mix="",
                log_D_f=0.0,
                alignment=float("nan"),
            )
            for i in range(CURVES)
        ]

    return truths


def never(family: str) -> Callable[[np.random.Generator], list[Member]]:
    """All curves of one family that never declines."""

    def truths(rng: np.random.Generator) -> list[Member]:
        return [
            Member(monotone(family, rng), str(i), "", 0.0, float("nan"))
            for i in range(CURVES)
        ]

    return truths


def simulate(
    truths: Callable[[np.random.Generator], list[Member]],
    n: int,
    noise: str,
    tables: int,
    sd: str = "large",
) -> list[Seen]:
    """Curves of several tables."""
    rng = np.random.default_rng(n)
    return [
        seen
        for _ in range(tables)
        for seen in table(truths(rng), n, noise, SD[sd], rng)
    ]


def calibration(curves: list[Seen]) -> Record:
    """AUC, Brier and log score, mean P(break) by family, reliability by tenth."""
    p = np.array([seen.shared.p_break for seen in curves])
    y = np.array([seen.truth.is_broken for seen in curves], float)
    families = {
        family: [
            p_one
            for p_one, seen in zip(p, curves, strict=True)
            if seen.truth.family == family
        ]
        for family in sorted({seen.truth.family for seen in curves})
    }
    tenths = np.minimum((10 * p).astype(int), 9)
    safe = np.clip(p, 1e-9, 1 - 1e-9)
    squared, ranks = (p - y) ** 2, rankdata(p)
    pairs = y.sum() * (1 - y).sum()
    alone = np.array([seen.alone.p_break for seen in curves])
    return {
        "curves": len(curves),
        "broken": y.mean(),
        "auc": (ranks[y > 0].sum() - y.sum() * (y.sum() + 1) / 2) / pairs
        if pairs
        else None,
        "brier": squared.mean(),
        "brier_se": squared.std(ddof=1) / np.sqrt(len(y)),
        "brier_alone": ((alone - y) ** 2).mean(),
        "log_score": -np.mean(y * np.log(safe) + (1 - y) * np.log1p(-safe)),
        "families": {
            family: {
                "mean": np.mean(values),
                "se": np.std(values, ddof=1) / np.sqrt(len(values)),
                "above_half": np.mean(np.array(values) > 0.5),
                "curves": len(values),
            }
            for family, values in families.items()
        },
        "reliability": [
            {
                "said": p[tenths == k].mean(),
                "was": y[tenths == k].mean(),
                "curves": (tenths == k).sum(),
            }
            for k in range(10)
            if (tenths == k).any()
        ],
        "ms": 1e3 * np.mean([seen.seconds for seen in curves]),
    }


def coverage(curves: list[Seen]) -> Record:
    """How often 90 % intervals of scores ahead hold the score without noise."""
    inside: dict[float, list[bool]] = {factor: [] for factor in AHEAD}
    for seen in curves:
        D = seen.shared.last * np.array(AHEAD)
        drawn = seen.shared.draw(DRAWS).at(D)
        truth = seen.truth.score(np.log(D / seen.shared.first))
        low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
        for factor, hit in zip(AHEAD, (low <= truth) & (truth <= high), strict=True):
            inside[factor].append(bool(hit))
    return {
        f"{factor:g}x": {
            "coverage": np.mean(hits),
            "se": np.sqrt(np.mean(hits) * (1 - np.mean(hits)) / len(hits)),
        }
        for factor, hits in inside.items()
    }


def regret(curves: list[Seen], cost: float) -> dict[str, list[float]]:
    """Utility lost against an oracle, over the mean score, by who decides.

    Keep goes to four times the tokens; stop takes a checkpoint: that of the highest
    expected score, or the highest seen for the rules. The oracle knows the curve, its
    future too.
    """
    lost: dict[str, list[float]] = {"bayeslaw": [], "plug-in": [], "guide": []}
    for seen in curves:
        D, value, se = seen.points
        size, D_next = np.abs(value).mean(), AHEAD[1] * D[-1]
        prices = Prices(cost=cost * size / (D_next - D[-1]))
        true = seen.truth.score(np.log(D / D[0]))
        kept = seen.truth.score(np.log(D_next / D[0])) - cost * size
        drawn = seen.shared.draw(DRAWS)
        card = make_card(drawn, D, noise=se[0], D_next=D_next, prices=prices)
        scores = drawn.at(D).mean(0)
        choices = {
            "bayeslaw": (card.choice, true[scores.argmax()]),
            "plug-in": (
                plug_in(D, value, se, D_next, prices).choice,
                true[value.argmax()],
            ),
            "guide": (guide(D, value, se, D_next, prices).choice, true[value.argmax()]),
        }
        best = max(kept, true.max())
        for name, (choice, stopped) in choices.items():
            lost[name].append((best - (kept if choice == "keep" else stopped)) / size)
    return lost


def decisions(curves: list[Seen]) -> Record:
    """Mean loss of utility in per cent of the score, and its ratios."""
    found: Record = {}
    for cost in COSTS:
        lost = {name: np.array(values) for name, values in regret(curves, cost).items()}
        means = {name: 100 * values.mean() for name, values in lost.items()}
        found[f"cost {cost:.0%}"] = means | {
            "curves": len(curves),
            "of plug-in": means["bayeslaw"] / means["plug-in"],
            "of guide": means["bayeslaw"] / means["guide"],
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", type=int, default=10, help="of each arm")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    pools = {
        "hierarchies": hierarchy,
        "mixed": mixed(tuple(MONOTONE)),
        "new": mixed(tuple(NEW_FAMILIES)),
    }
    found: Record = {"tables": options.tables}
    for (name, pool), sd, noise, n in product(pools.items(), SD, NOISES, CHECKPOINTS):
        if sd == "small" and noise != "normal":
            continue
        curves = simulate(pool, n, noise, options.tables, sd)
        arm = calibration(curves)
        if sd == "large":
            arm |= {"ahead": coverage(curves)}
        if sd == "large" and noise == "normal":
            arm |= {"decisions": decisions(curves)}
        found[f"{name}, {sd}, {noise}, {n}"] = arm
        ahead = arm.get("ahead", {}).get("4x", {}).get("coverage", float("nan"))
        print(
            f"{name:11} {sd} {noise:8} {n:2}  Brier {arm['brier']:.3f}  AUC "
            f"{arm['auc']:.3f}  4x coverage {ahead:.3f}  {arm['ms']:.1f} ms",
            flush=True,
        )
    for family, n in product(MONOTONE | NEW_FAMILIES, CHECKPOINTS):
        arm = calibration(simulate(never(family), n, "normal", options.tables // 3))
        found[f"never, {family}, {n}"] = arm
        print(f"never {family:18} {n:2}  {arm['families'][family]['mean']:.3f}")
    if options.output:
        text = json.dumps(found, indent=1, default=float)
        options.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
