"""CPU-seconds of a choice of runs: 10,000 candidates, 100 families.

  python -m benchmarks.selection.speed [-o benchmarks/results/next-speed.json]

The posterior is simulated (draws about a truth). Candidates are 12 sizes and token
counts with 834 mixtures; eight runs are chosen. The checks of the posterior, which
`bayeslaw next` makes first, are timed apart.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np

from bayeslaw.checks import diagnostics
from bayeslaw.checks.verdicts import Checks
from bayeslaw.design import DesignSettings, next_runs, planning
from tests.support.synthetic_posterior import family_names, synthetic_posterior

SIZES = {f"n{i}": size for i, size in enumerate((1e7, 3e7, 1e8, 3e8))}
TOKENS = (1e9, 3e9, 1e10)
REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--families", type=int, default=100)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    posterior = synthetic_posterior(family_names(options.families))
    start = time.process_time()
    diagnostics.check(posterior)
    checks = time.process_time() - start
    planning.require_passed = lambda *_, **__: Checks(())
    cpu, wall = [], []
    for _ in range(REPEATS + 1):
        start = time.process_time(), time.perf_counter()
        found = next_runs(
            posterior,
            N=1e9,
            D=2e10,
            budget=1e20,
            settings=DesignSettings(
                runs=8,
                sizes=SIZES,
                tokens=TOKENS,
                min_share=0.001,
                max_mixtures=834,
                tolerance=0.0,
                exchange=np.inf,
            ),
        )
        cpu.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
    record = {
        "families": options.families,
        "candidates": found.candidates,
        "runs": len(found.runs),
        # The first call compiles.
        "cpu_seconds": statistics.median(cpu[1:]),
        "wall_seconds": statistics.median(wall[1:]),
        "first_call_wall_seconds": wall[0],
        "checks_cpu_seconds": checks,
    }
    print(json.dumps(record, indent=1))
    if options.output:
        options.output.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
