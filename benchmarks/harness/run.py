"""Time of a training step: this harness, nanoGPT in torch, and plain linen and optax.

Engines take turns, each in a process of its own on one core and one thread.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks/results"
TORCH = ROOT / "benchmarks/.venvs/torch/bin/python"
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def commands(nanogpt: Path) -> dict[str, list[str]]:
    """Command of each engine."""

    def command(python: Path | str, engine: str) -> list[str]:
        return [str(python), "-m", f"benchmarks.harness.engines.with_{engine}"]

    return {
        "bayeslaw": command(sys.executable, "bayeslaw"),
        "nanogpt": [*command(TORCH, "nanogpt"), str(nanogpt)],
        "linen": command(sys.executable, "linen"),
    }


def measure(command: list[str], core: int) -> dict[str, float]:
    """Times that an engine prints, on one core."""
    done = subprocess.run(
        ["taskset", "-c", str(core), *command],
        # The environment of torch does not have the repository.
        env=os.environ | ONE_THREAD | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def summary(found: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Median step of each engine, and of its ratio to that of the pair's nanoGPT."""
    rivals = [run["cpu_ms"] for run in found["nanogpt"]]
    return {
        name: {
            "cpu_ms": statistics.median(run["cpu_ms"] for run in runs),
            "wall_ms": statistics.median(run["wall_ms"] for run in runs),
            "parameters": runs[0]["parameters"],
            "to_nanogpt": statistics.median(
                run["cpu_ms"] / rival for run, rival in zip(runs, rivals, strict=True)
            ),
        }
        for name, runs in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nanogpt", type=Path, help="clone of karpathy/nanoGPT")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--core", type=int, default=0)
    given = parser.parse_args()
    engines = commands(given.nanogpt)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in engines}
    for _ in range(given.repeats):
        for name, command in engines.items():
            found[name].append(measure(command, given.core))
            print(name, found[name][-1], flush=True)
    results = {"summary": summary(found), "runs": found}
    (RESULTS / "harness.json").write_text(json.dumps(results, indent=1) + "\n")
    for name, values in results["summary"].items():
        print(name, {key: round(value, 3) for key, value in values.items()})


if __name__ == "__main__":
    main()
