"""What all engine scripts share: names, priors, arguments, output."""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import numpy as np

# Of each coordinate: loc and scale of its mean over families, location of the LogNormal
# of its sd between families. Written out here, not taken from bayeslaw: density.py
# checks that the programs agree.
PRIORS = {
    "level": (log(2.0), 0.8, log(0.2)),
    "odds_N": (log(0.5 / 1.5), 0.7, log(0.25)),
    "odds_D": (log(0.4 / 1.5), 0.7, log(0.25)),
    "log_alpha": (log(0.33), 0.3, log(0.1)),
    "log_beta": (log(0.30), 0.3, log(0.1)),
    "log_gamma": (log(0.10), 0.7, log(0.25)),
}
HYPERPARAMETERS = [f"{name}_{kind}" for kind in ("mean", "sd") for name in PRIORS]
# The quantities that every engine reports and that are scored.
NAMES = [*PRIORS, *HYPERPARAMETERS, "sigma", "run_sd", "nu", "run_effect"]


@dataclass(frozen=True)
class Settings:
    """Length of a fit; None is the engine's own choice."""

    seed: int
    chains: int
    warmup: int | None
    draws: int


@dataclass(frozen=True)
class Result:
    """Draws by name, each (chain, draw, ...), and what NUTS said of them."""

    draws: dict[str, np.ndarray]
    n_diverging: int
    mean_steps: float


def arrays_of(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "arrays.npz") as stored:
        return dict(stored)


def log_share(odds_N: np.ndarray, odds_D: np.ndarray, name: str) -> np.ndarray:
    """Log of the share of the loss at the reference that N (or D) explains.

    log_alpha (or log_beta) plus this is the log of a local elasticity, which the data
    fix; the peers move it instead of the exponent, which shears the posterior less. The
    map is a shift given the odds, so densities do not change.
    """
    own = odds_N if name == "log_alpha" else odds_D
    return own - np.log1p(np.exp(odds_N) + np.exp(odds_D))


def main(
    prepare: Callable[[Path], Any],
    sample: Callable[[Any, Settings], Result],
    log_density: Callable[[Any, dict[str, np.ndarray]], float] | None = None,
) -> None:
    """Run one engine once, as a process.

    Args:
      prepare: from the folder of a data seed to whatever the engine needs: a compiled
        model where the engine separates that from sampling.
      sample: draws.
      log_density: log density at one point of the quantities NAMES, up to a constant.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="with table.csv and arrays.npz")
    parser.add_argument("output", type=Path, help="npz")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--warmup", type=int, help="default: the engine's choice")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--again", action="store_true", help="fit twice, time the 2nd")
    parser.add_argument("--points", type=Path, help="evaluate densities, do not fit")
    given = parser.parse_args()
    state = prepare(given.folder)
    if given.points:
        with np.load(given.points) as stored:
            points = {name: stored[name] for name in NAMES}
        found = [
            log_density(state, {name: points[name][k] for name in NAMES})
            for k in range(len(points["nu"]))
        ]
        np.savez(given.output, log_density=np.array(found))
        return
    settings = Settings(given.seed, given.chains, given.warmup, given.draws)
    result = sample(state, settings)
    again = {}
    if given.again:
        before = tree_cpu()
        sample(state, Settings(given.seed + 1000, *list(vars(settings).values())[1:]))
        again = {"again_cpu_s": tree_cpu() - before}
    np.savez(
        given.output,
        n_diverging=result.n_diverging,
        mean_steps=result.mean_steps,
        **again,
        **{name: result.draws[name] for name in NAMES},
    )


def tree_cpu() -> float:
    """CPU seconds of this process, of ended children and of living descendants."""
    parents, used = {}, {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                text = Path(entry.path, "stat").read_text()
            except OSError:
                continue
            fields = text.rsplit(")", 1)[1].split()
            parents[int(entry.name)] = int(fields[1])
            used[int(entry.name)] = sum(map(int, fields[11:15]))
    total, found = 0, [os.getpid()]
    while found:
        process = found.pop()
        total += used[process]
        found += [child for child, parent in parents.items() if parent == process]
    return total / os.sysconf("SC_CLK_TCK")
