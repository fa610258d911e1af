"""nutpie on the PyMC model: numba, low-rank mass matrix, short tuning.

Tried on the data of seed 0 and slower: the jax backend (15 times the CPU seconds), the
diagonal mass matrix (a sixth of the bulk ESS, and divergences), nutpie's default of 800
tuning iterations for the low-rank matrix.
"""

from pathlib import Path
from typing import Any

import nutpie
import pymc as pm

from benchmarks.inference.engines import protocol, pymc_model


def prepare(folder: Path) -> tuple[pm.Model, Any]:
    program = pymc_model.model(protocol.arrays_of(folder))
    return program, nutpie.compile_pymc_model(program, backend="numba")


def sample(state: tuple[pm.Model, Any], settings: protocol.Settings) -> protocol.Result:
    trace = nutpie.sample(
        state[1],
        draws=settings.draws,
        tune=settings.warmup or 300,
        chains=settings.chains,
        cores=1,
        seed=settings.seed,
        adaptation="low_rank",
        target_accept=0.9,
        save_warmup=False,
        progress_bar=False,
    )
    return pymc_model.result(trace)


def log_density(state: tuple[pm.Model, Any], point: dict) -> float:
    return pymc_model.log_density(state[0], point)


if __name__ == "__main__":
    protocol.main(prepare, sample, log_density)
