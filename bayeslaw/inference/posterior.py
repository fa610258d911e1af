"""A posterior on disk and what it came from."""

import json
import os
import warnings
from pathlib import Path
from typing import Any

import xarray as xr

from bayeslaw.errors import InputError
from bayeslaw.model import ModelSpec


def provenance(posterior: xr.DataTree) -> dict[str, Any]:
    """What a posterior came from: spec, table, seeds, versions; decoded from JSON."""
    return {str(name): json.loads(value) for name, value in posterior.attrs.items()}


def spec_of(posterior: xr.DataTree) -> ModelSpec:
    """The spec a posterior was fitted with."""
    return ModelSpec.model_validate(provenance(posterior)["spec"])


def save_posterior(posterior: xr.DataTree, path: str | Path) -> None:
    """Write a posterior as netCDF; the file appears whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".partial")
    posterior.to_netcdf(temporary, engine="h5netcdf")
    os.replace(temporary, path)


def load_posterior(path: str | Path) -> xr.DataTree:
    """Read a posterior written by `save_posterior`.

    Raises:
      InputError: no such file, or not a posterior of bayeslaw.
    """
    wanted = "a posterior written by `bayeslaw fit`, a netCDF file"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with xr.open_datatree(path, engine="h5netcdf") as tree:
                posterior = tree.load()
    except (OSError, ValueError) as error:
        raise InputError(
            "posterior cannot be read",
            str(path),
            str(error).splitlines()[0],
            wanted,
            "check the path, or run `bayeslaw fit` first",
        ) from None
    try:
        provenance(posterior)["spec"]
        posterior["sample_stats"]["at_tree_limit"]
    except (KeyError, TypeError, ValueError):
        raise InputError(
            "file is not a posterior of this version of bayeslaw",
            str(path),
            "groups " + ", ".join(posterior.children),
            wanted,
            "run `bayeslaw fit` again",
        ) from None
    return posterior


def families_of(posterior: xr.DataTree) -> tuple[str, ...]:
    """Names of the families of a posterior, in its order."""
    return tuple(posterior["posterior"].dataset["family"].values.tolist())
