"""Intervals of a predicted loss: the posterior against today's Huber fit and bootstrap.

Four arms of simulated tables of one family whose law is that of Hoffmann et al. The
question to each method is the mean loss of a 7B model after 1T tokens.

- `well`: priors of models/chinchilla.toml, truths well inside them;
- `few`: as `well`, with a third of the runs;
- `low`, `high`: the tables of `well`, priors centred two sd from the middle of the
  truths.

    python -m benchmarks.bootstrap --arm well

Each arm writes benchmarks/results/bootstrap-ARM.json; docs/gallery/bootstrap.py draws
all four. All numbers are of simulated tables.
"""

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bootstrap.methods import LABELS, METHODS, RESAMPLES, Answer
from benchmarks.bootstrap.scores import (
    COMPARED,
    STATISTICS,
    per_table,
    ratio,
    with_se,
)
from benchmarks.bootstrap.tables import ARMS, Table, simulated

RESULTS = Path(__file__).parents[1] / "results"


def run(arm: str, count: int) -> dict[str, Any]:
    """The record of one arm."""
    tables, truth = simulated(arm, count)
    # Fits without a prior would say on the tables of `well` what they say there.
    names = METHODS if arm in ("well", "few") else ["posterior"]
    found, methods = {}, {}
    for name in names:
        start = time.process_time()
        answers = answers_of(name, arm, tables)
        cpu_s = round((time.process_time() - start) / count, 4)
        points, ends = (np.array([one[k] for one in answers]) for k in (0, 1))
        found[name] = values = per_table(points, ends, truth)
        methods[name] = {
            **{k: with_se(of, values[k]) for k, of in STATISTICS.items()},
            "cpu_s": cpu_s,
            **{k: sum(one.counts[k] for one in answers) for k in answers[0].counts},
        }
    return {
        "arm": arm,
        "about": ARMS[arm],
        "origin": "simulated",
        "tables": count,
        "runs": len(tables[0].y),
        "resamples": RESAMPLES,
        "versions": {n: version(n) for n in ("bayeslaw", "jax", "numpyro", "scipy")},
        "methods": methods,
        "posterior_over": {
            name: {k: ratio(k, found["posterior"], found[name]) for k in COMPARED}
            for name in names
            if name != "posterior"
        },
    }


def answers_of(name: str, arm: str, tables: list[Table]) -> list[Answer]:
    """What one method says of every table; prints progress."""
    answers = []
    for seed, table in enumerate(tables):
        answers.append(METHODS[name](arm, table, seed))
        if len(answers) % 50 == 0:
            print(f"{arm}, {name}: {len(answers)} of {len(tables)}", flush=True)
    return answers


def markdown(record: dict[str, Any]) -> str:
    """Numbers of one arm as a table."""
    lines = [
        "| method | in 50 % | in 90 % | width | score | RMSE | bias | CPU-s |",
        "|---" * 8 + "|",
    ]
    for name, one in record["methods"].items():
        cells = ["{:.0f} ({:.0f})".format(*one[f"within_{k}"]) for k in (50, 90)]
        cells += ["{:.2f} ({:.2f})".format(*one[k]) for k in [*STATISTICS][2:]]
        cells.append(f"{one['cpu_s']:.2g}")
        lines.append(f"| {LABELS[name]} | " + " | ".join(cells) + " |")
    for name, one in record["posterior_over"].items():
        said = ["{} {:.2f} ({:.2f})".format(k, *one[k]) for k in COMPARED]
        lines.append(f"\nPosterior over {LABELS[name]}: " + ", ".join(said))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arm", choices=ARMS, required=True)
    parser.add_argument("--tables", type=int, default=200)
    arguments = parser.parse_args()
    record = run(arguments.arm, arguments.tables)
    path = RESULTS / f"bootstrap-{arguments.arm}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(markdown(record))


if __name__ == "__main__":
    main()
