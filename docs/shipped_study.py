"""The shipped study as the figures show it: the fit and the target of `make demo`."""

from functools import cache

import xarray as xr

from bayeslaw import fit, optimal_ratios, read_runs
from bayeslaw.decisions import Decision

TABLE = "runs/sample-families/observations.csv"
MODEL = "token_drift"
TARGET = {"N": 1e6, "D": 1e7}  # parameters, bytes


@cache
def posterior() -> xr.DataTree:
    """Draws of the model that `make demo` fits, made once a process."""
    return fit(read_runs(TABLE), MODEL)


@cache
def decision() -> Decision:
    """Recommended ratios for the target of `make demo`."""
    return optimal_ratios(posterior(), **TARGET)
