"""How often curves break, estimated from all curves of a table and shared by task.

The rate at which curve i of task j begins to decline, per unit of log D_p, is

  log hazard_i = mu + slope (alignment_i - mean alignment) + spread u_j,  u_j ~ N(0, 1)

and a curve that does not decline settles with probability rho. Given the evidence of
the kinds for each curve, these numbers have a posterior of few dimensions. It is summed
over grids of quantiles of their priors, and over u_j task by task, without a sampler.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import stats
from scipy.special import logsumexp

from bayeslaw.downstream.break_posterior import USUAL_PRIOR, BreakPosterior, BreakPrior

# Priors, each with the number of equally likely values of its grid. Those of mu and
# rho lie about the rate and the probability of `BreakPrior`: the sd of the one, and how
# many curves the other is worth.
HAZARD_SD, HAZARD_VALUES = 1.0, 11
SETTLING_CURVES, SETTLING_VALUES = 10, 5
SLOPE_SD, SLOPE_VALUES = 1.0, 7  # of log hazard, a unit of alignment
SPREAD_SD, SPREAD_VALUES = 0.7, 4  # of log hazard between tasks
# Nodes and weights of u_j (Gauss and Hermite).
U, _weights = np.polynomial.hermite_e.hermegauss(9)
U_WEIGHT = _weights / _weights.sum()


@dataclass(frozen=True)
class Shared:
    """Break rates estimated from all curves of a table.

    Attributes:
      kinds: posterior probabilities of `KINDS` for each curve.
      hazard: posterior mean of each curve's rate, for what comes after its last point.
      settling: posterior mean of the probability to settle.
      alignment_slope: mean and sd of the slope of log hazard by alignment.
    """

    kinds: Float[np.ndarray, "curve kind"]
    hazard: Float[np.ndarray, " curve"]
    settling: float
    alignment_slope: tuple[float, float]


def share(
    curves: Sequence[BreakPosterior],
    tasks: Sequence[str],
    alignment: Float[np.ndarray, " curve"] | None = None,
    prior: BreakPrior = USUAL_PRIOR,
) -> Shared:
    """Estimate the break rate from all curves together.

    Args:
      curves: posterior of each curve alone; its own prior of kinds is not used.
      tasks: the task of each.
      alignment: alignment score of each; NaN is replaced by the mean.
      prior: prior of breaks.
    """
    grid = (
        _nodes(stats.norm(np.log(prior.hazard), HAZARD_SD), HAZARD_VALUES),
        _nodes(stats.norm(0, SLOPE_SD), SLOPE_VALUES),
        _nodes(stats.halfnorm(0, SPREAD_SD), SPREAD_VALUES),
    )
    rhos = _nodes(stats.beta(*settling_counts(prior)), SETTLING_VALUES)
    span = np.array([curve.span for curve in curves])
    log_z = np.array([curve.log_evidence for curve in curves])
    hazards = np.array(list(product(*grid)))
    score = np.zeros(len(curves)) if alignment is None else centred(alignment)
    hazard = _hazards(hazards, score)  # (hyper, curve, u)
    is_task = np.array(
        [[task == name for task in tasks] for name in sorted(set(tasks))]
    )
    parts = [
        _given_settling(rho, hazard, span, log_z, is_task.astype(float)) for rho in rhos
    ]
    total = np.array([part.log_total for part in parts])  # (settling, hyper)
    weight = np.exp(total - logsumexp(total))
    kinds = sum(
        np.tensordot(w, part.kinds, 1) for w, part in zip(weight, parts, strict=True)
    )
    rate = sum(
        np.tensordot(w, part.hazard, 1) for w, part in zip(weight, parts, strict=True)
    )
    slope = hazards[:, 1]
    mean = float(weight.sum(0) @ slope)
    sd = float(np.sqrt(weight.sum(0) @ (slope - mean) ** 2))
    settling = float(weight.sum(1) @ rhos)
    return Shared(np.asarray(kinds), np.asarray(rate), settling, (mean, sd))


@dataclass(frozen=True)
class _Part:
    """The posterior given how probable it is to settle."""

    log_total: Float[np.ndarray, " hyper"]  # log evidence of all curves
    kinds: Float[np.ndarray, "hyper curve kind"]
    hazard: Float[np.ndarray, "hyper curve"]


def settling_counts(prior: BreakPrior) -> tuple[float, float]:
    """Parameters of the Beta distribution of the probability to settle."""
    settled = prior.settling * SETTLING_CURVES
    return settled, SETTLING_CURVES - settled


def centred(values: np.ndarray) -> np.ndarray:
    """Differences from the mean of the known values; 0 where a value is unknown."""
    known = ~np.isnan(values)
    mean = np.where(known, values, 0.0).sum(0) / np.maximum(known.sum(0), 1)
    return np.where(known, values - mean, 0.0)


def _hazards(
    hyper: Float[np.ndarray, "hyper 3"], alignment: Float[np.ndarray, " curve"]
) -> Float[np.ndarray, "hyper curve u"]:
    mu, slope, spread = (column[:, None, None] for column in hyper.T)
    return np.exp(mu + slope * alignment[None, :, None] + spread * U[None, None])


def _given_settling(
    rho: float,
    hazard: Float[np.ndarray, "hyper curve u"],
    span: Float[np.ndarray, " curve"],
    log_z: Float[np.ndarray, "curve kind"],
    is_task: Float[np.ndarray, "task curve"],
) -> _Part:
    """Sum over u of every task; curves of a task share it."""
    expected = hazard * span[:, None]
    log_stays = np.logaddexp(np.log1p(-rho) + log_z[:, 0], np.log(rho) + log_z[:, 1])
    log_broken = np.log(-np.expm1(-expected)) + log_z[:, 2, None]
    log_curve = np.logaddexp(log_stays[:, None] - expected, log_broken)
    log_task = np.einsum("tc,hcu->htu", is_task, log_curve) + np.log(U_WEIGHT)
    log_total = logsumexp(log_task, axis=2)
    of_u = np.exp(log_task - log_total[:, :, None])
    of_curve = np.einsum("tc,htu->hcu", is_task, of_u)
    p_broken = (of_curve * np.exp(log_broken - log_curve)).sum(2)
    settled = np.exp(np.log(rho) + log_z[:, 1] - log_stays)
    kinds = np.stack(
        [(1 - p_broken) * (1 - settled), (1 - p_broken) * settled, p_broken], axis=-1
    )
    return _Part(log_total.sum(1), kinds, (of_curve * hazard).sum(2))


def _nodes(distribution: Any, n: int) -> Float[np.ndarray, " node"]:
    """Medians of equally likely parts of a distribution."""
    return np.asarray(distribution.ppf((np.arange(n) + 0.5) / n))
