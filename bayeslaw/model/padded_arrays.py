"""A table arranged for the likelihood: groups by cells, padded, with names kept."""

from dataclasses import replace
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from bayeslaw.data.losses import RunTable
from bayeslaw.errors import InputError
from bayeslaw.laws import Law
from bayeslaw.model.spec import ModelSpec
from bayeslaw.numbers import in_float64

# Runs are padded to a multiple of this, so that tables of similar size share one
# compiled program.
RUN_BUCKET = 8


class PaddedArrays(NamedTuple):
    """A table arranged for the likelihood: one row per group, one column per cell.

    A cell is one checkpoint of one run: everything the groups of a row share. First
    come the first checkpoints of all runs, then the second ones and so on, so that a
    sum over the cells of each run is a sum over one axis::

        array.reshape(group, -1, run).sum(1)

    Cells come last because there are many: what differs between groups only is computed
    once. Entries that were not observed, and padding, are masked out.

    Attributes:
      inputs: by name. N, D and p: log(input / reference), each (group, cell). For
        extensions: `mixture` (source, cell), `own` (group, source), `log_p0` (),
        `epochs` (group, cell), `trunk` (group, cell).
      log_value: log of the observed outcome.
      log_se: known standard error of log_value; 0 where none is given.
      log_ratio: log(p / reference) for noise that depends on it; 0 without ratios.
      observed: whether the entry counts.
      run: index of the cell's run, 0 to the last and again from 0.
      run_exists: False for padding.
    """

    inputs: dict[str, Any]
    log_value: Float[Array, "group cell"]
    log_se: Float[Array, "group cell"]
    log_ratio: Float[Array, "group cell"]
    observed: Bool[Array, "group cell"]
    run: Int[Array, " cell"]
    run_exists: Bool[Array, " run"]


class Axes(NamedTuple):
    """Names belonging to the axes of `PaddedArrays`, without padding.

    Attributes:
      groups: family of each group.
      sources: everything the mixtures are made of.
      runs: run id of each run index.
      reference: value of each input at the reference point.
      cell: cell index of each table row.
      group: group index of each table row.
      shared_se: se of log loss shared by all rows of a group, 0 where it is not.
    """

    groups: tuple[str, ...]
    sources: tuple[str, ...]
    runs: tuple[str, ...]
    reference: dict[str, float]
    cell: Int[np.ndarray, " row"]
    group: Int[np.ndarray, " row"]
    shared_se: Float[np.ndarray, " group"]


def select_rows(table: RunTable, spec: ModelSpec) -> RunTable:
    """Select the rows that the spec describes; notes list what is left out.

    Raises:
      InputError: no row is left, or the law needs ratios and the table has none.
    """
    law, wanted, columns = spec.law_record, spec.rows, table.columns
    steps = {f"metric = {wanted.metric}": columns["metric"] == wanted.metric}
    if wanted.schedule != "any":
        schedule = np.where(columns["schedule"] == "", "cooled", columns["schedule"])
        steps[f"schedule = {wanted.schedule}"] = schedule == wanted.schedule
    if law.has_ratio:
        _require_ratios(table, spec)
    if "p" in law.all_inputs:
        steps[f"p > 0, the domain of {law.name}"] = columns["p"] > 0
    keep = np.ones(len(table), bool)
    selected = replace(table, notes=(*table.notes, *spec.notes))
    for condition, mask in steps.items():
        if not (mask & keep).any():
            raise InputError(
                "no rows left to fit",
                table.source,
                f"{len(table)} rows, none with " + ", ".join(steps),
                f"at least one row that model {spec.name} describes",
                "change [rows] in the model file, or use another table",
            )
        if not mask[keep].all():
            why = f"model {spec.name} uses {condition}"
            selected = selected.select(mask[keep], why=why)
            keep &= mask
    return selected


def _require_ratios(table: RunTable, spec: ModelSpec) -> None:
    missing = np.isnan(table.columns["p"])
    if missing.any():
        raise InputError(
            "the law needs sampling ratios, but rows have none",
            f"{table.source}, column p",
            f"{missing.sum()} of {len(table)} rows without a ratio",
            f"a ratio for every row, which law {spec.law} uses",
            "give the mixtures (--mixtures), or use a law without ratios (--model "
            "chinchilla)",
        )


