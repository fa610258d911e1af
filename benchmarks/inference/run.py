"""bayeslaw, nutpie, PyMC and Stan on the same model and data, interleaved.

Each fit is a process of its own. Measurements are kept one by one in
benchmarks/.work/measurements.jsonl: the same command goes on where it was stopped.
"""

import argparse
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.inference import score
from benchmarks.inference.measure import run_measured

HERE = Path(__file__).parent
WORK = HERE.parent / ".work"
VENVS = HERE.parent / ".venvs"
RESULTS = HERE.parent / "results"
# Engine -> its Python. That of bayeslaw runs this script.
ENGINES = {
    "bayeslaw": Path(sys.executable),
    "nutpie": VENVS / "pymc/bin/python",
    "pymc": VENVS / "pymc/bin/python",
    "stan": VENVS / "stan/bin/python",
    "pystan": VENVS / "stan/bin/python",
}
DENSITY_TOLERANCE = 1e-6


def environment(cache: Path) -> dict[str, str]:
    """Where the engines keep what they compile."""
    return {
        "XDG_CACHE_HOME": str(cache),
        "PYTENSOR_FLAGS": f"base_compiledir={cache / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(cache / "numba"),
    }


def command_of(engine: str, folder: Path, output: Path) -> list[str]:
    module = f"benchmarks.inference.engines.with_{engine}"
    return [str(word) for word in (ENGINES[engine], "-m", module, folder, output)]


def own_command(module: str, *arguments: object) -> list[str]:
    """A module of this folder, run by the Python of this process."""
    words = (sys.executable, "-m", f"benchmarks.inference.{module}", *arguments)
    return [str(word) for word in words]


def data_folder(seed: int) -> Path:
    folder = WORK / f"data-{seed}"
    if not (folder / "arrays.npz").exists():
        command = own_command("data", folder, "--seed", seed)
        run_measured(command, WORK / "data.log")
    return folder


def check_densities(engines: list[str], folder: Path) -> dict[str, float]:
    """Largest difference of each peer's log density to bayeslaw's, less a constant."""
    points, log = WORK / "points.npz", WORK / "density.log"
    warm = environment(WORK / "cache")
    run_measured(own_command("density", folder, points), log)
    with np.load(points) as stored:
        reference = stored["log_density"]
    found = {}
    for engine in engines:
        if engine == "bayeslaw":
            continue
        output = WORK / f"density-{engine}.npz"
        command = [*command_of(engine, folder, output), "--points", str(points)]
        run_measured(command, log, **warm)
        with np.load(output) as stored:
            difference = stored["log_density"] - reference
        found[engine] = float(np.ptp(difference))
        print(f"{engine}: log densities agree to {found[engine]:.2g}", flush=True)
        if not found[engine] < DENSITY_TOLERANCE:
            raise SystemExit(f"{engine} is another model: {difference}")
    return found


def plan(given: argparse.Namespace) -> Iterator[tuple[str, str, int, int]]:
    """Mode, engine, data seed and repeat of every fit, engines interleaved.

    Mode "first" fills the caches and stays out of the summary.
    """
    for data_seed in given.data_seeds:
        for engine in given.engines:
            yield "first", engine, data_seed, 0
    counts = {"warm": given.repeats, "again": given.again, "cold": given.cold}
    for repeat in range(max(counts.values())):
        for mode, count in counts.items():
            if repeat >= count:
                continue
            for data_seed in given.data_seeds:
                # Each engine comes first, second ... equally often.
                turn = (repeat + data_seed) % len(given.engines)
                for engine in given.engines[turn:] + given.engines[:turn]:
                    yield mode, engine, data_seed, repeat


def measure(mode: str, engine: str, data_seed: int, repeat: int) -> dict[str, Any]:
    output, log = WORK / "draws.npz", WORK / f"{engine}.log"
    cache = WORK / ("cache" if mode != "cold" else "cold-cache")
    if mode == "cold":
        shutil.rmtree(cache, ignore_errors=True)
    command = command_of(engine, data_folder(data_seed), output)
    command += ["--seed", str(100 * data_seed + repeat)]
    command += ["--again"] if mode == "again" else []
    cost = run_measured(command, log, **environment(cache))
    return {
        "mode": mode,
        "engine": engine,
        "data_seed": data_seed,
        "repeat": repeat,
        **vars(cost),
        **score.score(output),
    }


def machine() -> dict[str, Any]:
    cpu = Path("/proc/cpuinfo").read_text().split("model name\t: ")
    return {
        "cpu": cpu[1].splitlines()[0] if len(cpu) > 1 else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=ENGINES)
    parser.add_argument("--data-seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--repeats", type=int, default=5, help="warm fits a data seed")
    parser.add_argument("--again", type=int, default=1, help="two fits in one process")
    parser.add_argument("--cold", type=int, default=1, help="fits with empty caches")
    parser.add_argument("--name", default="inference", help="of the result files")
    parser.add_argument("--fresh", action="store_true", help="forget what was measured")
    parser.add_argument("--skip-density", action="store_true")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    missing = [engine for engine in given.engines if not ENGINES[engine].exists()]
    if missing:
        raise SystemExit(f"no environment for {missing}: see {HERE / 'README.md'}")
    WORK.mkdir(exist_ok=True)
    RESULTS.mkdir(exist_ok=True)
    kept = WORK / f"{given.name}.jsonl"
    if given.fresh:
        kept.unlink(missing_ok=True)
    densities = {}
    if not given.skip_density:
        densities = check_densities(given.engines, data_folder(given.data_seeds[0]))
    lines = kept.read_text().splitlines() if kept.exists() else []
    measurements = [json.loads(line) for line in lines]
    keys = ("mode", "engine", "data_seed", "repeat")
    done = {tuple(one[key] for key in keys) for one in measurements}
    for fit in plan(given):
        if fit in done:
            continue
        measurements.append(measure(*fit))
        with kept.open("a") as stream:
            stream.write(json.dumps(measurements[-1]) + "\n")
        one = measurements[-1]
        print(
            *fit,
            f"{one['cpu_s']:.1f} CPU-s, min ESS {one['min_ess']:.0f} ({one['worst']}),",
            f"R-hat {one['max_rhat']:.4f}, {one['n_diverging']} divergences",
            flush=True,
        )
    results = {
        "machine": machine(),
        "density_differences": densities,
        "summary": score.summary(measurements),
        "ratios": score.ratios(measurements, "bayeslaw"),
        "measurements": measurements,
    }
    path = RESULTS / f"{given.name}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    path.with_suffix(".md").write_text(score.markdown(results))
    print(score.markdown(results))


if __name__ == "__main__":
    main()
