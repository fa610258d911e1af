"""What the priors predict for a table's runs before its losses are used."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from bayeslaw.checks.verdicts import Check, Checks
from bayeslaw.data.losses import RunTable
from bayeslaw.inference import (
    QUICK_COMPILE,
    Fitted,
    Posterior,
    draw_prior,
    predictive,
    use_compile_cache,
)
from bayeslaw.model import (
    Axes,
    ModelSpec,
    PaddedArrays,
    arrange,
    noise_of_rows,
    read_spec,
    select_rows,
)
from bayeslaw.numbers import in_float64, interval_levels

MAX_DRAWS, MIN_DRAWS = 2000, 200
MAX_NUMBERS = 2e7  # of draws x rows, 160 MB
# Thresholds. A prior that leaves out more rows than this speaks against the data.
WITHIN = 0.99
MIN_WITHIN, FAIL_WITHIN = 0.95, 0.5
MAX_WIDTH = 100.0
# The default prior of level suits every unit, from bits/byte to nats/token, and so
# puts some 6 % above what bytes allow.
MAX_ABOVE_CEILING = 0.1
# Loss of guessing uniformly: over the bytes, or over the largest usual vocabulary.
CEILINGS = {
    "bits/byte": 8.0,
    "nats/byte": 8 * math.log(2),
    "bits/token": 18.0,
    "nats/token": 18 * math.log(2),
}
SOURCE = "Gabry et al. 2019, doi 10.1111/rssa.12378"


@dataclass(frozen=True)
class PriorPredictive:
    """Losses that the priors of a model predict for the rows of a table.

    Attributes:
      values: draws of every row's loss, noise included, in the table's unit.
      observed: the losses of the table.
      rows: columns N, D, family and unit of the rows, in the same order.
      origins: their origins.
    """

    values: Float[np.ndarray, "draw row"]
    observed: Float[np.ndarray, " row"]
    rows: Mapping[str, np.ndarray]
    origins: tuple[str, ...]

    @property
    def families(self) -> tuple[str, ...]:
        """The families, in order of first appearance."""
        return tuple(dict.fromkeys(self.rows["family"].tolist()))


@in_float64
def prior_predictive(
    table: RunTable, spec: ModelSpec | str | Path, *, seed: int = 0
) -> PriorPredictive:
    """Draw losses for the rows of a table from the prior of a model.

    Uses N, D and ratios of the rows, but not their losses.

    Args:
      table: observations, see `read_runs`.
      spec: model spec, its file, or the name of a shipped model.
      seed: seed of the draws.

    Raises:
      InputError: the spec describes no row of the table.

    Example:
      >>> prior_predictive(table, spec).values.shape
      (2000, 835)
    """
    spec = read_spec(spec)
    rows = select_rows(table, spec)
    use_compile_cache()
    n_draws = _n_draws(len(rows))
    data, layout = arrange(rows, spec)
    drawn = draw_prior(spec, data, jax.random.key(seed), n_draws)
    values = drawn.sites | drawn.deterministic
    outcome = jax.vmap(lambda v: spec.law_record.log_outcome(data.inputs, v))
    coordinates = {name: values[name] for name in spec.law_record.coordinates}
    compiled = jax.jit(outcome, compiler_options=QUICK_COMPILE)
    log_mean = np.asarray(compiled(coordinates))[:, layout.group, layout.cell]
    log_losses = _with_noise(spec, data, layout, jax.device_get(values), log_mean, seed)
    # A Student-t prior with few degrees of freedom overflows once in a while.
    with np.errstate(over="ignore"):
        losses = np.exp(log_losses)
    columns = {name: rows.columns[name] for name in ("N", "D", "family", "unit")}
    origins = tuple(sorted(set(rows.columns["origin"])))
    return PriorPredictive(losses, rows.columns["value"], columns, origins)


def prior_predictive_of(posterior: Posterior, *, seed: int = 0) -> PriorPredictive:
    """Draw losses for the rows of a posterior from the priors it was fitted with.

    Args:
      posterior: result of `fit`.
      seed: seed of the noise; the draws are those that the posterior holds.
    """
    fitted = Fitted.of(posterior)
    before = fitted.tree.copy()
    before["posterior"] = before["prior"]
    rows, record = fitted.rows, fitted.record
    noise, log_observed = predictive(before, _n_draws(rows.sizes["observation"]))
    log_losses = noise.rvs(random_state=np.random.default_rng(seed))
    with np.errstate(over="ignore"):
        losses = np.exp(log_losses)
    columns = {name: rows[name].values for name in ("N", "D", "family")}
    columns["unit"] = np.full(len(log_observed), ", ".join(record["unit"]), object)
    origins = tuple(record["origin"])
    return PriorPredictive(losses, np.exp(log_observed), columns, origins)


def _n_draws(n_rows: int) -> int:
    return int(np.clip(MAX_NUMBERS / n_rows, MIN_DRAWS, MAX_DRAWS))


def _with_noise(
    spec: ModelSpec,
    data: PaddedArrays,
    layout: Axes,
    values: dict[str, np.ndarray],
    log_mean: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Log losses of rows: the law's, the effect of the run and noise, (draw, row)."""
    at = (layout.group, layout.cell)
    if "run_effect" in values:
        run = np.asarray(data.run)[layout.cell]
        log_mean = log_mean + values["run_effect"][:, run]
    noise: Any = noise_of_rows(
        spec.noise.likelihood,
        values,
        log_mean,
        values["sigma"][:, layout.group],
        log_se=np.asarray(data.log_se)[at],
        log_ratio=np.asarray(data.log_ratio)[at],
    )
    rng = np.random.default_rng(seed)
    return noise.rvs(size=log_mean.shape, random_state=rng)


