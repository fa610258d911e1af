"""Primal-dual interior point: convex objectives of mixtures between linear limits.

Many small problems of the same limits are solved side by side, one for each draw.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from bayeslaw.decisions.solvers.objectives import (
    Column,
    Curvature,
    Mixtures,
    Objective,
    longest,
)

MAX_STEPS = 120
# What a solution may lie above the optimum, for losses of about 1.
GAP = 1e-11
START_GAP = 0.1
STEP_TOLERANCE = 1e-9
# Differences of ratios are rounded to about this.
LEAST_SLACK = 1e-16


class Limits(NamedTuple):
    """Mixtures with lower <= p <= upper and weights @ p <= most, besides sum p = 1.

    Attributes:
      lower: of each ratio, at least 0.
      upper: of each ratio, at most 1.
      weights: of the ratios in each linear limit.
      most: the value each limit allows.
    """

    lower: Float[np.ndarray, " source"]
    upper: Float[np.ndarray, " source"]
    weights: Float[np.ndarray, "limit source"]
    most: Float[np.ndarray, " limit"]

    @property
    def is_capped(self) -> Bool[np.ndarray, " source"]:
        """Ratios whose upper bound says more than the sum does."""
        return self.upper < 1

    def slack(self, p: Mixtures) -> Float[np.ndarray, "batch slack"]:
        """What is left to every bound and limit."""
        over = (self.upper - p)[:, self.is_capped]
        return np.concatenate([p - self.lower, over, self.most - p @ self.weights.T], 1)

    def change(self, step: Mixtures) -> Float[np.ndarray, "batch slack"]:
        """What a step of the mixtures takes from every slack."""
        return np.concatenate(
            [-step, step[:, self.is_capped], step @ self.weights.T], 1
        )

    def pull(self, duals: Float[np.ndarray, "batch slack"]) -> Mixtures:
        """What multipliers of the slacks add to the gradient."""
        n_sources, capped = len(self.lower), self.is_capped
        n_capped = int(capped.sum())
        found = -duals[:, :n_sources]
        found[:, capped] += duals[:, n_sources : n_sources + n_capped]
        return found + duals[:, n_sources + n_capped :] @ self.weights


class Solution(NamedTuple):
    """Mixtures, and whether each met the conditions of an optimum."""

    ratios: Mixtures
    is_solved: Bool[np.ndarray, " batch"]


def minimise(objective: Objective, limits: Limits, start: Mixtures) -> Solution:
    """Mixtures that minimise a convex objective between limits.

    Args:
      objective: of as many mixtures as there are rows in `start`.
      limits: the same for all of them.
      start: mixtures strictly inside the limits, summing to 1.
    """
    p = start.copy()
    slack = limits.slack(p)
    n_pairs = slack.shape[1] + objective.n_pieces
    mu, own_gap = np.full((len(p), 1), START_GAP / n_pairs), objective.gap()
    if own_gap is not None:
        mu = own_gap / objective.n_pieces
    dual, least = mu / slack, GAP / n_pairs
    is_solved = np.zeros(len(p), bool)
    for _ in range(MAX_STEPS):
        gradient, curvature = objective.model(p, mu)
        ratio = dual / slack
        pushed = gradient + limits.pull(mu / slack)
        step = _newton_step(pushed, curvature, ratio, limits)
        change = limits.change(step)
        d_dual = mu / slack + ratio * change - dual
        own_primal, own_dual = objective.follow(step)
        # What is solved stays, while others go on.
        going = ~is_solved[:, None]
        primal = np.minimum(longest(slack, -change), own_primal) * going
        followed = np.minimum(longest(dual, d_dual), own_dual) * going
        p = p + primal * step
        slack = np.maximum(limits.slack(p), LEAST_SLACK)
        dual = dual + followed * d_dual
        objective.move(primal, followed)
        is_at_end = (mu <= least)[:, 0]
        is_solved |= is_at_end & (np.abs(step).max(1) < STEP_TOLERANCE)
        if is_solved.all():
            break
        gap, own_gap = (slack * dual).sum(1, keepdims=True), objective.gap()
        gap = gap if own_gap is None else gap + own_gap
        shrink = np.where(np.minimum(primal, followed) > 0.8, 0.03, 0.3)
        mu = np.maximum(shrink * gap / n_pairs, least)
    return Solution(p / p.sum(1, keepdims=True), is_solved)


def _newton_step(
    gradient: Mixtures,
    curvature: Curvature,
    ratio: Float[np.ndarray, "batch slack"],
    limits: Limits,
) -> Mixtures:
    """Step of the mixtures, summing to 0."""
    n_sources, capped = len(limits.lower), limits.is_capped
    n_bounds = n_sources + int(capped.sum())
    stiff = ratio[:, :n_sources].copy()
    stiff[:, capped] += ratio[:, n_sources:n_bounds]
    if curvature.ndim == 2:
        # A loss that repetition bends the other way is taken as straight.
        whole = np.maximum(curvature, 0.0) + stiff
        return _diagonal_step(gradient, whole, ratio[:, n_bounds:], limits.weights)
    # Near a vertex limits are so stiff that they would drown the rest: their forces,
    # and that of the sum, are unknowns too.
    rows = np.concatenate([limits.weights, np.ones((1, n_sources))])
    every = np.arange(n_sources)
    forces = n_sources + np.arange(len(limits.most))
    matrix = np.zeros((len(gradient),) + (n_sources + len(rows),) * 2)
    matrix[:, :n_sources, :n_sources] = curvature
    matrix[:, every, every] += stiff
    matrix[:, n_sources:, :n_sources] = rows
    matrix[:, :n_sources, n_sources:] = rows.T
    matrix[:, forces, forces] = -1 / ratio[:, n_bounds:]
    right = np.concatenate([-gradient, np.zeros((len(gradient), len(rows)))], 1)
    return np.linalg.solve(matrix, right[..., None])[:, :n_sources, 0]


def _diagonal_step(
    gradient: Mixtures,
    diagonal: Mixtures,
    ratio: Float[np.ndarray, "batch limit"],
    weights: Float[np.ndarray, "limit source"],
) -> Mixtures:
    """The same with a diagonal Hessian: one unknown for each limit and for the sum."""
    rows = np.concatenate([weights, np.ones((1, len(weights.T)))])
    inverse = 1 / diagonal
    n_rows = len(rows)
    pairs = (rows[:, None] * rows).reshape(n_rows**2, -1)
    small = (inverse @ pairs.T).reshape(-1, n_rows, n_rows)
    limit = np.arange(n_rows - 1)
    small[:, limit, limit] += 1 / ratio
    right = -(inverse * gradient) @ rows.T
    forces: Column = np.linalg.solve(small, right[..., None])[..., 0]
    return -inverse * (gradient + forces @ rows)
