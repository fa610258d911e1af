"""Next runs chosen from runs that were really made, against runs chosen at random.

  python -m benchmarks.selection.replay LINES.jsonl [--part 0/1]
  python -m benchmarks.selection.replay LINES.jsonl --summary OUT.json

Pools: the measured studies of this project, and 3Mix and RegMix (published runs of
domains, mostly English, a stand-in for families). Six of the cheaper runs are given;
then each strategy may spend 1, 2, 4, ... times as much on runs of the pool. What counts
as true is the posterior of all runs of the pool: the regret of ratios is that of its
expected loss. RegMix has ratios of 0: such rows are not fitted, and a run is expected
to tell nothing of families that it lacks. Its runs cost the same, so that choosing by
cost is choosing at random.
"""

import argparse
import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bayeslaw.decisions.target import Target
from bayeslaw.design.beliefs import beliefs_of
from bayeslaw.design.outcomes import Outcomes, parameters_of
from benchmarks.selection.replay_pools import SEEDS, Pool, pools
from benchmarks.selection.replay_summary import summarise
from benchmarks.selection.summary import OURS, write_results

FIRST = 6
STRATEGIES = (OURS, "uniform random", "inverse-cost random")


class Gains:
    """What each run of a pool is expected to gain, as runs are taken."""

    def __init__(self, pool: Pool, left: list[str], posterior: xr.DataTree):
        self.cost = {run: pool.cells[run].cost for run in left}
        mixtures = np.unique([pool.mixtures[run] for run in left], axis=0)
        cells = [pool.cells[run] for run in left]
        least = mixtures[mixtures > 0].min()
        outcomes = Outcomes(posterior, cells, np.maximum(mixtures, least))
        drawn, _ = parameters_of(posterior, outcomes.draws)
        self.noise = outcomes.noise
        self.now = beliefs_of(
            pool.target(posterior), outcomes.scores, outcomes.index, drawn
        ).without_parameters()
        by_cell = {(c.N, c.tokens): outcomes.loadings(c) for c in cells}
        # Loadings and log ratios of each run.
        self.told: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for run in left:
            cell = pool.cells[run]
            i = int(np.abs(mixtures - pool.mixtures[run]).sum(1).argmin())
            # A family that a run lacks has no loss there.
            seen = (mixtures[i] > 0)[:, None, None]
            loadings = by_cell[cell.N, cell.tokens][i] * seen
            self.told[run] = loadings, outcomes.log_ratio[i]

    def take_best(self, able: list[str]) -> str:
        """The run of the largest gain for its cost; what it tells is then known."""
        gains = []
        for run in able:
            loadings, log_ratio = self.told[run]
            gain = self.now.reduction(loadings, self.noise, log_ratio).sum()
            gains.append(gain / self.cost[run])
        best = able[int(np.argmax(gains))]
        loadings, log_ratio = self.told[best]
        self.now = self.now.after(loadings, self.noise, log_ratio)
        return best


def chosen(
    strategy: str,
    pool: Pool,
    made: list[str],
    budget: float,
    posterior: xr.DataTree,
    rng: np.random.Generator,
) -> list[str]:
    """Runs of the pool for some FLOPs."""
    left = [run for run in pool.cells if run not in made]
    cost = {run: pool.cells[run].cost for run in left}
    gains = Gains(pool, left, posterior) if strategy == OURS and left else None
    picked: list[str] = []
    while able := [run for run in left if cost[run] <= budget and run not in picked]:
        if gains:
            run = gains.take_best(able)
        elif strategy == "uniform random":
            run = str(rng.choice(able))
        else:
            weight = np.array([1 / cost[run] for run in able])
            run = str(rng.choice(able, p=weight / weight.sum()))
        picked.append(run)
        budget -= cost[run]
    return picked


def history(pool: Pool, true: Target, strategy: str, seed: int) -> list[dict[str, Any]]:
    """What is known after each stage."""
    rng = np.random.default_rng([seed, 3])
    cheap = sorted(pool.cells, key=lambda run: pool.cells[run].cost)
    made = [str(r) for r in rng.choice(cheap[: len(cheap) // 2], FIRST, replace=False)]
    cost = {run: cell.cost for run, cell in pool.cells.items()}
    start = sum(cost[run] for run in made)
    least = true.loss(true.best()).mean()
    stages = []
    while True:
        posterior = pool.fitted(made, seed)
        target = pool.target(posterior)
        action = target.best()
        optima = target.best_per_draw().ratios
        spent = sum(cost[run] for run in made)
        stages.append(
            {
                "spent": spent,
                "runs": len(made),
                "regret": float(true.loss(action).mean() / least - 1),
                "believed": float(
                    (target.loss(action) / target.loss(optima) - 1).mean()
                ),
            }
        )
        budget = start * 2 ** len(stages) - spent
        if len(made) == len(cost) or start * 2 ** len(stages) > sum(cost.values()):
            return stages
        made += chosen(strategy, pool, made, budget, posterior, rng)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lines", type=Path)
    parser.add_argument("--part", default="0/1", help="this process of how many")
    parser.add_argument("--summary", type=Path, help="sum up the lines that are there")
    options = parser.parse_args()
    if options.summary:
        write_results(options.summary, summarise(options.lines, STRATEGIES))
        return
    part, parts = map(int, options.part.split("/"))
    done = set()
    if options.lines.exists():
        for line in options.lines.read_text().splitlines():
            one = json.loads(line)
            done.add((one["pool"], one["seed"], one["strategy"]))
    for name, make in pools().items():
        pool = make()
        one_cost = len({cell.cost for cell in pool.cells.values()}) == 1
        strategies = STRATEGIES[:2] if one_cost else STRATEGIES
        wanted = list(product(range(SEEDS[name]), strategies))[part::parts]
        wanted = [one for one in wanted if (name, *one) not in done]
        if not wanted:
            continue
        true = pool.target(pool.fitted(list(pool.cells), 0))
        print(name, len(pool.cells), "runs", flush=True)
        for seed, strategy in wanted:
            stages = history(pool, true, strategy, seed)
            record = {"pool": name, "seed": seed, "strategy": strategy}
            with options.lines.open("a") as file:
                file.write(json.dumps(record | {"stages": stages}) + "\n")
            shown = " ".join(f"{100 * one['regret']:.4f}" for one in stages)
            print(f"{name} {seed} {strategy:20} {shown}", flush=True)


if __name__ == "__main__":
    main()
