"""Next runs chosen from runs that were really made, against runs chosen at random.

  PYTHONPATH=tests python benchmarks/selection/replay.py LINES.jsonl [--part 0/1]
  PYTHONPATH=tests python benchmarks/selection/replay.py LINES.jsonl --summary OUT.json

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
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import real_tables
import xarray as xr
from summary import RESAMPLES, flops_to, write_results

from bayeslaw.data.losses import RunTable, read_runs
from bayeslaw.decisions.target import Target
from bayeslaw.design.beliefs import beliefs_of
from bayeslaw.design.candidates import Cell
from bayeslaw.design.outcomes import Outcomes, parameters_of
from bayeslaw.inference.fitting import fit
from bayeslaw.inference.sampler import SamplerSettings
from bayeslaw.model.spec import read_spec

SETTINGS = SamplerSettings(chains=2, warmup=200, draws=400)
# 3Mix has thousands of rows, and its ratios are settled at once.
SEEDS = {"sample-families": 5, "debian-families": 5, "3Mix": 3, "RegMix": 3}
FIRST = 6
STRATEGIES = ("bayeslaw", "uniform random", "inverse-cost random")
Curves = tuple[np.ndarray, np.ndarray]  # regret and FLOPs. Shape (seed, stage)
GOALS = (1e-3, 5e-4, 2e-4, 1e-4)
CHECKPOINTS = 4  # of a run, that its gain is computed from


@dataclass(frozen=True)
class Pool:
    """Runs to choose from.

    Args:
      table: their rows.
      model: spec that is fitted.
      cells: size, token counts and cost of each run, by name.
      mixtures: its ratios.
      families: order of the ratios.
      N, D: the run that ratios are wanted for.
    """

    table: RunTable
    model: str
    cells: dict[str, Cell]
    mixtures: dict[str, np.ndarray]
    families: tuple[str, ...]
    N: float
    D: float

    def fitted(self, runs: list[str], seed: int) -> xr.DataTree:
        """Posterior of some runs."""
        mask = np.isin(self.table.columns["run"], runs)
        some = self.table.select(mask, why="not made yet") if not mask.all() else None
        return fit(
            some or self.table, read_spec(self.model), seed=seed, settings=SETTINGS
        )

    def target(self, posterior: xr.DataTree) -> Target:
        """The decision."""
        return Target(posterior, self.N, self.D, None, normalised=False)


def pool_of(
    table: RunTable, model: str, cooldown: float | None, *, zeros: bool = False
) -> Pool:
    """A pool of all runs of a table, or of those whose ratios are all above 0."""
    c = table.columns
    whole = {
        run: mixture
        for run, mixture in table.mixtures.items()
        if zeros or min(mixture.values()) > 0
    }
    mask = np.isin(c["run"], list(whole)) & (c["p"] > 0)
    schedule = read_spec(model).selection.schedule
    if schedule != "any":
        mask &= c["schedule"] == schedule
    table = table.select(mask, why="not in the pool")
    c, families = table.columns, table.families
    cells, mixtures = {}, {}
    for run in table.runs:
        rows = c["run"] == run
        counts = np.unique(c["D"][rows])
        N = float(c["N"][rows][0])
        forks = (cooldown or 0.0) * counts[:-1].sum()
        cost = 6 * N * (counts[-1] + forks)
        kept = np.linspace(0, len(counts) - 1, min(CHECKPOINTS, len(counts)))
        tokens = tuple(counts[kept.astype(int)].tolist())
        cells[run] = Cell(run, N, tokens, float(cost))
        mixtures[run] = np.array([table.mixtures[run][name] for name in families])
    return Pool(
        table,
        model,
        cells,
        mixtures,
        families,
        float(c["N"].max()),
        float(c["D"].max()),
    )


@cache
def pools() -> dict[str, Any]:
    """How each pool is made."""
    runs = Path("runs")
    return {
        "sample-families": lambda: pool_of(
            read_runs(runs / "sample-families/observations.csv"),
            "models/token_drift.toml",
            0.25,
        ),
        "debian-families": lambda: pool_of(
            read_runs(runs / "debian-families/observations.csv"),
            "models/token_drift.toml",
            0.25,
        ),
        "3Mix": lambda: pool_of(real_tables.three_mix(), beside("three_mix"), None),
        "RegMix": lambda: pool_of(
            real_tables.regmix(), beside("regmix"), None, zeros=True
        ),
    }


def beside(model: str) -> str:
    """Path of a model spec beside this script."""
    return str(Path(__file__).with_name(f"{model}.toml"))


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
    picked: list[str] = []
    now, loadings, outcomes = None, {}, None
    if strategy == "bayeslaw" and left:
        mixtures = np.unique([pool.mixtures[run] for run in left], axis=0)
        cells = [pool.cells[run] for run in left]
        least = mixtures[mixtures > 0].min()
        outcomes = Outcomes(posterior, cells, np.maximum(mixtures, least))
        drawn, _ = parameters_of(posterior, outcomes.draws)
        target = pool.target(posterior)
        now = beliefs_of(
            target, outcomes.scores, outcomes.index, drawn
        ).without_parameters()
        where = {
            run: int(np.abs(mixtures - pool.mixtures[run]).sum(1).argmin())
            for run in left
        }
        by_cell = {(c.N, c.tokens): outcomes.loadings(c) for c in cells}
        loadings = {}
        for run in left:
            cell, i = pool.cells[run], where[run]
            # A family that a run lacks has no loss there.
            seen = (mixtures[i] > 0)[:, None, None]
            told = by_cell[cell.N, cell.tokens][i] * seen
            loadings[run] = (told, outcomes.log_ratio[i])
    while able := [run for run in left if cost[run] <= budget and run not in picked]:
        if strategy == "uniform random":
            run = str(rng.choice(able))
        elif strategy == "inverse-cost random":
            weight = np.array([1 / cost[run] for run in able])
            run = str(rng.choice(able, p=weight / weight.sum()))
        else:
            score = [
                now.reduction(loadings[run][0], outcomes.noise, loadings[run][1]).sum()
                / cost[run]
                for run in able
            ]
            run = able[int(np.argmax(score))]
            now = now.after(loadings[run][0], outcomes.noise, loadings[run][1])
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


def factor_interval(ours: Curves, theirs: Curves, goal: float) -> list[float]:
    """90 % interval over seeds of how many times the FLOPs a strategy needs."""
    rng, found = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        pick = rng.integers(len(ours[0]), size=len(ours[0]))
        a, b = (
            flops_to(regret[pick], spent[pick], goal)
            for regret, spent in (ours, theirs)
        )
        if np.isfinite(a):
            found.append(b / a)
    ends = (
        np.quantile(found, [0.05, 0.95], method="nearest") if found else (np.nan,) * 2
    )
    return [None if not np.isfinite(x) else float(x) for x in ends]


def summarise(lines: Path, output: Path) -> None:
    """FLOPs to a regret, by pool and strategy."""
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    found = {}
    for name in dict.fromkeys(row["pool"] for row in rows):
        curves = {}
        for strategy in STRATEGIES:
            some = [
                r["stages"]
                for r in rows
                if (r["pool"], r["strategy"]) == (name, strategy)
            ]
            if not some:
                continue
            n = min(map(len, some))
            curves[strategy] = tuple(
                np.array([[stage[key] for stage in one[:n]] for one in some])
                for key in ("regret", "spent")
            )
        found[name] = {
            "seeds": SEEDS[name],
            "regret": {k: v[0].mean(0).tolist() for k, v in curves.items()},
            "spent": {k: v[1].mean(0).tolist() for k, v in curves.items()},
            "factor_90": {
                f"{goal:g}": {
                    k: factor_interval(curves[STRATEGIES[0]], v, goal)
                    for k, v in curves.items()
                }
                for goal in GOALS
            },
            "flops": {
                f"{goal:g}": {k: flops_to(*v, goal) for k, v in curves.items()}
                for goal in GOALS
            },
        }
        print(name)
        for strategy, regret in found[name]["regret"].items():
            shown = " ".join(f"{100 * x:.4f}" for x in regret)
            print(f"  {strategy:20} {shown}")
        for goal, needed in found[name]["flops"].items():
            ours = needed["bayeslaw"]
            print(f"  to {goal}", {k: round(v / ours, 2) for k, v in needed.items()})
    write_results(output, found)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lines", type=Path)
    parser.add_argument("--part", default="0/1", help="this process of how many")
    parser.add_argument("--summary", type=Path)
    options = parser.parse_args()
    if options.summary:
        summarise(options.lines, options.summary)
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
