"""Which way to choose runs finds good ratios for the fewest FLOPs, on simulated truths.

  python -m benchmarks.selection.selection_study LINES.jsonl [--truths 2] [--part 0/1]
  python -m benchmarks.selection.summary LINES.jsonl -o OUT.json

Nine runs are made for every truth; then each strategy may have spent 1, 2, 4, ... times
as many FLOPs, stage by stage. After each stage the default model is fitted by NUTS to
all runs made, and its ratios are compared with the truth's. A line is written for each
truth and strategy; lines that are there are not computed again.
"""

import argparse
import json
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bayeslaw.data.losses import RunTable, table_from_rows
from bayeslaw.decisions.target import Target
from bayeslaw.design import Costs, DesignSettings, next_runs
from bayeslaw.design.beliefs import beliefs_of
from bayeslaw.design.candidates import cells, mixtures
from bayeslaw.design.outcomes import Outcomes, parameters_of
from bayeslaw.inference.fitting import fit
from bayeslaw.inference.sampler import SamplerSettings
from bayeslaw.model.spec import read_spec
from benchmarks.selection.selection_truths import (
    FAMILIES,
    KINDS,
    REGIMES,
    SIZES,
    TARGET_D,
    TARGET_N,
    TOKENS,
    Truth,
    make_truth,
)
from benchmarks.selection.strategies import (
    Choices,
    d_optimal,
    information,
    inverse_cost,
    max_min,
    uniform,
)

STRATEGIES = (
    "bayeslaw",
    "uniform random",
    "inverse-cost random",
    "max-min grid",
    "D-optimal per FLOP",
    "EIG per FLOP",
)
STAGES = 7
RUNS_A_STAGE = 8
MIXTURES = 48
TOLERANCE = 1e-4
SETTINGS = SamplerSettings(chains=2, warmup=200, draws=400)
CELLS = cells(SIZES, TOKENS, Costs())
RESTS = np.eye(5) * 0.5 + 0.1  # near-vertex mixtures, 60 % of one family

Run = tuple[str, float, float, np.ndarray]  # proxy, N, D, ratios


def first_runs() -> list[Run]:
    """The same nine for everyone: the smallest size, and one step up in N and D."""
    even = np.full(5, 0.2)
    small = [("n1", 1e6, 1e8, ratios) for ratios in [even, even, *RESTS]]
    return [*small, ("n3", 3e6, 1e8, even), ("n1", 1e6, 3e8, even)]


class Laboratory:
    """Runs of one truth, their rows, and what has been spent."""

    def __init__(self, truth: Truth, seed: int):
        self.truth, self.rng = truth, np.random.default_rng([seed, 1])
        self.rows: list[dict[str, Any]] = []
        self.made: list[Run] = []
        self.spent = 0.0

    def run(self, runs: list[Run]) -> None:
        """Make runs."""
        for proxy, N, D, ratios in runs:
            losses = self.truth.observe(N, D, ratios, self.rng)
            mixture = dict(zip(FAMILIES, ratios.tolist(), strict=True))
            self.rows += [
                {
                    "study": "simulated",
                    "run": f"r{len(self.made)}",
                    "seed": len(self.made),
                    "origin": "simulated",
                    "proxy": proxy,
                    "N": N,
                    "D": D,
                    "schedule": "cooled",
                    "family": family,
                    "p": mixture[family],
                    "metric": "loss",
                    "unit": "nats/token",
                    "value": loss,
                    "mixture": mixture,
                }
                for family, loss in zip(FAMILIES, losses.tolist(), strict=True)
            ]
            self.made.append((proxy, N, D, ratios))
            self.spent += 6 * N * D

    def table(self) -> RunTable:
        """All rows so far."""
        return table_from_rows(self.rows, source="simulated")


def judged(truth: Truth, posterior: xr.DataTree, best: np.ndarray) -> dict[str, Any]:
    """How good the ratios of a posterior are, and how good it believes they are."""
    target = Target(posterior, TARGET_N, TARGET_D, None, normalised=False)
    action, optima = target.best(), target.best_per_draw().ratios
    lower, upper = np.quantile(optima, [0.05, 0.95], axis=0)
    believed = float((target.loss(action) / target.loss(optima) - 1).mean())
    return {
        "regret": truth.objective(action) / truth.objective(best) - 1,
        "believed": believed,
        "covered": ((lower <= best) & (best <= upper)).tolist(),
        "action": action.tolist(),
    }


def chosen_by(
    strategy: str,
    laboratory: Laboratory,
    posterior: xr.DataTree,
    budget: float,
    seed: int,
) -> list[Run]:
    """The runs of a stage."""
    if strategy == "bayeslaw":
        return by_bayeslaw(posterior, budget, seed)
    if strategy.endswith("per FLOP"):
        choices, picked = by_information(strategy, laboratory, posterior, budget, seed)
    else:
        choices, picked = by_design(strategy, laboratory, budget, seed)
    runs = [choices.at(i) for i in picked]
    return [(cell.proxy, cell.N, cell.tokens[-1], ratios) for cell, ratios in runs]


