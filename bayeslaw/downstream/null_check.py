"""Null check: could a curve that does not decline look like this one?"""

import numpy as np
from jaxtyping import Float

from bayeslaw.downstream.break_posterior import BreakPosterior, choose
from bayeslaw.downstream.curve_shapes import DECLINES
from bayeslaw.downstream.evidence import evidence_of_pairs, noise_nodes


def p_null(posterior: BreakPosterior, n: int = 1000, seed: int = 0) -> float:
    """Estimate how often curves that do not decline would fall as far.

    A posterior predictive check of the kinds without a decline: the share of replicated
    experiments whose mean scores fall as far below their running maximum as the given
    ones. The noise is that of the standard errors, or the spread of runs at the same
    D_p if larger, or the smallest plausible noise if neither is known.

    Args:
      posterior: posterior of the curve.
      n: number of replicated experiments.
      seed: random seed of their noise.
    """
    rng, points = np.random.default_rng(seed), posterior.points
    weight = np.exp(posterior.log_weight - posterior.log_weight[:, :1].max())
    weight[posterior.shapes.kind == DECLINES] = 0
    weight[:, 1:] = 0
    shape, noise = choose(weight, n, rng)
    shapes = posterior.shapes.select(shape)
    found = evidence_of_pairs(points, shapes, noise)
    mean = posterior.complete(shapes, found, rng).on_points()
    place = np.unique(points.t, return_inverse=True)[1]
    at_place = np.eye(place.max() + 1)[place].T
    count = at_place.sum(1)
    variance = noise_nodes(points)[0][0]
    variance = variance + max(0.0, _between(points.y, at_place) - variance.mean())
    y = mean + np.sqrt(variance) * rng.normal(size=mean.shape)
    repeated, given = y @ at_place.T / count, points.y @ at_place.T / count
    error = np.sqrt(variance @ at_place.T) / count
    fell = _deepest_fall(given[None], error) <= _deepest_fall(repeated, error)
    return float(fell.mean())


def _between(
    y: Float[np.ndarray, " point"], at_place: Float[np.ndarray, "checkpoint point"]
) -> float:
    """Variance between points of the same D_p; 0 where there are none."""
    count = at_place.sum(1)
    freedom = (count - 1).sum()
    if not freedom:
        return 0.0
    mean = (y @ at_place.T / count) @ at_place
    return float(((y - mean) ** 2).sum() / freedom)


def _deepest_fall(
    y: Float[np.ndarray, "draw checkpoint"], sd: Float[np.ndarray, " checkpoint"]
) -> Float[np.ndarray, " draw"]:
    return ((np.maximum.accumulate(y, axis=1) - y) / sd).max(1)
