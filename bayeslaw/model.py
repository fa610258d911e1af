"""The hierarchical model: from a spec and a table to a NumPyro program."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Bool, Float, Int

from bayeslaw.errors import InputError
from bayeslaw.priors import GROUP_SD_LOG_SCALE
from bayeslaw.runs import RunTable
from bayeslaw.spec import ModelSpec

# Rows and runs are padded to multiples of these, so that tables of similar size share
# one compiled program.
CELL_BUCKET = 32
RUN_BUCKET = 8


class Observations(NamedTuple):
    """A table laid out for the likelihood: one row a cell, one column a group.

    A cell is one checkpoint of one run: everything the groups of a row share. Entries
    that were not observed, and padding, are masked out.

    Args:
      inputs: log(input / reference) by name, each (cell, group).
      log_value: log of the observed outcome.
      log_se: known standard error of log_value; 0 where none is given.
      observed: whether the entry counts.
      run: index of the cell's run.
      run_exists: False for padding.
    """

    inputs: dict[str, Float[Array, "cell group"]]
    log_value: Float[Array, "cell group"]
    log_se: Float[Array, "cell group"]
    observed: Bool[Array, "cell group"]
    run: Int[Array, " cell"]
    run_exists: Bool[Array, " run"]


class Layout(NamedTuple):
    """Names belonging to the axes of `Observations`, without padding.

    Args:
      groups: family of each column.
      runs: run id of each run index.
      reference: value of each input at the reference point.
      cell: cell index of each table row.
      group: group index of each table row.
      shared_se: se of log loss shared by all rows of a group, 0 where it is not.
    """

    groups: tuple[str, ...]
    runs: tuple[str, ...]
    reference: dict[str, float]
    cell: Int[np.ndarray, " row"]
    group: Int[np.ndarray, " row"]
    shared_se: Float[np.ndarray, " group"]


def select_rows(table: RunTable, spec: ModelSpec) -> RunTable:
    """Rows the spec describes; what is left out stands in the result's notes.

    Raises:
      InputError: no row is left.
    """
    law, selection, columns = spec.law_record, spec.selection, table.columns
    steps = {f"metric = {selection.metric}": columns["metric"] == selection.metric}
    if selection.schedule != "any":
        schedule = np.where(columns["schedule"] == "", "cooled", columns["schedule"])
        steps[f"schedule = {selection.schedule}"] = schedule == selection.schedule
    steps[f"p > 0, the domain of {law.name}"] = columns["p"] > 0
    keep = np.ones(len(table), bool)
    selected = table
    for condition, mask in steps.items():
        if not (mask & keep).any():
            raise InputError(
                "no row left to fit",
                table.source,
                f"{len(table)} rows, none with " + ", ".join(steps),
                f"at least one row that model {spec.name} describes",
                "change [selection] of the spec, or the table",
            )
        if not mask[keep].all():
            why = f"model {spec.name} uses {condition}"
            selected = selected.select(mask[keep], why=why)
            keep &= mask
    return selected


def arrange(table: RunTable, spec: ModelSpec) -> tuple[Observations, Layout]:
    """Lay a table out for the likelihood of a spec's law.

    Args:
      table: rows the model describes, see `select_rows`.
      spec: model spec.

    Returns:
      padded observations, and the names of their axes.
    """
    law, columns = spec.law_record, table.columns
    groups, runs = table.families, table.runs
    run_of_row = _positions(columns["run"], runs)
    group = _positions(columns["family"], groups)
    keys = list(
        zip(run_of_row, columns["N"], columns["D"], columns["schedule"], strict=True)
    )
    cells = list(dict.fromkeys(keys))
    index = {key: position for position, key in enumerate(cells)}
    cell = np.array([index[key] for key in keys])
    reference = {
        name: float(np.exp(np.log(np.unique(columns[name])).mean()))
        for name in law.inputs
    }
    shape = (_padded(len(cells), CELL_BUCKET), len(groups))

    relative_se = np.nan_to_num(columns["se"]) / columns["value"]
    shared_se = _shared_se(table, spec, relative_se)

    def spread(values: Any, fill: float | bool = 0.0) -> Array:
        array = np.full(shape, fill)
        array[cell, group] = values
        return jnp.asarray(array)

    run = np.zeros(shape[0], int)
    run[: len(cells)] = [key[0] for key in cells]
    observations = Observations(
        inputs={
            name: spread(np.log(columns[name] / reference[name])) for name in law.inputs
        },
        log_value=spread(np.log(columns["value"])),
        log_se=spread(np.where(shared_se[group] > 0, 0.0, relative_se)),
        observed=spread(True, False),
        run=jnp.asarray(run),
        run_exists=jnp.arange(_padded(len(runs), RUN_BUCKET)) < len(runs),
    )
    return observations, Layout(groups, runs, reference, cell, group, shared_se)


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


def program(spec: ModelSpec, data: Observations) -> None:
    r"""NumPyro program of a spec.

    For group i, cell c of run r, with x the centred log inputs::

        mean_k ~ Normal(loc_k, scale_k),  sd_k ~ LogNormal(log(spread_k / 2), 0.5)
        theta_ik ~ Normal(mean_k, sd_k)                    (pooling "partial")
        mu_ic = log_mean(x_ic; theta_i) + run_effect_r
        log y_ic ~ StudentT(nu, mu_ic, sqrt(se_ic^2 + sigma_i^2))

    Args:
      spec: model spec; its law supplies log_mean and the coordinates k.
      data: observations.
    """
    law, noise = spec.law_record, spec.noise
    n_groups = data.log_value.shape[1]
    theta = group_coordinates(spec, n_groups)
    mean = law.log_mean(
        **data.inputs, **{name: values[None] for name, values in theta.items()}
    )
    sigma = numpyro.sample("sigma", _scale(noise.sigma).expand([n_groups]).to_event(1))
    if noise.run_effect:
        run_sd = numpyro.sample("run_sd", _scale(noise.run_sd))
        # Non-centred: a run has few rows, and where seeds hardly differ a centred
        # effect and run_sd form a funnel.
        standard = _normal(0.0, jnp.ones(data.run_exists.shape))
        effect = numpyro.deterministic(
            "run_effect", run_sd * numpyro.sample("run_effect_sampled", standard)
        )
        mean = mean + effect[data.run][:, None]
    scale = jnp.sqrt(data.log_se**2 + sigma[None] ** 2)
    if noise.likelihood == "student_t":
        nu = numpyro.sample("nu", dist.Gamma(2.0, 0.1))
        likelihood = dist.StudentT(nu, mean, scale)
    else:
        likelihood = dist.Normal(mean, scale)
    numpyro.sample("log_value", likelihood.mask(data.observed), obs=data.log_value)


def group_coordinates(spec: ModelSpec, n_groups: int) -> dict[str, Array]:
    """Sample the coordinates of a spec's law for every group, each (group,)."""
    means: dict[str, Array] = {}
    values: dict[str, Array] = {}
    for name, coordinate in spec.law_record.coordinates.items():
        prior, pooling = spec.prior_of(name), spec.pooling_of(name)
        if pooling == "none":
            shift = coordinate.shift(values) if coordinate.shift else None
            scale = jnp.full(n_groups, prior.total_scale)
            values[name] = _shifted(name, prior.loc, scale, shift)
            means[name] = values[name].mean()
            continue
        shift = coordinate.shift(means) if coordinate.shift else None
        means[name] = _shifted(f"{name}_mean", prior.loc, prior.scale, shift)
        if pooling == "complete":
            values[name] = numpyro.deterministic(name, jnp.full(n_groups, means[name]))
        else:
            sd_prior = dist.LogNormal(prior.sd_loc, GROUP_SD_LOG_SCALE)
            sd = numpyro.sample(f"{name}_sd", sd_prior)
            values[name] = _around(name, means[name], sd, n_groups, coordinate.centred)
    return values


def _shifted(name: str, loc: float, scale: Any, shift: Any) -> Array:
    """A Normal(loc, scale) value, of which value + shift is sampled."""
    if shift is None:
        return numpyro.sample(name, _normal(loc, scale))
    sampled = numpyro.sample(f"{name}_sampled", _normal(loc + shift, scale))
    return numpyro.deterministic(name, sampled - shift)


def _around(name: str, mean: Array, sd: Array, n_groups: int, centred: bool) -> Array:
    """Normal(mean, sd) values of the groups."""
    if centred:
        return numpyro.sample(name, _normal(mean, jnp.full(n_groups, sd)))
    standard = numpyro.sample(f"{name}_sampled", _normal(0.0, jnp.ones(n_groups)))
    return numpyro.deterministic(name, mean + sd * standard)


def _normal(loc: Any, scale: Any) -> dist.Distribution:
    return dist.Normal(loc, scale).to_event(jnp.ndim(scale))


def _scale(prior: Any) -> dist.Distribution:
    return dist.LogNormal(jnp.log(prior.median), prior.log_scale)
