"""Fit a spec to a table: the posterior is an ArviZ DataTree with its provenance."""

import datetime
import json
from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from bayeslaw.data.losses import RunTable
from bayeslaw.inference.compiled import QUICK_COMPILE, Compiled, use_compile_cache
from bayeslaw.inference.density import log_likelihood
from bayeslaw.inference.prior_draws import draw_prior
from bayeslaw.inference.sampler import Draws, Report, SamplerSettings, sample
from bayeslaw.model import (
    Axes,
    ModelSpec,
    PaddedArrays,
    arrange,
    log_prior_parts,
    read_spec,
    row_inputs,
    select_rows,
)
from bayeslaw.numbers import in_float64

N_PRIOR_DRAWS = 1000
# Columns of the table that later steps need; they travel with the posterior.
ROW_COLUMNS = ("run", "family", "schedule", "N", "D", "p", "se")


@in_float64
def fit(
    table: RunTable,
    spec: ModelSpec | str | Path,
    *,
    seed: int = 0,
    settings: SamplerSettings | None = None,
    report: Report | None = None,
) -> xr.DataTree:
    """Fit a model to a table of runs and return its posterior.

    Args:
      table: observations, see `read_runs`.
      spec: model spec, its file, or the name of a shipped model.
      seed: random seed of the fit.
      settings: settings of the sampler.
      report: progress callback (phase, done, total, divergences so far).

    Returns:
      DataTree with groups posterior, sample_stats, prior (chain, draw, family ...),
      observed_data and constant_data (observation), log_likelihood (of all rows) and
      log_prior (its parts, see `log_prior`), and provenance in its attributes.

    Raises:
      InputError: the spec describes no row of the table.

    Example:
      >>> table = read_runs("runs/sample-families/observations.csv")
      >>> posterior = fit(table, "he2024_partial_pooling")
      >>> posterior["posterior"]["gamma"].mean(("chain", "draw"))
    """
    spec = read_spec(spec)
    settings = settings or SamplerSettings()
    rows = select_rows(table, spec)
    use_compile_cache()
    data, layout = arrange(rows, spec)
    sample_key, prior_key = jax.random.split(jax.random.key(seed))
    draws = jax.device_get(sample(spec, data, sample_key, settings, report))
    prior = jax.device_get(draw_prior(spec, data, prior_key, N_PRIOR_DRAWS))
    posterior_set = _named(draws.values, spec, layout, n_batch=2)
    log_se = ("observation", np.asarray(data.log_se)[layout.group, layout.cell])
    log_ratio = np.asarray(data.log_ratio)[layout.group, layout.cell]
    likelihood = _log_likelihood(spec, data, draws.values)
    offset = _held_out_offset(layout, settings, seed)
    posterior_set["held_out_offset"] = (("chain", "draw", "family"), offset)
    one_chain = jax.tree.map(lambda values: values[None], prior)
    prior_values = one_chain.sites | one_chain.deterministic
    prior_set = _named(prior_values, spec, layout, n_batch=2)
    return xr.DataTree.from_dict(
        {
            "/": xr.Dataset(attrs=_provenance(rows, spec, layout, seed, settings)),
            "posterior": posterior_set,
            "sample_stats": _statistics(draws),
            "prior": prior_set,
            # Under these names ArviZ finds them, for power scaling.
            "log_likelihood": likelihood,
            "log_prior": log_prior_parts(spec, posterior_set),
            "observed_data": _by_row(rows, ("value",)),
            "constant_data": _by_row(rows, ROW_COLUMNS).assign(
                line=("observation", rows.lines),
                log_se=log_se,
                cell=("observation", layout.cell),
                log_ratio=("observation", log_ratio),
                **_added_inputs(rows, spec, layout),
            ),
        }
    )


def _named(
    values: dict[str, np.ndarray], spec: ModelSpec, layout: Axes, n_batch: int
) -> xr.Dataset:
    """Draw with dimension names, the paper's parameters added, padding removed."""
    coordinates = {name: values[name] for name in spec.law_record.coordinates}
    natural = _natural(spec)(coordinates, layout.reference)
    if "transfer" in natural:
        own = np.equal.outer(np.array(layout.groups), np.array(layout.sources))
        natural["transfer"] = np.where(own, 1.0, natural["transfer"])
    batch = ("chain", "draw")[:n_batch]
    arrays = {}
    for name, array in {**values, **natural}.items():
        if name.endswith("_sampled"):
            continue
        if name == "run_effect":
            arrays[name] = ((*batch, "run"), np.asarray(array)[..., : len(layout.runs)])
        else:
            axes = ("family", "source")[: np.ndim(array) - n_batch]
            arrays[name] = ((*batch, *axes), np.asarray(array))
    labels: dict[str, Any] = {"family": list(layout.groups)}
    if "transfer" in arrays:
        labels["source"] = list(layout.sources)
    if "run_effect" in arrays:
        labels["run"] = list(layout.runs)
    n_chains, n_draws = np.shape(values["sigma"])[:2]
    labels |= {"chain": np.arange(n_chains), "draw": np.arange(n_draws)}
    return xr.Dataset(arrays, coords=labels)


