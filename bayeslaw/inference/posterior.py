"""A posterior: what it came from, its draws by name, and its file."""

import json
import os
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bayeslaw.errors import InputError
from bayeslaw.laws import Law
from bayeslaw.model import ModelSpec


@dataclass(frozen=True, eq=False)
class Fitted:
    """A posterior with its provenance decoded once.

    Attributes:
      tree: the posterior as `fit` returns it.
      record: what it came from: table, hashes, units, seeds, sampler, versions.
      spec: the spec it was fitted with.
    """

    tree: xr.DataTree
    record: dict[str, Any]
    spec: ModelSpec

    @classmethod
    def of(cls, posterior: "Posterior") -> "Fitted":
        """Decode a posterior; a decoded one is returned unchanged."""
        if isinstance(posterior, Fitted):
            return posterior
        record = provenance(posterior)
        return cls(posterior, record, ModelSpec.model_validate(record["spec"]))

    @cached_property
    def law(self) -> Law:
        """The law with its extensions."""
        return self.spec.law_record

    @property
    def posterior(self) -> xr.Dataset:
        """All draws, dims (chain, draw, ...)."""
        return self.tree["posterior"].dataset

    @property
    def rows(self) -> xr.Dataset:
        """The fitted rows, dim observation."""
        return self.tree["constant_data"].dataset

    @property
    def observed(self) -> np.ndarray:
        """Outcomes of the fitted rows, in the table's unit. Shape (observation,)."""
        return self.tree["observed_data"].dataset["value"].values

    @cached_property
    def families(self) -> tuple[str, ...]:
        """Families with a loss, in the posterior's order."""
        return tuple(self.posterior["family"].values.astype(str).tolist())

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The components of a mixture; with transfer these may exceed the families."""
        return tuple(self.record["sources"]) if self.has_transfer else self.families

    @property
    def has_transfer(self) -> bool:
        """Whether a family's loss depends on the whole mixture."""
        return "mixture" in self.law.all_inputs

    @property
    def unit(self) -> str:
        """Unit of the outcome."""
        return ", ".join(self.record["unit"])

    @property
    def origin(self) -> str:
        """Origin of the fitted rows."""
        return ", ".join(self.record["origin"])

    @cached_property
    def n_draws(self) -> int:
        """Draws of all chains together."""
        return self.posterior.sizes["chain"] * self.posterior.sizes["draw"]

    def has(self, name: str) -> bool:
        """Whether the model has a quantity of this name."""
        return name in self.posterior

    def draws(self, name: str, max_draws: int | None = None) -> np.ndarray:
        """Draws of one quantity, chains joined. Shape (draw, ...).

        Args:
          name: name of the quantity.
          max_draws: maximum number of draws, evenly spaced; None for all.
        """
        values = self.posterior[name].values
        joined = values.reshape(-1, *values.shape[2:])
        if max_draws is None or len(joined) <= max_draws:
            return joined
        return joined[np.linspace(0, len(joined) - 1, max_draws).astype(int)]

    def coordinates(self, max_draws: int | None = None) -> dict[str, np.ndarray]:
        """Draws of the law's coordinates by name, as `draws` gives them."""
        return {name: self.draws(name, max_draws) for name in self.law.coordinates}


Posterior = xr.DataTree | Fitted


def provenance(posterior: xr.DataTree) -> dict[str, Any]:
    """Provenance of a posterior: spec, table, seeds, versions; decoded from JSON."""
    return {str(name): json.loads(value) for name, value in posterior.attrs.items()}


def save_posterior(posterior: xr.DataTree, path: str | Path) -> None:
    """Write a posterior as netCDF; the file appears complete or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".partial")
    posterior.to_netcdf(temporary, engine="h5netcdf")
    os.replace(temporary, path)


def load_posterior(path: str | Path) -> xr.DataTree:
    """Read a posterior written by `save_posterior`.

    Raises:
      InputError: no such file, or the file is not a posterior of bayeslaw.
    """
    wanted = "a posterior written by `bayeslaw fit`, a netCDF file"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with xr.open_datatree(path, engine="h5netcdf") as tree:
                posterior = tree.load()
    except (OSError, ValueError) as error:
        raise InputError(
            "the posterior cannot be read",
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
            "the file is not a posterior of this version of bayeslaw",
            str(path),
            "groups " + ", ".join(posterior.children),
            wanted,
            "run `bayeslaw fit` again",
        ) from None
    return posterior
