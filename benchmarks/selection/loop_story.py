"""What a loop knew after each round, and what a larger study says of it.

  bayeslaw fit runs/sample-families/observations.csv --model models/default.toml -o J.nc
  python -m benchmarks.selection.loop_story runs/closed-loop J.nc -o OUT.json

Reads the posteriors of the rounds that `bayeslaw loop` left in `out/loop`.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bayeslaw.decisions.target import Target
from bayeslaw.inference.posterior import load_posterior, provenance

TARGET = (1e6, 1e7)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path)
    parser.add_argument("judge", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    judge = target_of(load_posterior(options.judge))
    uniform = np.full(len(judge.families), 1 / len(judge.families))
    record = {
        "target": {"N": TARGET[0], "D": TARGET[1]},
        "origin": "measured",
        "judge": {
            "runs": len(provenance(load_posterior(options.judge))["mixtures"]),
            "ratios": judge.named(judge.best()),
            "regret_of_uniform": float(regret(judge, uniform).mean()),
        },
        "rounds": rounds_of(options.study / "out/loop", judge),
    }
    options.output.write_text(json.dumps(record, indent=1) + "\n")


def target_of(posterior: xr.DataTree) -> Target:
    """The decision at the target run."""
    return Target(posterior, *TARGET, None, normalised=False)


def regret(target: Target, ratios: np.ndarray) -> np.ndarray:
    """Regret of a mixture in each draw, share of the loss."""
    return target.loss(ratios) / target.loss(target.best_per_draw().ratios) - 1


def rounds_of(folder: Path, judge: Target) -> list[dict[str, Any]]:
    """What was known and chosen after each round, and what the judge says of it."""
    lines = (folder / "rounds.jsonl").read_text().splitlines()
    chosen = [json.loads(line)["chosen"] for line in lines]
    rounds, spent = [], 0.0
    for number in range(1, len(chosen) + 2):
        one = known_after(load_posterior(folder / f"posterior-{number}.nc"), judge)
        rounds.append({"round": number, "spent_by_the_loop": spent, **one})
        if number <= len(chosen):
            rounds[-1]["expected_then"] = chosen[number - 1]["regret_then"]
            rounds[-1]["chosen"] = [run["why"] for run in chosen[number - 1]["runs"]]
            spent += chosen[number - 1]["cost"]
    return rounds


def known_after(posterior: xr.DataTree, judge: Target) -> dict[str, Any]:
    """Ratios of a posterior with intervals; their regret as believed and as judged."""
    target = target_of(posterior)
    action, optima = target.best(), target.best_per_draw().ratios
    lower, upper = np.quantile(optima, [0.05, 0.95], axis=0)
    judged = regret(judge, action)
    return {
        "runs": len(provenance(posterior)["mixtures"]),
        "ratios": target.named(action),
        "lower": target.named(lower),
        "upper": target.named(upper),
        "believed_regret": float(regret(target, action).mean()),
        "judged_regret": float(judged.mean()),
        "judged_lower": float(np.quantile(judged, 0.05)),
        "judged_upper": float(np.quantile(judged, 0.95)),
    }


if __name__ == "__main__":
    main()