@lru_cache(maxsize=16)
def _natural(spec: ModelSpec) -> Compiled:
    """The paper's parameters of coordinates and reference."""
    return Compiled(
        spec.law_record.all_natural, f"natural {spec.sha256}", QUICK_COMPILE
    )


def _log_likelihood(
    spec: ModelSpec, data: PaddedArrays, values: dict[str, np.ndarray]
) -> xr.Dataset:
    """Log density of all rows together, one number a draw: a small file."""
    shape = np.shape(values["sigma"])[:2]
    joined = {name: np.reshape(v, (-1, *v.shape[2:])) for name, v in values.items()}
    density = log_likelihood(spec, data, joined).reshape(shape)
    return xr.Dataset(
        {"rows": (("chain", "draw"), density)},
        coords={"chain": np.arange(shape[0]), "draw": np.arange(shape[1])},
    )


def _held_out_offset(layout: Axes, settings: SamplerSettings, seed: int) -> np.ndarray:
    """Draws of the log loss of a family's text less that of its held-out sample.

    The runs say nothing of it: they are all scored on one sample.
    """
    rng = np.random.default_rng(seed)
    shape = (settings.chains, settings.draws, len(layout.groups))
    return rng.normal(0.0, 1.0, shape) * layout.shared_se


def _statistics(draws: Draws) -> xr.Dataset:
    statistics: dict[str, Any] = {
        name: (("chain", "draw"), np.asarray(values))
        for name, values in draws.statistics.items()
    }
    n_chains, n_draws = draws.statistics["diverging"].shape
    by_chain = {"step_size": draws.step_size, "at_tree_limit": draws.at_tree_limit}
    statistics |= {name: ("chain", np.asarray(v)) for name, v in by_chain.items()}
    return xr.Dataset(
        statistics,
        coords={"chain": np.arange(n_chains), "draw": np.arange(n_draws)},
    )


def _added_inputs(rows: RunTable, spec: ModelSpec, layout: Axes) -> dict[str, Any]:
    """Inputs of each row that its columns do not hold."""
    return {
        name: ("observation", values)
        for name, values in row_inputs(rows, spec, layout).items()
        if name not in layout.reference
    }


def _by_row(rows: RunTable, names: tuple[str, ...]) -> xr.Dataset:
    return xr.Dataset(
        {
            name: (
                "observation",
                rows.columns[name]
                if rows.columns[name].dtype.kind == "f"
                else rows.columns[name].astype(str).astype(object),
            )
            for name in names
        }
    )


def _provenance(
    rows: RunTable, spec: ModelSpec, layout: Axes, seed: int, settings: Any
) -> dict[str, str]:
    """What the posterior came from; everything a later step prints or checks."""
    columns = rows.columns
    unique = {
        family: float(np.nanmax(tokens))
        for family in rows.families
        if not np.isnan(
            tokens := columns["unique_tokens"][columns["family"] == family]
        ).all()
    }
    record = {
        "bayeslaw_version": version("bayeslaw"),
        "spec": spec.model_dump(),
        "spec_sha256": spec.sha256,
        "table": rows.source,
        "table_sha256": rows.sha256,
        "notes": list(rows.notes),
        "origin": sorted(set(columns["origin"])),
        "unit": sorted(set(columns["unit"])),
        "reference": layout.reference,
        "sources": list(layout.sources),
        "unique_tokens": unique,
        "mixtures": {run: dict(ratios) for run, ratios in rows.mixtures.items()},
        "seeds": {
            run: f"{run_seed:g}"
            for run, run_seed in zip(columns["run"], columns["seed"], strict=True)
        },
        "seed": seed,
        "sampler": asdict(settings),
        "versions": {name: version(name) for name in ("jax", "numpyro", "arviz")},
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    # netCDF attributes are flat: everything travels as JSON.
    return {name: json.dumps(value) for name, value in record.items()}
