"""The hierarchical model of all curves of a table that share a metric, in NumPyro.

A curve follows its law, and may settle or decline after an unknown point. With x =
log(D_p / D_0), v = smooth excess of x over the bend, and U the size of a task's scores:

  rises     U law(x; f_i, m_i, e)
  settles   U law(x - v; f_i, m_i, e), or a saturating law with an exponent of its own
  declines  U law(x - v; f_i, m_i, e) - L_i kappa_i v / span_i

  f_i ~ Normal(task + mix + covariates, sd_f),   m_i = softplus(Normal(the same, sd_m))

where m_i is the slope at D_0 and e the exponent of all curves. The kind of each curve
is summed out; its prior is that of the closed form (`sharing.py`).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Bool, Float, Int
from numpyro.infer.reparam import LocScaleReparam

from bayeslaw.downstream.break_posterior import USUAL_PRIOR, BreakPrior
from bayeslaw.downstream.evidence import OUTLIER, OUTLIER_FACTOR
from bayeslaw.downstream.sharing import (
    HAZARD_SD,
    SLOPE_SD,
    SPREAD_SD,
    settling_counts,
)
from bayeslaw.laws import bleu, saturating

LawName = Literal["bleu", "saturating"]
Values = Array | np.ndarray
# Smallest slope that is told from 0, as a share of U a unit of x.
SOFTNESS = 0.02
# Width of a bend, as a share of a curve's span.
WIDTH = 0.06
# What a curve may be, and its place in `shapes.KINDS`.
COMPONENTS = {"rises": 0, "saturates": 1, "settles": 1, "declines": 2}
# Prior mean and sd of the logarithm of a law's exponent.
EXPONENTS = {"bleu": (0.0, 0.5), "saturating": (np.log(0.4), 0.7)}
LOG_FALL = (np.log(0.3), 0.75)  # share of L that a decline costs over a span


@dataclass(frozen=True)
class Table:
    """Points of all curves as arrays; larger scores are better.

    Attributes:
      y, se: scores over U and their standard errors; se 0 where not given.
      x: log(D_p / D_0), D_0 in the middle of each curve.
      is_point: False where a curve has fewer points than the longest.
      task, mix: number of the task and the mixture of each curve.
      covariates: log D_f, log N and alignment of each curve, less their means.
      start, span: x of a curve's first point, and from there to its last.
      L: mean size of a curve's scores over U.
      centre: mean score over U of each task.
    """

    y: Float[np.ndarray, "curve point"]
    se: Float[np.ndarray, "curve point"]
    x: Float[np.ndarray, "curve point"]
    is_point: Bool[np.ndarray, "curve point"]
    task: Int[np.ndarray, " curve"]
    mix: Int[np.ndarray, " curve"]
    covariates: Float[np.ndarray, "curve covariate"]
    start: Float[np.ndarray, " curve"]
    span: Float[np.ndarray, " curve"]
    L: Float[np.ndarray, " curve"]
    centre: Float[np.ndarray, " task"]


def downstream_model(
    table: Table, law: LawName, prior: BreakPrior = USUAL_PRIOR
) -> None:
    """The joint density of a table.

    Args:
      table: the points.
      law: law of curves that rise, and of the others before their bends. `saturating`
        with the sign of losses reversed is the law of cross-entropy.
      prior: prior of breaks.
    """
    n_curves, n_covariates = table.covariates.shape
    level, slope = _hierarchy(table, n_covariates)
    exponent = _exponents(law, n_curves)
    with numpyro.plate("curve", n_curves):
        log_noise = numpyro.sample("log_noise", dist.Normal(np.log(0.02), 1.0))
        bend = numpyro.sample("bend", dist.Uniform(0, 1))
        fall = numpyro.sample("log_fall", dist.Normal(*LOG_FALL))
        own = numpyro.sample("log_alpha_own", dist.Normal(np.log(0.4), 0.7))
    shape = Shape(level, slope, own, bend, fall, table.start, table.span, table.L)
    columns = Shape(*(part[:, None] for part in shape))
    means = components(table.x, columns, exponent[:, None], law)
    sd = jnp.sqrt(table.se**2 + (table.L * jnp.exp(log_noise))[:, None] ** 2)
    log_z = jnp.stack(
        [(table.is_point * _log_density(table.y, mean, sd)).sum(1) for mean in means],
        axis=1,
    )
    log_prior = _log_prior(table, prior)
    total = jax.nn.logsumexp(log_prior + log_z, axis=1)
    numpyro.factor("scores", total.sum())
    responsibility = jnp.exp(log_prior + log_z - total[:, None])
    numpyro.deterministic("responsibility", responsibility)
    numpyro.deterministic("level", level)
    numpyro.deterministic("slope", slope)


class Shape(NamedTuple):
    """Parameters of a curve, each in any shape that broadcasts with x."""

    level: Values
    slope: Values
    log_alpha_own: Values
    bend: Values
    log_fall: Values
    start: Values
    span: Values
    L: Values


def components(x: Values, shape: Shape, exponent: Values, law: LawName) -> list[Array]:
    """Scores over U of `COMPONENTS` at some x."""
    line = _power if law == "saturating" else _bleu
    past = _past(x, shape)
    held = line(x - past, shape.level, shape.slope, exponent)
    fall = shape.L * jnp.exp(shape.log_fall) / shape.span
    return [
        line(x, shape.level, shape.slope, exponent),
        _power(x, shape.level, shape.slope, jnp.exp(shape.log_alpha_own)),
        held,
        held - fall * past,
    ]


def _bleu(x: Values, level: Values, slope: Values, b: Values) -> Array:
    positive = jnp.maximum(level, 1e-3)
    return bleu(x, positive, slope / positive, b)


def _power(x: Values, level: Values, slope: Values, alpha: Values) -> Array:
    return level + saturating(x, 1.0, slope, alpha) - 1


def _hierarchy(table: Table, n_covariates: int) -> tuple[Values, Array]:
    """Level and slope of each curve, around those of its task and mix."""
    n_tasks, n_mixes = len(table.centre), int(table.mix.max()) + 1
    means = []
    for name, prior_sd, between in (("level", 0.5, 0.3), ("slope", 0.1, 0.05)):
        base = jnp.asarray(table.centre) if name == "level" else 0.05
        task = numpyro.sample(
            f"{name}_task", dist.Normal(0, prior_sd).expand([n_tasks])
        )
        sd_mix = numpyro.sample(f"{name}_sd_mix", dist.HalfNormal(between))
        mix = numpyro.sample(f"{name}_mix", dist.Normal(0, 1).expand([n_mixes]))
        by = numpyro.sample(
            f"{name}_by", dist.Normal(0, between).expand([n_covariates])
        )
        of_task = (base + task)[table.task]
        means.append(of_task + sd_mix * mix[table.mix] + table.covariates @ by)
    sd_level = numpyro.sample("level_sd", dist.LogNormal(np.log(0.15), 0.5))
    sd_slope = numpyro.sample("slope_sd", dist.HalfNormal(0.05))
    with numpyro.plate("curves", len(table.task)):
        level = numpyro.sample("level_of", dist.Normal(means[0], sd_level))
        with numpyro.handlers.reparam(config={"slope_of": LocScaleReparam(0)}):
            raw = numpyro.sample("slope_of", dist.Normal(means[1], sd_slope))
    return level, SOFTNESS * jax.nn.softplus(raw / SOFTNESS)


def _exponents(law: LawName, n_curves: int) -> Array:
    """The exponent (b or alpha) of each curve, around that of all."""
    middle, width = EXPONENTS[law]
    shared = numpyro.sample("log_exponent", dist.Normal(middle, width))
    sd = numpyro.sample("log_exponent_sd", dist.HalfNormal(0.3))
    own = numpyro.sample("log_exponent_own", dist.Normal(0, 1).expand([n_curves]))
    return numpyro.deterministic("exponent", jnp.exp(shared + sd * own))


def _past(x: Values, shape: Shape) -> Array:
    """How far x lies beyond the bend, with a smooth start; 0 at the first point."""
    width = WIDTH * shape.span
    until = shape.bend * shape.span
    softplus = jax.nn.softplus
    since = (x - shape.start - until) / width
    return jnp.asarray(width * (softplus(since) - softplus(-until / width)))


def _log_density(y: Values, mean: Array, sd: Array) -> Array:
    """Normal, or with `OUTLIER` one of a larger standard deviation."""
    z = (y - mean) / sd
    common = np.log1p(-OUTLIER) - 0.5 * z**2
    rare = np.log(OUTLIER / OUTLIER_FACTOR) - 0.5 * (z / OUTLIER_FACTOR) ** 2
    return jnp.logaddexp(common, rare) - jnp.log(sd) - 0.5 * np.log(2 * np.pi)


def _log_prior(table: Table, prior: BreakPrior) -> Array:
    """Log probabilities of `COMPONENTS` for each curve."""
    log_hazard = numpyro.sample(
        "log_hazard", dist.Normal(np.log(prior.hazard), HAZARD_SD)
    )
    by_alignment = numpyro.sample("hazard_by_alignment", dist.Normal(0, SLOPE_SD))
    spread = numpyro.sample("hazard_sd", dist.HalfNormal(SPREAD_SD))
    settling = numpyro.sample("settling", dist.Beta(*settling_counts(prior)))
    u = numpyro.sample("hazard_task", dist.Normal(0, 1).expand([len(table.centre)]))
    log_rate = log_hazard + by_alignment * table.covariates[:, -1]
    log_rate = log_rate + spread * u[table.task]
    hazard = numpyro.deterministic("hazard", jnp.exp(log_rate))
    expected = hazard * table.span
    settled = jnp.log(settling / 2) - expected
    return jnp.stack(
        [
            jnp.log1p(-settling) - expected,
            settled,
            settled,
            jnp.log(-jnp.expm1(-expected)),
        ],
        axis=1,
    )
