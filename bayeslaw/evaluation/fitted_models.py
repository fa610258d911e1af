"""Fitted models laid out for a comparison on the rows that all of them describe."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from bayeslaw.data.losses import RunTable
from bayeslaw.errors import InputError
from bayeslaw.inference import Fitted, Posterior, needed_draws
from bayeslaw.model import Axes, ModelSpec, PaddedArrays, arrange, select_rows
from bayeslaw.numbers import in_float64

# What tells the rows of a table apart.
ROW_KEY = ("run", "N", "D", "schedule", "family", "metric")

# Share of the runs held out where the largest compute is asked for: single runs differ
# in compute by a little, so that the largest alone would be one run.
LARGEST_COMPUTE_SHARE = 0.1

RowKey = tuple[Any, ...]
Largest = Literal["N", "compute"]
Draws = dict[str, Float[np.ndarray, "..."]]


@dataclass(frozen=True)
class FittedModel:
    """A fitted model with its rows laid out for scoring.

    Attributes:
      name: name of the model in the comparison.
      spec: its spec.
      table: the rows it describes.
      data: these rows laid out, scored ones and others.
      layout: names of the axes of `data`.
      draws: quantities of the posterior, each (chain, draw, ...).
    """

    name: str
    spec: ModelSpec
    table: RunTable
    data: PaddedArrays
    layout: Axes
    draws: Draws

    @property
    def keys(self) -> list[RowKey]:
        """What identifies each row of `table`."""
        return list(zip(*(self.table.columns[name] for name in ROW_KEY), strict=True))


def fitted_model(name: str, posterior: Posterior, table: RunTable) -> FittedModel:
    """A posterior laid out for a comparison, with the table it was fitted to.

    Raises:
      InputError: the posterior was fitted to other rows.
    """
    fitted = Fitted.of(posterior)
    spec, record = fitted.spec, fitted.record
    rows = select_rows(table, spec)
    if rows.sha256 != record["table_sha256"]:
        raise InputError(
            "the posterior was fitted to another table",
            f"posterior {name}, fitted to {record['table']}",
            f"{table.source}, rows with hash {rows.sha256[:12]}",
            f"rows with hash {record['table_sha256'][:12]}",
            "give the table of the fit with --table, or fit again to this table",
        )
    data, layout = arrange(rows, spec)
    values = {k: fitted.posterior[k].values for k in needed_draws(spec)}
    return FittedModel(name, spec, rows, data, layout, values)


def shared_rows(models: Sequence[FittedModel]) -> set[RowKey]:
    """Rows that every model describes: only on these can they be compared.

    Raises:
      InputError: there are none.
    """
    shared = set(models[0].keys).intersection(*(one.keys for one in models[1:]))
    if not shared:
        raise InputError(
            "the models have no row in common",
            "models " + ", ".join(one.name for one in models),
            "no row that all of them select",
            "models of the same metric and schedule",
            "compare models whose [rows] overlap",
        )
    return shared


@in_float64
def scored(one: FittedModel, rows: set[RowKey]) -> PaddedArrays:
    """The model's observations, only those of `rows` observed."""
    keep = np.zeros(one.data.observed.shape, bool)
    for key, group, cell in zip(
        one.keys, one.layout.group, one.layout.cell, strict=True
    ):
        keep[group, cell] = key in rows
    return one.data._replace(observed=jnp.asarray(keep))


def rows_of(one: FittedModel, runs: Sequence[str]) -> Bool[np.ndarray, "1 cell"]:
    """Which cells belong to some runs."""
    named = [position for position, run in enumerate(one.layout.runs) if run in runs]
    return np.isin(one.data.run, named)[None]


def largest_runs(
    table: RunTable, rows: set[RowKey], largest: Largest
) -> tuple[tuple[str, ...], str]:
    """Names of the largest runs among the rows, and what they have in common.

    Raises:
      InputError: all runs are equally large.
    """
    size: dict[str, float] = {}
    for run, N, D, *_ in rows:
        of_row = N if largest == "N" else 6 * N * D
        size[run] = max(size.get(run, 0.0), of_row)
    sizes = np.array(list(size.values()))
    limit = sizes.max()
    if largest == "compute":
        limit = np.quantile(sizes, 1 - LARGEST_COMPUTE_SHARE, method="lower")
    if sizes.min() >= limit:
        raise InputError(
            "no largest runs to hold out",
            f"{table.source}, " + ("column N" if largest == "N" else "columns N and D"),
            f"{len(size)} runs, all of the same size",
            "runs of at least two sizes",
            "use --largest compute (largest='compute'), or add runs of another size",
        )
    held_out = tuple(run for run in table.runs if size.get(run, 0.0) >= limit)
    if largest == "N":
        return held_out, f"N = {limit:.4g}"
    return held_out, f"compute of at least {limit:.3g} FLOP (6 N D)"
