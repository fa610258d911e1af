"""Sums up lines of selection_study.py: regret against FLOPs, belief, when to stop.

python -m benchmarks.selection.summary LINES.jsonl [-o OUT.json]
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

OURS = "bayeslaw"
GOALS = (5e-3, 2e-3, 1e-3, 5e-4, 2e-4)
TOLERANCE = 1e-4
RESAMPLES = 2000

Line = dict[str, Any]


def column(lines: list[Line], name: str) -> np.ndarray:
    """One number of each stage. Shape (line, stage)."""
    return np.array([[stage[name] for stage in line["stages"]] for line in lines])


def flops_to(regret: np.ndarray, spent: np.ndarray, goal: float) -> float:
    """FLOPs at which the mean regret comes below a goal, between stages by logarithms.

    Infinite where it does not.
    """
    mean, at = regret.mean(0), spent.mean(0)
    below = np.flatnonzero(mean <= goal)
    if not len(below):
        return float("inf")
    i = int(below[0])
    if i == 0:
        return float(at[0])
    share = np.log(mean[i - 1] / goal) / np.log(mean[i - 1] / mean[i])
    return float(at[i - 1] * (at[i] / at[i - 1]) ** share)


def factors(ours: list[Line], other: list[Line], goal: float) -> dict[str, float]:
    """How many times more FLOPs another strategy needs; interval over truths."""
    keys = [(one["kind"], one["regime"], one["seed"]) for one in ours]
    by_key = {(o["kind"], o["regime"], o["seed"]): o for o in other}
    other = [by_key[key] for key in keys]
    parts = [
        (column(lines, "regret"), column(lines, "spent")) for lines in (ours, other)
    ]
    needed = [flops_to(*part, goal) for part in parts]
    rng = np.random.default_rng(0)
    found = []
    for _ in range(RESAMPLES):
        pick = rng.integers(len(ours), size=len(ours))
        a, b = (flops_to(r[pick], s[pick], goal) for r, s in parts)
        if np.isfinite(a):
            found.append(b / a)
    lower, upper = (
        np.quantile(found, [0.05, 0.95], method="nearest")
        if found
        else (np.nan, np.nan)
    )
    return {
        "ours": needed[0],
        "theirs": needed[1],
        "factor": needed[1] / needed[0] if np.isfinite(needed[0]) else float("nan"),
        "lower": float(lower),
        "upper": float(upper),
    }


def stopping(lines: list[Line]) -> dict[str, float]:
    """What stopping at the first stage believed to be settled saves and costs."""
    regret, spent = column(lines, "regret"), column(lines, "spent")
    settled = column(lines, "believed") <= TOLERANCE
    last = regret.shape[1] - 1
    stage = np.where(settled.any(1), settled.argmax(1), last)
    rows = np.arange(len(lines))
    return {
        "stopped": float(settled.any(1).mean()),
        "saved": float(1 - (spent[rows, stage] / spent[:, -1]).mean()),
        "extra_regret": float((regret[rows, stage] - regret[:, -1]).mean()),
        "regret": float(regret[rows, stage].mean()),
    }


def write_results(path: Path, found: dict[str, Any]) -> None:
    """Write JSON; null is what was not reached."""

    def strict(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strict(one) for key, one in value.items()}
        if isinstance(value, float) and not np.isfinite(value):
            return None
        return value

    text = json.dumps(strict(found), indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def group(lines: list[Line]) -> dict[str, Any]:
    """All strategies on some truths."""
    by_name = defaultdict(list)
    for line in lines:
        by_name[line["strategy"]].append(line)
    ours = by_name[OURS]
    covered = np.array([[s["covered"] for s in one["stages"]] for one in ours])
    believed, regret = column(ours, "believed"), column(ours, "regret")
    pick = np.random.default_rng(0).integers(len(ours), size=(RESAMPLES, len(ours)))
    ratios = believed[pick].mean((1, 2)) / regret[pick].mean((1, 2))
    shares = covered.mean((1, 2))[pick].mean(1)
    return {
        "truths": len(ours),
        "spent": column(ours, "spent").mean(0).tolist(),
        "regret": {
            name: column(some, "regret").mean(0).tolist()
            for name, some in by_name.items()
        },
        "spent_by": {
            name: column(some, "spent").mean(0).tolist()
            for name, some in by_name.items()
        },
        "flops": {
            f"{goal:g}": {
                name: factors(ours, some, goal)
                for name, some in by_name.items()
                if name != OURS
            }
            for goal in GOALS
        },
        "believed_over_realised": float(believed.mean() / regret.mean()),
        "believed_over_realised_90": np.quantile(ratios, [0.05, 0.95]).tolist(),
        "coverage_90": np.quantile(shares, [0.05, 0.95]).tolist(),
        "believed_by_stage": believed.mean(0).tolist(),
        "realised_by_stage": regret.mean(0).tolist(),
        "coverage": float(covered.mean()),
        "coverage_by_stage": covered.mean((0, 2)).tolist(),
        "stopping": stopping(ours),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lines", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    lines = [json.loads(line) for line in options.lines.read_text().splitlines()]
    names = {line["strategy"] for line in lines}
    keys = defaultdict(set)
    for line in lines:
        keys[line["kind"], line["regime"], line["seed"]].add(line["strategy"])
    whole = [
        line
        for line in lines
        if keys[line["kind"], line["regime"], line["seed"]] == names
    ]
    groups = {"all": whole}
    for line in whole:
        own = "well specified" if line["kind"] == "own" else "misspecified"
        groups.setdefault(own, []).append(line)
        groups.setdefault(f"{own}, {line['regime']}", []).append(line)
    found = {name: group(some) for name, some in groups.items()}
    for name, one in found.items():
        print(f"\n{name}: {one['truths']} truths; coverage {one['coverage']:.2f}, ")
        print(f"  believed / realised {one['believed_over_realised']:.2f}")
        print("  stopping", {k: round(v, 5) for k, v in one["stopping"].items()})
        for strategy, regret in one["regret"].items():
            shown = " ".join(f"{100 * value:.3f}" for value in regret)
            print(f"  {strategy:20} {shown}")
        for goal, others in one["flops"].items():
            text = "; ".join(
                f"{k} {v['factor']:.1f} ({v['lower']:.1f}-{v['upper']:.1f})"
                for k, v in others.items()
            )
            print(f"  to {goal}: {text}")
    if options.output:
        write_results(options.output, found)


if __name__ == "__main__":
    main()
