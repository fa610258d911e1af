"""A small simulated study and its posterior, shared by the tests."""

import fcntl
import os
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path

import numpy as np
import xarray as xr

from bayeslaw.data.losses import RunTable
from bayeslaw.evaluation.simulation import simulate
from bayeslaw.inference.fitting import fit
from bayeslaw.inference.posterior import load_posterior, save_posterior
from bayeslaw.inference.sampler import SamplerSettings
from bayeslaw.model.spec import ModelSpec, read_spec

MODEL = "models/he2024_partial_pooling.toml"
NOISE = {"sigma": 0.015, "run_sd": 0.008, "nu": 8.0}
TRUE_GAMMA = np.array([0.08, 0.11, 0.16])


# One setting for all tests: every other one would compile the sampler again.
SETTINGS = SamplerSettings()


@cache
def small_spec() -> ModelSpec:
    return read_spec(MODEL)


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


def fitted_once(make: Callable[[], xr.DataTree]) -> Callable[[], xr.DataTree]:
    """A fit that the first worker to need it makes, and the others read."""

    @cache
    @wraps(make)
    def shared() -> xr.DataTree:
        path = Path(os.environ["TESTS_SHARED"], f"{make.__name__}.nc")
        with open(path.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                save_posterior(make(), path)
            return load_posterior(path)

    return shared


@fitted_once
def small_posterior() -> xr.DataTree:
    """A real fit of the small study, shared by all tests."""
    table, _ = small_study()
    return fit(table, small_spec(), seed=0, settings=SETTINGS)


@fitted_once
def rival_posterior() -> xr.DataTree:
    """A short fit with what the small one lacks: drift, Huber noise by ratio."""
    noise = {"likelihood": "huber", "depends_on_ratio": True}
    spec = changed_spec(noise=noise, extensions={"drift": True})
    short = SamplerSettings(chains=2, warmup=200, draws=150)
    return fit(small_study()[0], spec, seed=0, settings=short)


def changed_spec(**changes) -> ModelSpec:
    """The default model with some sections replaced, checked again."""
    return ModelSpec.model_validate(small_spec().model_dump() | changes)


def rows_of(table: RunTable) -> list[dict]:
    """The rows of a table, to be changed and made a table again."""
    words = ["run", "family", "schedule", "metric", "unit", "origin"]
    numbers = [name for name in table.columns if table.columns[name].dtype.kind != "O"]
    return [
        {name: table.columns[name][i] for name in [*numbers, *words]}
        | {"mixture": dict(table.mixtures[table.columns["run"][i]])}
        for i in range(len(table))
    ]


def write(path: Path, text: str) -> Path:
    """Write a file and return its path."""
    path.write_text(text)
    return path


def assert_five_parts(message: str) -> None:
    """Hold an error message of the command line against the five parts."""
    parts = ["where:", "got:", "expected:", "fix:"]
    assert [part for part in parts if part not in message] == []
    assert "Traceback" not in message
