"""Sums up lines of replay.py: FLOPs to a regret, by pool and strategy."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.selection.replay_pools import SEEDS
from benchmarks.selection.summary import OURS, RESAMPLES, flops_to

GOALS = (1e-3, 5e-4, 2e-4, 1e-4)
Curves = tuple[np.ndarray, np.ndarray]  # regret and FLOPs. Shape (seed, stage)


def factor_interval(ours: Curves, theirs: Curves, goal: float) -> list[float]:
    """90 % interval over seeds of how many times the FLOPs a strategy needs."""
    rng, found = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        pick = rng.integers(len(ours[0]), size=len(ours[0]))
        a, b = (
            flops_to(regret[pick], spent[pick], goal)
            for regret, spent in (ours, theirs)
        )
        if np.isfinite(a):
            found.append(b / a)
    ends = (
        np.quantile(found, [0.05, 0.95], method="nearest") if found else (np.nan,) * 2
    )
    return [None if not np.isfinite(x) else float(x) for x in ends]


def summarise(lines: Path, strategies: Sequence[str]) -> dict[str, Any]:
    """FLOPs to a regret, by pool and strategy; prints them."""
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    found = {}
    for name in dict.fromkeys(row["pool"] for row in rows):
        own = [row for row in rows if row["pool"] == name]
        curves = {
            strategy: curves_of(some)
            for strategy in strategies
            if (some := [r["stages"] for r in own if r["strategy"] == strategy])
        }
        found[name] = {"seeds": SEEDS[name], **of_pool(curves)}
        print(name)
        for strategy, regret in found[name]["regret"].items():
            shown = " ".join(f"{100 * x:.4f}" for x in regret)
            print(f"  {strategy:20} {shown}")
        for goal, needed in found[name]["flops"].items():
            ours = needed[OURS]
            print(f"  to {goal}", {k: round(v / ours, 2) for k, v in needed.items()})
    return found


def curves_of(histories: list[list[dict[str, float]]]) -> Curves:
    """Regret and FLOPs over the stages that all seeds reached."""
    n = min(map(len, histories))
    regret, spent = (
        np.array([[stage[key] for stage in one[:n]] for one in histories])
        for key in ("regret", "spent")
    )
    return regret, spent


def of_pool(curves: dict[str, Curves]) -> dict[str, Any]:
    """Means over seeds, and FLOPs to each goal beside those of bayeslaw."""
    return {
        "regret": {k: regret.mean(0).tolist() for k, (regret, _) in curves.items()},
        "spent": {k: spent.mean(0).tolist() for k, (_, spent) in curves.items()},
        "factor_90": {
            f"{goal:g}": {
                k: factor_interval(curves[OURS], v, goal) for k, v in curves.items()
            }
            for goal in GOALS
        },
        "flops": {
            f"{goal:g}": {k: flops_to(*v, goal) for k, v in curves.items()}
            for goal in GOALS
        },
    }
