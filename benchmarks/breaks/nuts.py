"""The hierarchical model by NUTS beside the closed form, on simulated tables.

  python -m benchmarks.breaks.nuts [--tables 6] [-o benchmarks/results/breaks-nuts.json]

Tables of tasks, mixtures and sizes of fine-tuning data (24 curves, 6 checkpoints):
P(break) of both, how often their 90 % intervals hold the score at four times the
tokens, and what they cost.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from bayeslaw.downstream.break_sampling import Member, Sampled, sample_curves
from bayeslaw.inference.compiled import use_compile_cache
from benchmarks.breaks.curve_truths import hierarchy
from benchmarks.breaks.study import AHEAD, DRAWS, Seen, simulate

CHECKPOINTS = 6

Numbers = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", type=int, default=6)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    use_compile_cache()
    by_table: list[Numbers] = []
    by_curve: list[Numbers] = []
    for number in range(options.tables):
        table, curves = one_table(number)
        by_table.append(table)
        by_curve += curves
        print(number, table | curves[-1], flush=True)
    text = json.dumps(summary(by_table, by_curve), indent=1, default=float)
    print(text)
    if options.output:
        options.output.write_text(text + "\n")


def one_table(number: int) -> tuple[Numbers, list[Numbers]]:
    """Cost and convergence of a table's fit by NUTS, and what is said of each curve."""
    truths = hierarchy(np.random.default_rng(number))
    seen = simulate(lambda _: truths, CHECKPOINTS, "normal", 1)
    start = time.process_time()
    sampled = sample_curves(
        [
            Member(
                one.alone,
                truth.task,
                truth.mix,
                (truth.log_D_f, np.nan, truth.alignment),
            )
            for one, truth in zip(seen, truths, strict=True)
        ]
    )
    table = {
        "cpu_seconds": time.process_time() - start,
        "largest_rhat": float(sampled.largest_rhat),
        "divergences": float(sampled.divergences),
        "break_error": float(sampled.break_error),
    }
    return table, [one_curve(one, sampled, i) for i, one in enumerate(seen)]


def one_curve(one: Seen, sampled: Sampled, i: int) -> Numbers:
    """P(break) and the interval of the score ahead, by both ways, beside the truth."""
    D = np.array([AHEAD[-1] * one.shared.last])
    truth = one.truth.score(np.log(D / one.shared.first))[0]
    closed = np.quantile(one.shared.draw(DRAWS).at(D), [0.05, 0.95])
    drawn = np.quantile(sampled.curves(i).at(D), [0.05, 0.95])
    numbers = {
        "is_broken": one.truth.is_broken,
        "p_closed": one.shared.p_break,
        "p_nuts": sampled.kinds(i)["declines"],
        "in_closed": closed[0] <= truth <= closed[1],
        "in_nuts": drawn[0] <= truth <= drawn[1],
        "width_closed": (closed[1] - closed[0]) / truth,
        "width_nuts": (drawn[1] - drawn[0]) / truth,
    }
    return {name: float(number) for name, number in numbers.items()}


def summary(by_table: list[Numbers], by_curve: list[Numbers]) -> dict[str, Any]:
    """Differences of the two ways, and how well each does, over all curves."""
    tables, curves = (
        {name: np.array([row[name] for row in rows]) for name in rows[0]}
        for rows in (by_table, by_curve)
    )
    closed, drawn, broken = (
        curves[name] for name in ("p_closed", "p_nuts", "is_broken")
    )
    return {
        "tables": len(by_table),
        "curves": len(by_curve),
        "cpu_seconds": np.median(tables["cpu_seconds"]),
        "largest_rhat": tables["largest_rhat"].max(),
        "divergences": tables["divergences"].sum(),
        "break_error": tables["break_error"].max(),
        "mean_difference": np.abs(closed - drawn).mean(),
        "within_.1": (np.abs(closed - drawn) < 0.1).mean(),
        "correlation": np.corrcoef(closed, drawn)[0, 1],
        "brier": {
            "closed": ((closed - broken) ** 2).mean(),
            "nuts": ((drawn - broken) ** 2).mean(),
        },
        "coverage": {name: curves[f"in_{name}"].mean() for name in ("closed", "nuts")},
        "width": {
            name: np.median(curves[f"width_{name}"]) for name in ("closed", "nuts")
        },
    }


if __name__ == "__main__":
    main()