def prior_check(
    table: RunTable, spec: ModelSpec | str | Path, *, seed: int = 0
) -> Checks:
    """Check the priors of a model against a table before fitting.

    Args:
      table: observations, see `read_runs`.
      spec: model spec, its file, or the name of a shipped model.
      seed: seed of the prior draws.

    Returns:
      three checks: whether the priors allow the observed losses, whether they are
      informative, and how much of their mass is worse than uniform guessing.

    Raises:
      InputError: the spec describes no row of the table.

    Example:
      >>> prior_check(table, "default").is_passed
      True
    """
    return prior_checks(prior_predictive(table, spec, seed=seed))


def prior_checks(predictive: PriorPredictive) -> Checks:
    """Run the checks of `prior_check` on draws that already exist."""
    return Checks(
        (
            *_coverage(predictive),
            *_width(predictive),
            *_above_ceiling(predictive),
        )
    )


def _coverage(predictive: PriorPredictive) -> Iterator[Check]:
    lower, upper = np.quantile(predictive.values, interval_levels(WITHIN), axis=0)
    below, above = predictive.observed < lower, predictive.observed > upper
    share = 1 - (below | above).mean()
    sides = [
        f"{where.mean():.0%} of the rows lie {side}"
        for where, side in ((below, "below"), (above, "above"))
        if where.any()
    ]
    verdict: Any = "ok" if share >= MIN_WITHIN else "warn"
    yield Check(
        "prior predictive coverage",
        f"{share:.1%} of the observed losses lie inside the {WITHIN:.0%} prior "
        "predictive interval" + "".join(f"; {side}" for side in sides),
        f"at least {MIN_WITHIN:.0%}; fails below {FAIL_WITHIN:.0%}",
        "fail" if share < FAIL_WITHIN else verdict,
        "the priors exclude these rows; check the unit of the losses and that N and D "
        "are plain counts, or widen the priors in the model file, [priors.level] first",
        SOURCE,
    )


def _width(predictive: PriorPredictive) -> Iterator[Check]:
    lower, upper = np.quantile(predictive.values, [0.05, 0.95], axis=0)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        width = float(np.median(upper / lower))
    yield Check(
        "prior predictive width",
        f"the 90 % prior predictive interval of a row spans a factor of {width:.3g} "
        "(median row)",
        f"at most a factor of {MAX_WIDTH:g}",
        "ok" if width <= MAX_WIDTH else "warn",  # NaN warns
        "the priors are almost uninformative: with few rows, intervals stay wide and "
        "NUTS may struggle; set narrower priors under [priors] in the model file",
        SOURCE,
    )


def _above_ceiling(predictive: PriorPredictive) -> Iterator[Check]:
    units = predictive.rows["unit"]
    ceiling = np.array([CEILINGS.get(str(unit), math.inf) for unit in units])
    # Written so that NaN counts as impossible.
    share = 1 - (predictive.values <= ceiling).mean()
    limits = [
        f"{CEILINGS[unit]:.3g} {unit}" for unit in np.unique(units) if unit in CEILINGS
    ]
    yield Check(
        "prior predictive ceiling",
        f"{share:.1%} of the prior draws lie above the loss of uniform guessing "
        f"({', '.join(limits)})"
        if limits
        else f"{share:.1%} of the prior draws are not finite",
        f"at most {MAX_ABOVE_CEILING:.0%}",
        "ok" if share <= MAX_ABOVE_CEILING else "warn",
        "the priors make impossible losses too likely; lower or narrow [priors.level] "
        "(the log loss at the reference point) in the model file",
        SOURCE,
    )
