"""How often curves break, learnt from all curves of a table and shared by task.

The rate at which curve i of task j begins to decline, a unit of log D_p, is

  log hazard_i = mu + slope (alignment_i - mean alignment) + spread * u_j,   u_j ~ N(0, 1)

and a curve that does not decline settles with probability rho. Given the evidence of the
kinds for each curve, these five numbers have a posterior in few dimensions: it is summed
over grids of quantiles of their priors, and over u_j task by task, without a sampler.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float
from scipy import stats
from scipy.special import logsumexp

from bayeslaw.breaks.probability import BreakPosterior, kind_priors

# Priors, each as its distribution and the number of its equally likely values.
LOG_HAZARD = (stats.norm(np.log(0.03), 1.0), 11)
SLOPE = (stats.norm(0, 1.0), 7)  # of log hazard, a unit of alignment
SPREAD = (stats.halfnorm(0, 0.7), 4)  # of log hazard between tasks
SETTLING = (stats.beta(4.5, 5.5), 5)
N_TASK = 9  # nodes of u_j


@dataclass(frozen=True)
class Shared:
    """What all curves of a table say of breaks.

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
) -> Shared:
    """Posterior of breaks in all curves together.

    Args:
      curves: posterior of each alone; what their own prior of kinds was has no part.
      tasks: the task of each.
      alignment: alignment score of each; NaN counts as the mean.
    """
    span = np.array([curve.span for curve in curves])
    log_z = np.array([curve.log_evidence for curve in curves])  # (curve, kind)
    score = np.zeros(len(curves)) if alignment is None else np.asarray(alignment)
    known = ~np.isnan(score)
    centred = np.where(known, score - (score[known].mean() if known.any() else 0), 0)
    of_task = np.array([sorted(set(tasks)).index(task) for task in tasks])
    u, weight_u = _normal_nodes(N_TASK)
    total, parts = [], []
    hyper = list(product(*map(_nodes, (LOG_HAZARD, SLOPE, SPREAD, SETTLING))))
    for mu, slope, spread, rho in hyper:
        log_hazard = mu + slope * centred[:, None] + spread * u[None]  # (curve, u)
        hazard = np.exp(log_hazard)
        prior = kind_priors(hazard * span[:, None], rho)  # (curve, u, kind)
        joint = np.log(prior) + log_z[:, None]
        curve_log = logsumexp(joint, axis=2)  # (curve, u)
        task_log = np.zeros((of_task.max() + 1, len(u)))
        np.add.at(task_log, of_task, curve_log)
        task_log += np.log(weight_u)
        task_total = logsumexp(task_log, axis=1)
        total.append(task_total.sum())
        share_u = np.exp(task_log - task_total[:, None])[of_task]  # (curve, u)
        kinds = np.exp(joint - curve_log[:, :, None])
        parts.append(
            (
                (share_u[:, :, None] * kinds).sum(1),
                (share_u * hazard).sum(1),
            )
        )
    weight = np.exp(np.array(total) - logsumexp(total))
    kinds, hazard = (
        np.tensordot(weight, np.array([part[k] for part in parts]), 1) for k in (0, 1)
    )
    slopes = np.array([node[1] for node in hyper])
    mean = weight @ slopes
    sd = float(np.sqrt(weight @ (slopes - mean) ** 2))
    settling = float(weight @ np.array([node[3] for node in hyper]))
    return Shared(kinds, hazard, settling, (float(mean), sd))


def _nodes(prior: tuple) -> np.ndarray:
    """Middles of equally likely parts of a distribution."""
    distribution, n = prior
    return distribution.ppf((np.arange(n) + 0.5) / n)


def _normal_nodes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of a standard Normal distribution (Gauss and Hermite)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    return nodes, weights / weights.sum()
