"""Pools of runs that were really made: measured studies, and published tables.

3Mix and RegMix are published runs of domains, mostly English, a stand-in for families.
RegMix has ratios of 0: such rows are not fitted.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bayeslaw.data.losses import RunTable, read_runs
from bayeslaw.decisions.target import Target
from bayeslaw.design.candidates import Cell
from bayeslaw.inference.fitting import fit
from bayeslaw.inference.sampler import SamplerSettings
from bayeslaw.model.spec import read_spec
from tests.support import real_tables

SETTINGS = SamplerSettings(chains=2, warmup=200, draws=400)
# 3Mix has thousands of rows, and its ratios are settled at once.
SEEDS = {"sample-families": 5, "debian-families": 5, "3Mix": 3, "RegMix": 3}
CHECKPOINTS = 4  # of a run, that its gain is computed from


@dataclass(frozen=True)
class Pool:
    """Runs to choose from.

    Attributes:
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
    schedule = read_spec(model).rows.schedule
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
