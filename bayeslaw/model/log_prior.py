"""Log density of the priors at draws of a posterior, in parts that can be scaled."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from bayeslaw.laws import GROUP_SD_LOG_SCALE
from bayeslaw.model.spec import ModelSpec, ScalePrior

# The parts that a person states. The others follow: how families and runs scatter is
# the structure of the model, and scaling it would narrow or widen the hierarchy itself.
STATED = ("means", "spreads", "noise")
LOG_ROOT_TWO_PI = math.log(2 * math.pi) / 2


def log_prior_parts(spec: ModelSpec, draws: xr.Dataset) -> xr.Dataset:
    """Compute the log density of the prior of every draw, in five parts.

    | part     | density of                                            |
    |----------|-------------------------------------------------------|
    | means    | means over families; families themselves if not pooled|
    | spreads  | log of the sd between families                        |
    | noise    | log sigma, log run_sd, nu, sigma_ratio_power          |
    | families | coordinates of families given mean and sd             |
    | runs     | effects of runs given run_sd                          |

    Args:
      spec: model spec.
      draws: group `posterior` of a fit.

    Returns:
      one variable per part, dims (chain, draw).
    """
    total = xr.zeros_like(draws["sigma"].isel(family=0, drop=True))
    parts = {name: total for name in (*STATED, "families", "runs")}
    for name in spec.law_record.coordinates:
        prior, pooling = spec.prior_of(name), spec.pooling_of(name)
        if pooling == "none":
            density = _normal(draws[name], prior.loc, prior.total_scale)
            parts["means"] = parts["means"] + density
            continue
        mean = draws[f"{name}_mean"]
        parts["means"] = parts["means"] + _normal(mean, prior.loc, prior.scale)
        if pooling == "partial":
            sd = draws[f"{name}_sd"]
            spread = _normal(np.log(sd), prior.sd_loc, GROUP_SD_LOG_SCALE)
            parts["spreads"] = parts["spreads"] + spread
            scatter = _normal(draws[name], mean, sd)
            parts["families"] = parts["families"] + scatter
    parts["noise"] = parts["noise"] + _noise(spec, draws)
    if spec.noise.run_effect:
        effects = _normal(draws["run_effect"], 0.0, draws["run_sd"])
        parts["runs"] = parts["runs"] + effects
    return xr.Dataset(parts)


def _noise(spec: ModelSpec, draws: xr.Dataset) -> xr.DataArray:
    noise = spec.noise
    total = _scale(draws["sigma"], noise.sigma)
    if noise.run_effect:
        total = total + _scale(draws["run_sd"], noise.run_sd)
    if noise.depends_on_ratio:
        total = total + _normal(draws["sigma_ratio_power"], 0.0, 0.3)
    if noise.likelihood == "student_t":
        # Gamma, up to a constant.
        nu = draws["nu"]
        total = total + (noise.nu.shape - 1) * np.log(nu) - noise.nu.rate * nu
    return total


def _scale(values: xr.DataArray, prior: ScalePrior) -> xr.DataArray:
    """Density of the logarithm, in which the prior is stated."""
    return _normal(np.log(values), math.log(prior.median), prior.log_scale)


def _normal(values: Any, loc: Any, scale: Any) -> xr.DataArray:
    """Normal log density, summed over everything but chains and draws."""
    density = -(((values - loc) / scale) ** 2) / 2 - np.log(scale) - LOG_ROOT_TWO_PI
    others: Sequence[Any] = [d for d in density.dims if d not in ("chain", "draw")]
    return density.sum(others)
