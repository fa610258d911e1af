"""bayeslaw's cost against the number of rows and of families, on simulated tables.

Chains are short; the numbers say how cost grows, not what a full fit costs.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from bayeslaw import read_spec, simulate
from bayeslaw.data.losses import write_runs
from benchmarks.inference import score
from benchmarks.inference.data import MODEL
from benchmarks.inference.measure import run_measured
from benchmarks.inference.run import (
    RESULTS,
    WORK,
    command_of,
    environment,
    machine,
)

# Families, sizes, token counts of each run, mixtures. The first mixture has two seeds.
DESIGNS = {
    "500 rows, 5 families": (5, 4, 3, 8),
    "5k rows, 5 families": (5, 5, 5, 39),
    "50k rows, 5 families": (5, 8, 10, 124),
    "2k rows, 20 families": (20, 4, 3, 8),
    "11k rows, 100 families": (100, 4, 3, 8),
}


def write_table(folder: Path, design: tuple[int, int, int, int]) -> dict[str, int]:
    """Simulate a table of a design; its numbers of rows and runs."""
    n_families, n_sizes, n_tokens, n_mixtures = design
    table, _ = simulate(
        read_spec(MODEL),
        seed=0,
        families=[f"family{k:03}" for k in range(n_families)],
        sizes=np.geomspace(1e7, 3e8, n_sizes).round().tolist(),
        tokens=np.geomspace(1e9, 1e10, n_tokens).round().tolist(),
        n_mixtures=n_mixtures,
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_runs(table, folder / "table.csv")
    return {"rows": len(table), "runs": len(table.runs), "families": n_families}


def measure(name: str, given: argparse.Namespace) -> dict[str, Any]:
    folder, output = WORK / "scaling", WORK / "scaling.npz"
    counts = write_table(folder, DESIGNS[name])
    command = command_of("bayeslaw", folder, output)
    lengths = {"--warmup": given.warmup, "--draws": given.draws, "--chains": 4}
    command += [str(word) for option in lengths.items() for word in option]
    caches = environment(WORK / "cache")
    cost = run_measured([*command, "--again"], WORK / "scaling.log", **caches)
    return {**counts, **vars(cost), **score.score(output)}


def markdown(found: dict[str, dict[str, Any]]) -> str:
    heading = "rows | families | runs | first fit, CPU-s | second fit, CPU-s"
    heading += (
        " | min bulk ESS | divergences | steps a draw | second fit, ESS per CPU-s"
    )
    lines = [f"| {heading} |", "| --- " * 9 + "|"]
    for one in found.values():
        again = one["again_cpu_s"]
        cells = [one["rows"], one["families"], one["runs"]]
        cells += [f"{one['cpu_s'] - again:.3g}", f"{again:.3g}"]
        cells += [f"{one['min_ess']:.3g}", one["n_diverging"]]
        cells += [f"{one['mean_steps']:.3g}", f"{one['min_ess'] / again:.3g}"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warmup", type=int, default=300)
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--designs", nargs="+", default=list(DESIGNS), choices=DESIGNS)
    parser.add_argument("--fresh", action="store_true", help="forget what was measured")
    given = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    WORK.mkdir(exist_ok=True)
    path = RESULTS / "scaling.json"
    lengths = {"chains": 4, "warmup": given.warmup, "draws": given.draws}
    found: dict[str, dict[str, Any]] = {}
    if path.exists() and not given.fresh:
        kept = json.loads(path.read_text())
        found = kept["designs"] if kept["lengths"] == lengths else {}
    for name in given.designs:
        if name not in found:
            found[name] = measure(name, given)
            print(name, found[name], flush=True)
            results = {"machine": machine(), "lengths": lengths, "designs": found}
            path.write_text(json.dumps(results, indent=1) + "\n")
    path.with_suffix(".md").write_text(markdown(found))
    print(markdown(found))


if __name__ == "__main__":
    main()
