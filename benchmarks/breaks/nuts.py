"""The hierarchical model by NUTS beside the closed form, on simulated tables.

  python benchmarks/breaks/nuts.py [--tables 6] [-o benchmarks/results/breaks-nuts.json]

Tables of tasks, mixtures and sizes of fine-tuning data (24 curves, 6 checkpoints):
P(break) of both, how often their 90 % intervals hold the score at four times the
tokens, and what they cost.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from curve_truths import hierarchy
from study import AHEAD, DRAWS, simulate

from bayeslaw.downstream.break_sampling import Member, sample_curves
from bayeslaw.inference.compiled import use_compile_cache

CHECKPOINTS = 6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", type=int, default=6)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    use_compile_cache()
    rows: dict[str, list[float]] = {}

    def note(**numbers: float) -> None:
        for name, number in numbers.items():
            rows.setdefault(name, []).append(float(number))

    for number in range(options.tables):
        truths = hierarchy(np.random.default_rng(number))
        seen = simulate(lambda _, t=truths: t, CHECKPOINTS, "normal", 1)
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
        note(
            cpu_seconds=time.process_time() - start,
            largest_rhat=sampled.largest_rhat,
            divergences=sampled.divergences,
            break_error=sampled.break_error,
        )
        for i, one in enumerate(seen):
            D = np.array([AHEAD[-1] * one.shared.last])
            truth = one.truth.score(np.log(D / one.shared.first))[0]
            closed = np.quantile(one.shared.draw(DRAWS).at(D), [0.05, 0.95])
            drawn = np.quantile(sampled.curves(i).at(D), [0.05, 0.95])
            note(
                is_broken=one.truth.is_broken,
                p_closed=one.shared.p_break,
                p_nuts=sampled.kinds(i)["declines"],
                in_closed=closed[0] <= truth <= closed[1],
                in_nuts=drawn[0] <= truth <= drawn[1],
                width_closed=(closed[1] - closed[0]) / truth,
                width_nuts=(drawn[1] - drawn[0]) / truth,
            )
        print(number, {name: values[-1] for name, values in rows.items()}, flush=True)
    closed, drawn, broken = (
        np.array(rows[name]) for name in ("p_closed", "p_nuts", "is_broken")
    )
    found = {
        "tables": options.tables,
        "curves": len(closed),
        "cpu_seconds": np.median(rows["cpu_seconds"]),
        "largest_rhat": max(rows["largest_rhat"]),
        "divergences": sum(rows["divergences"]),
        "break_error": max(rows["break_error"]),
        "mean_difference": np.abs(closed - drawn).mean(),
        "within_.1": (np.abs(closed - drawn) < 0.1).mean(),
        "correlation": np.corrcoef(closed, drawn)[0, 1],
        "brier": {
            "closed": ((closed - broken) ** 2).mean(),
            "nuts": ((drawn - broken) ** 2).mean(),
        },
        "coverage": {name: np.mean(rows[f"in_{name}"]) for name in ("closed", "nuts")},
        "width": {
            name: np.median(rows[f"width_{name}"]) for name in ("closed", "nuts")
        },
    }
    print(json.dumps(found, indent=1, default=float))
    if options.output:
        options.output.write_text(json.dumps(found, indent=1, default=float) + "\n")


if __name__ == "__main__":
    main()
