"""Best mixture of each draw under linear limits, by their multipliers.

At the optimum the marginal gain of a family between its bounds is
a_i g_i p_i^-(g_i + 1) = c_i = u + sum_r v_r A_ri, with a multiplier u of the sum and
one v_r >= 0 of every limit. The few multipliers are found by Newton; what it misses is
left to the interior point.
"""

import numpy as np

from bayeslaw.decisions.solvers.interior import Limits, Solution
from bayeslaw.decisions.solvers.weighted_losses import Losses

MAX_STEPS = 40
TOLERANCE = 1e-11
# No marginal gain falls below this share of itself in one step.
LEAST_SHARE = 0.2


def sum_per_draw(losses: Losses, limits: Limits, start: np.ndarray) -> Solution:
    """Mixtures of least sum of losses under linear limits, and whether each was found.

    Args:
      losses: powers of each family's own ratio, no repetition.
      limits: with linear limits.
      start: best mixtures without these. Shape (draw, family).
    """
    lower, upper, weights, most = limits
    n_limits = len(most)
    rows = np.concatenate([np.ones((1, len(lower))), weights])
    ends = np.append(1.0, most)
    power = 1 / (1 + losses.g)
    s = np.log(losses.a * losses.g) * power
    is_open = (start > lower) & (start < upper)
    gain = np.exp((s - np.log(start)) / power) * is_open
    duals = np.zeros((len(start), 1 + n_limits))
    duals[:, 0] = gain.max(1)
    found, is_solved = start.copy(), np.zeros(len(start), bool)
    left = np.flatnonzero(duals[:, 0] > 0)
    for _ in range(MAX_STEPS):
        own = duals[left]
        c = own @ rows
        with np.errstate(divide="ignore", invalid="ignore"):
            log_p = s[left] - np.log(c) * power[left]
        # A gain at or below 0 asks for all that is allowed.
        p = np.where(c > 0, np.exp(np.minimum(log_p, 0.0)), np.inf)
        p = np.minimum(np.maximum(p, lower), upper)
        excess = p @ rows.T - ends
        is_active = (own > 0) | (excess > 0)
        is_active[:, 0] = True
        done = (np.abs(excess) * is_active).max(1) < TOLERANCE
        found[left[done]], is_solved[left[done]] = p[done], True
        if done.all():
            break
        go = ~done
        left, own, p, c = left[go], own[go], p[go], c[go]
        excess, is_active = excess[go], is_active[go]
        is_open = (p > lower) & (p < upper)
        slope = np.where(is_open, p * power[left] / np.where(is_open, c, 1.0), 0.0)
        step = _step(slope, rows, excess, is_active)
        change = step @ rows
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(is_open & (change < 0), (LEAST_SHARE - 1) * c / change, 1.0)
        own = own + np.minimum(room.min(1, keepdims=True), 1.0) * step
        own[:, 1:] = np.maximum(own[:, 1:], 0.0)
        duals[left] = own
    return Solution(found, is_solved)


def _step(
    slope: np.ndarray, rows: np.ndarray, excess: np.ndarray, is_active: np.ndarray
) -> np.ndarray:
    """Newton step of the multipliers in use, 0 for the others; (draw, row)."""
    n_rows = len(rows)
    pairs = (rows[:, None] * rows).reshape(n_rows**2, -1).T
    matrix = (slope @ pairs).reshape(-1, n_rows, n_rows)
    both = is_active[:, :, None] & is_active[:, None, :]
    matrix = np.where(both, matrix, 0.0)
    diagonal = np.arange(n_rows)
    # Rows out of use, and a trace of stiffness where too few families are open.
    own_slope = matrix[:, diagonal, diagonal]
    trace = 1e-10 * own_slope.max(1, keepdims=True) + 1e-12
    matrix[:, diagonal, diagonal] += np.where(is_active, trace, 1.0)
    right = np.where(is_active, excess, 0.0)[..., None]
    return np.linalg.solve(matrix, right)[..., 0]