def by_bayeslaw(posterior: xr.DataTree, budget: float, seed: int) -> list[Run]:
    """The runs of `bayeslaw next`."""
    found = next_runs(
        posterior,
        N=TARGET_N,
        D=TARGET_D,
        budget=budget,
        settings=DesignSettings(
            runs=RUNS_A_STAGE,
            sizes=SIZES,
            tokens=TOKENS,
            max_mixtures=MIXTURES,
            tolerance=0.0,
            exchange=np.inf,
            seed=seed,
        ),
        allow_failed_checks=True,
    )
    return [
        (run.proxy, run.N, run.tokens[-1], np.array([*run.mixture.values()]))
        for run in found.runs
    ]


def by_design(
    strategy: str, laboratory: Laboratory, budget: float, seed: int
) -> tuple[Choices, list[int]]:
    """Strategies that look at no loss: by chance, or far from all other runs."""
    pool = mixtures(
        np.full(5, 0.2), RESTS, DesignSettings(max_mixtures=MIXTURES, seed=seed)
    )
    choices = Choices(CELLS, pool)
    if strategy == "max-min grid":
        features, found_at = choices.features(), []
        for _, N, D, ratios in laboratory.made:
            cell = [(c.N, c.tokens[-1]) for c in CELLS].index((N, D))
            same = int(np.abs(pool - ratios).sum(1).argmin())
            found_at.append(features[cell * len(pool) + same])
        return choices, max_min(choices, budget, np.array(found_at))
    by = uniform if strategy == "uniform random" else inverse_cost
    return choices, by(choices, budget, np.random.default_rng([seed, 2]))


def by_information(
    strategy: str,
    laboratory: Laboratory,
    posterior: xr.DataTree,
    budget: float,
    seed: int,
) -> tuple[Choices, list[int]]:
    """Strategies that count information, about all losses or about the optimum."""
    target = Target(posterior, TARGET_N, TARGET_D, None, normalised=False)
    action = target.best()
    tried = np.unique([run[3] for run in laboratory.made], axis=0)
    able = [cell for cell in CELLS if cell.cost <= budget]
    choices = Choices(
        able, mixtures(action, tried, DesignSettings(max_mixtures=MIXTURES, seed=seed))
    )
    outcomes = Outcomes(posterior, able, choices.mixtures)
    drawn, _ = parameters_of(posterior, outcomes.draws)
    now = beliefs_of(target, outcomes.scores, outcomes.index, drawn)
    if strategy == "D-optimal per FLOP":
        return choices, d_optimal(choices, budget, now, outcomes, RUNS_A_STAGE)
    values, vectors = np.linalg.eigh(target.curvature(action))
    root = (vectors * np.sqrt(values)) @ vectors.T
    optimum = np.cov((target.best_per_draw().ratios @ root).T)
    picked = information(choices, budget, now, outcomes, RUNS_A_STAGE, optimum)
    return choices, picked


def history(kind: str, regime: str, seed: int, strategy: str) -> Iterator[dict]:
    """One truth and strategy: what is known after each stage."""
    truth = make_truth(kind, regime, seed)
    best, laboratory = truth.optimum(), Laboratory(truth, seed)
    laboratory.run(first_runs())
    start, spec = laboratory.spent, read_spec("models/default.toml")
    for stage in range(STAGES):
        clock = time.process_time()
        posterior = fit(laboratory.table(), spec, seed=seed, settings=SETTINGS)
        yield {
            "spent": laboratory.spent,
            "runs": len(laboratory.made),
            **judged(truth, posterior, best),
            "divergences": int(posterior["sample_stats"]["diverging"].sum()),
            "fit_cpu_seconds": time.process_time() - clock,
        }
        if stage < STAGES - 1:
            budget = start * 2 ** (stage + 1) - laboratory.spent
            laboratory.run(
                chosen_by(strategy, laboratory, posterior, budget, 100 * seed + stage)
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lines", type=Path)
    parser.add_argument("--truths", type=int, default=2, help="of each kind and regime")
    parser.add_argument("--part", default="0/1", help="this process of how many")
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    options = parser.parse_args()
    part, parts = map(int, options.part.split("/"))
    # Twice as many truths of laws with drift alone.
    wanted = [
        (seed, kind, regime, strategy)
        for seed, kind, regime, strategy in product(
            range(2 * options.truths), KINDS, REGIMES, options.strategies.split(",")
        )
        if seed < options.truths * (2 if kind in ("own", "turned") else 1)
    ]
    done = set()
    if options.lines.exists():
        for line in options.lines.read_text().splitlines():
            one = json.loads(line)
            done.add((one["seed"], one["kind"], one["regime"], one["strategy"]))
    for seed, kind, regime, strategy in wanted[part::parts]:
        if (seed, kind, regime, strategy) in done:
            continue
        clock = time.process_time()
        stages = list(history(kind, regime, seed, strategy))
        record = {
            "seed": seed,
            "kind": kind,
            "regime": regime,
            "strategy": strategy,
            "stages": stages,
        }
        with options.lines.open("a") as file:
            file.write(json.dumps(record) + "\n")
        print(
            f"{seed} {kind:9} {regime:12} {strategy:20}",
            " ".join(f"{100 * one['regret']:.3f}" for one in stages),
            f"{time.process_time() - clock:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
