"""Evidence of every shape for one curve, in closed form.

Given a shape and the noise, a score is Normal around level + scale * rise - L * fall,
linear in level and scale. Their prior is Normal and half Normal, so their integral is
known; over shapes and noise it is a sum. There is no optimiser and no sampler.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy.special import log_ndtr, logsumexp
from threadpoolctl import ThreadpoolController

from bayeslaw.downstream.curve_shapes import Shapes

# Prior of the level: Normal around the curve's mean, of this sd over L; of the scale:
# half Normal. Both are wide and the same for all shapes.
LEVEL_SD, SCALE_SD = 2.0, 1.0
# Noise beyond the given standard errors, over L, and how likely each is.
DISCREPANCY = {0.0: 2, 0.01: 2, 0.02: 2, 0.04: 1.5, 0.08: 1, 0.16: 0.5}
# The same where no standard errors are given: some noise there must be.
DISCREPANCY_ALONE = {0.003: 1, 0.01: 2, 0.02: 2, 0.04: 1.5, 0.08: 1, 0.16: 0.5}
# Each point is an outlier with this probability, and then has its standard deviation
# times this factor; one of a curve at most, so that there are few cases to sum over.
OUTLIER, OUTLIER_FACTOR = 0.03, 6.0


@dataclass(frozen=True)
class Points:
    """The points of one curve; larger scores are better.

    Attributes:
      t: log D_p, 0 at the first point and 1 at the last.
      y: score.
      se: its standard error; NaN where not given.
      L: size of a score, what all priors are relative to.
    """

    t: Float[np.ndarray, " point"]
    y: Float[np.ndarray, " point"]
    se: Float[np.ndarray, " point"]
    L: float


@dataclass(frozen=True)
class Evidence:
    """Evidence of each shape and noise, and level and scale given both.

    Attributes:
      log_z: log of the integral over level and scale times the prior of the noise.
      mean: posterior means of level and scale before the scale is restricted to > 0.
      covariance: their variances and covariance.
    """

    log_z: Float[np.ndarray, "shape noise"]
    mean: tuple[Float[np.ndarray, "shape noise"], ...]
    covariance: tuple[Float[np.ndarray, "shape noise"], ...]

    def select(self, chosen: np.ndarray) -> "Evidence":
        """Select shapes by number; the order and repetitions of `numbers` are kept."""
        return Evidence(
            self.log_z[chosen],
            tuple(part[chosen] for part in self.mean),
            tuple(part[chosen] for part in self.covariance),
        )

    @cached_property
    def by_shape(self) -> Float[np.ndarray, " shape"]:
        """Log evidence of each shape, the noise summed over."""
        return logsumexp(self.log_z, axis=1)


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def noise_nodes(
    points: Points,
) -> tuple[Float[np.ndarray, "noise point"], Float[np.ndarray, " noise"]]:
    """Variance of each point for each noise, and the log prior of that noise."""
    n = len(points.y)
    is_given = ~np.isnan(points.se)
    table = DISCREPANCY if is_given.all() else DISCREPANCY_ALONE
    share, weight = (np.array(list(part)) for part in (table, table.values()))
    own = np.where(is_given, points.se, 0.0) ** 2
    variance_SxP = own[None] + (share[:, None] * points.L) ** 2
    factor_KxP = np.vstack([np.ones(n), np.where(np.eye(n), OUTLIER_FACTOR**2, 1.0)])
    log_outlier_K = np.log([1 - OUTLIER, *n * [OUTLIER]])
    log_outlier_K -= logsumexp(log_outlier_K)
    variance = (variance_SxP[:, None] * factor_KxP[None]).reshape(-1, n)
    log_prior = np.log(weight / weight.sum())[:, None] + log_outlier_K[None]
    return variance, log_prior.ravel()


def evidence(points: Points, shapes: Shapes) -> Evidence:
    """Compute the evidence of every shape, and level and scale given each.

    With weights w the posterior precision of (level, scale) is a 2 x 2 matrix; the
    share of its Normal distribution above scale 0 closes the integral.
    """
    variance, log_prior = noise_nodes(points)
    # More threads would wait for each other longer than such matrices take.
    with _libraries().limit(limits=1, user_api="blas"):
        found = _integrate(points, shapes, 1 / variance, lambda a, w: a @ w.T)
    return replace(found, log_z=found.log_z + log_prior)


def evidence_of_pairs(
    points: Points, shapes: Shapes, noise: Int[np.ndarray, " shape"]
) -> Evidence:
    """Compute the evidence of each shape with one noise of its own; one column."""
    variance, log_prior = noise_nodes(points)
    weight = 1 / variance[noise]
    found = _integrate(
        points, shapes, weight, lambda a, w: (a * w).sum(-1, keepdims=True)
    )
    return replace(found, log_z=found.log_z + log_prior[noise, None])


def _integrate(
    points: Points,
    shapes: Shapes,
    weight: Float[np.ndarray, "noise point"],
    add: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Evidence:
    """Integrals over level and scale.

    Args:
      points: the curve.
      shapes: the shapes.
      weight: inverse variances.
      add: sums a function of the points, (shape, point), with weights, over the points.
    """
    L, y, centre = points.L, points.y, points.y.mean()
    rise, gone = shapes.rise(points.t), shapes.fall(points.t)
    target = y[None] + L * gone  # (shape, point): what level and scale must explain
    level_precision, scale_precision = (LEVEL_SD * L) ** -2, (SCALE_SD * L) ** -2
    p11 = add(np.ones_like(rise), weight) + level_precision
    p12 = add(rise, weight)
    p22 = add(rise**2, weight) + scale_precision
    v1 = add(target, weight) + level_precision * centre
    v2 = add(rise * target, weight)
    log_weight = add(np.ones_like(rise), np.log(weight / (2 * np.pi)))
    det = p11 * p22 - p12**2
    level, scale = (p22 * v1 - p12 * v2) / det, (p11 * v2 - p12 * v1) / det
    left = add(target**2, weight) - level * v1 - scale * v2
    left += level_precision * centre**2
    log_z = (
        0.5 * log_weight
        + 0.5 * np.log(level_precision * scale_precision / det)
        - 0.5 * left
        + np.log(2)
        + log_ndtr(scale / np.sqrt(p11 / det))
    )
    return Evidence(log_z, (level, scale), (p22 / det, -p12 / det, p11 / det))
