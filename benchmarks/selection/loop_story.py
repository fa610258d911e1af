"""What a loop knew after each round, and what a larger study says of it.

  bayeslaw fit runs/sample-families/observations.csv --model models/default.toml -o J.nc
  python benchmarks/selection/loop_story.py runs/closed-loop J.nc -o OUT.json

Reads the posteriors of the rounds that `bayeslaw loop` left in `out/loop`.
"""

import argparse
import json
from pathlib import Path

import numpy as np

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
    judge = Target(load_posterior(options.judge), *TARGET, None, normalised=False)
    least = judge.loss(judge.best_per_draw().ratios)
    lines = (options.study / "out/loop/rounds.jsonl").read_text().splitlines()
    chosen = [json.loads(line)["chosen"] for line in lines]
    rounds, spent = [], 0.0
    for number in range(1, len(chosen) + 2):
        path = options.study / f"out/loop/posterior-{number}.nc"
        posterior = load_posterior(path)
        target = Target(posterior, *TARGET, None, normalised=False)
        action, optima = target.best(), target.best_per_draw().ratios
        lower, upper = np.quantile(optima, [0.05, 0.95], axis=0)
        regret = judge.loss(action) / least - 1
        rounds.append(
            {
                "round": number,
                "runs": len(provenance(posterior)["mixtures"]),
                "spent_by_the_loop": spent,
                "ratios": target.named(action),
                "lower": target.named(lower),
                "upper": target.named(upper),
                "believed_regret": float(
                    (target.loss(action) / target.loss(optima) - 1).mean()
                ),
                "judged_regret": float(regret.mean()),
                "judged_lower": float(np.quantile(regret, 0.05)),
                "judged_upper": float(np.quantile(regret, 0.95)),
            }
        )
        if number <= len(chosen):
            rounds[-1]["expected_then"] = chosen[number - 1]["regret_then"]
            rounds[-1]["chosen"] = [run["why"] for run in chosen[number - 1]["runs"]]
            spent += chosen[number - 1]["cost"]
    uniform = np.full(len(judge.families), 1 / len(judge.families))
    record = {
        "target": {"N": TARGET[0], "D": TARGET[1]},
        "origin": "measured",
        "judge": {
            "runs": len(provenance(load_posterior(options.judge))["mixtures"]),
            "ratios": judge.named(judge.best()),
            "regret_of_uniform": float((judge.loss(uniform) / least - 1).mean()),
        },
        "rounds": rounds,
    }
    options.output.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
