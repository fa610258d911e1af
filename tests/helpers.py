"""Posteriors made without sampling: draws around known parameters."""

from functools import cache

import jax
import numpy as np
import xarray as xr

from bayeslaw.fit import fit
from bayeslaw.runs import RunTable
from bayeslaw.sampler import SamplerSettings
from bayeslaw.simulate import simulate
from bayeslaw.spec import ModelSpec, read_spec

MODEL = "models/he2024_partial_pooling.toml"
NOISE = {"sigma": 0.005, "run_sd": 0.005, "nu": 8.0}
TRUE_GAMMA = np.array([0.08, 0.11, 0.16])


def small_spec(**changes) -> ModelSpec:
    return read_spec(MODEL).model_copy(update=changes)


@cache
def small_study() -> tuple[RunTable, dict]:
    """Three families, 60 cells, little noise."""
    return simulate(
        small_spec(),
        seed=1,
        families=("germanic", "romance", "slavic"),
        sizes=(1e7, 5e7, 2.5e8),
        tokens=(1e9, 4e9),
        n_mixtures=9,
        parameters=NOISE | {"log_gamma": np.log(TRUE_GAMMA), "level": 1.0},
    )


@cache
def small_posterior() -> xr.DataTree:
    """A real fit of the small study, shared by the tests of one process."""
    table, _ = small_study()
    return fit(table, small_spec(), seed=0, settings=SamplerSettings(4, 400, 250))