@in_float64
def arrange(table: RunTable, spec: ModelSpec) -> tuple[PaddedArrays, Axes]:
    """Arrange a table for the likelihood of a spec's law.

    Args:
      table: rows the model describes, see `select_rows`.
      spec: model spec.

    Returns:
      padded observations, and the names of their axes.

    Raises:
      InputError: an extension needs a column that the table lacks.
    """
    columns, runs = table.columns, table.runs
    keys = list(
        zip(
            _positions(columns["run"], runs),
            *(columns[name] for name in ("N", "D", "schedule")),
            strict=True,
        )
    )
    n_runs = _padded(len(runs), RUN_BUCKET)
    index: dict[tuple[Any, ...], int] = {}
    n_checkpoints = [0] * n_runs
    for key in dict.fromkeys(keys):
        index[key] = n_checkpoints[key[0]] * n_runs + key[0]
        n_checkpoints[key[0]] += 1
    relative_se = np.nan_to_num(columns["se"]) / columns["value"]
    layout = Axes(
        groups=table.families,
        sources=_sources(table),
        runs=runs,
        reference=_reference(table, spec.law_record),
        cell=np.array([index[key] for key in keys]),
        group=_positions(columns["family"], table.families),
        shared_se=_shared_se(table, spec, relative_se),
    )
    shape = (len(layout.groups), max(n_checkpoints) * n_runs)
    own_se = np.where(layout.shared_se[layout.group] > 0, 0.0, relative_se)
    run = np.arange(shape[1]) % n_runs

    def spread(values: Any, fill: float | bool = 0.0) -> Array:
        array = np.full(shape, fill)
        array[layout.group, layout.cell] = values
        return jnp.asarray(array)

    inputs = row_inputs(table, spec, layout)
    return PaddedArrays(
        inputs=shared_inputs(table, spec.law_record, layout, run)
        | {name: spread(values) for name, values in inputs.items()},
        log_value=spread(np.log(columns["value"])),
        log_se=spread(own_se),
        log_ratio=spread(_log_ratio(table, layout)),
        observed=spread(True, False),
        run=jnp.asarray(run),
        run_exists=jnp.arange(n_runs) < len(runs),
    ), layout


def row_inputs(
    table: RunTable, spec: ModelSpec, layout: Axes
) -> dict[str, Float[np.ndarray, " row"]]:
    """Inputs that differ between the rows of a cell, or might, each (row,)."""
    columns, law = table.columns, spec.law_record
    found = {
        name: np.log(columns[name] / layout.reference[name])
        for name in law.all_inputs
        if name in layout.reference
    }
    if "epochs" in law.all_inputs:
        found["epochs"] = _epochs(table, spec)
    if "trunk" in law.all_inputs:
        found["trunk"] = (columns["schedule"] == "trunk").astype(float)
    return found


def _epochs(table: RunTable, spec: ModelSpec) -> np.ndarray:
    columns = table.columns
    if np.isnan(columns["unique_tokens"]).all():
        raise InputError(
            "the extension repetition needs the number of distinct tokens",
            f"{table.source}, column unique_tokens",
            "no value in any row",
            "distinct training tokens of each family",
            "fill in the column, or set repetition = false under [extensions]",
        )
    share = columns["p"] if spec.law_record.has_ratio else 1.0
    return np.nan_to_num(share * columns["D"] / columns["unique_tokens"])


def shared_inputs(
    table: RunTable, law: Law, layout: Axes, run_of_cell: np.ndarray
) -> dict[str, Array]:
    """Inputs that all groups of a cell share: the mixture."""
    if "mixture" not in law.all_inputs:
        return {}
    mixtures = np.array(
        [
            [table.mixtures[run].get(source, 0.0) for source in layout.sources]
            for run in layout.runs
        ]
    )
    # Padding is any mixture.
    padded = np.resize(mixtures, (run_of_cell.max() + 1, len(layout.sources)))
    own = np.array([[g == s for s in layout.sources] for g in layout.groups])
    return {
        "mixture": jnp.asarray(padded[run_of_cell].T),
        "own": jnp.asarray(own),
        "log_p0": jnp.log(jnp.asarray(layout.reference["p"])),
    }


def _reference(table: RunTable, law: Law) -> dict[str, float]:
    """Geometric mean of the distinct values of each input."""
    found = {}
    for name in law.inputs:
        values = np.unique(table.columns[name])
        found[name] = float(np.exp(np.log(values[values > 0]).mean()))
    return found


def _sources(table: RunTable) -> tuple[str, ...]:
    """Everything trained on, families with a loss first."""
    trained = (name for mixture in table.mixtures.values() for name in mixture)
    names = dict.fromkeys(trained)
    first = [name for name in table.families if name in names]
    return tuple(dict.fromkeys([*first, *names]))


def _log_ratio(table: RunTable, layout: Axes) -> np.ndarray:
    ratio = table.columns["p"]
    if "p" not in layout.reference:
        return np.zeros(len(table))
    smallest = np.nanmin(np.where(ratio > 0, ratio, np.nan))
    return np.log(np.maximum(ratio, smallest) / layout.reference["p"])


def _shared_se(
    table: RunTable, spec: ModelSpec, relative_se: np.ndarray
) -> Float[np.ndarray, " group"]:
    """Relative se of each group that its rows share, 0 where they do not."""
    columns, shared = table.columns, []
    for family in table.families:
        rows = columns["family"] == family
        eval_sets = set(columns["eval_set"][rows])
        is_shared = spec.noise.known_se == "shared" or (
            spec.noise.known_se == "by_eval_set"
            and len(eval_sets - {""}) == 1
            and "" not in eval_sets
        )
        shared.append(float(np.median(relative_se[rows])) if is_shared else 0.0)
    return np.array(shared)


def _positions(values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    index = {name: position for position, name in enumerate(names)}
    return np.array([index[value] for value in values])


def _padded(count: int, bucket: int) -> int:
    return -(-count // bucket) * bucket
