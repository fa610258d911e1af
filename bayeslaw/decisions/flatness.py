"""How far a mixture can go before it costs a given share of the loss."""

from itertools import permutations

import numpy as np
from jaxtyping import Float

from bayeslaw.decisions.solvers import fill
from bayeslaw.decisions.target import Target

# Shares below count as this where logs are taken; transfer may leave a source without.
SMALLEST = 1e-9
N_STEPS = 30  # bisections: a ratio is found to 1e-9
N_DIRECTIONS = 72  # of the boundary of three families, every five degrees


def flat_radius(
    target: Target, action: Float[np.ndarray, " family"], tolerance: float
) -> float:
    """Share of all tokens that can be moved anyhow and cost less than the tolerance.

    The expected loss is convex, so among all mixtures that move a share r of the tokens
    (total variation r) the worst moves all of it from one family to one other: if each
    of these pairs costs less than the tolerance at r, every mixture within r does.

    Args:
      target: the target run.
      action: the mixture to start from, which minimises the expected loss.
      tolerance: share of the expected loss that counts as no difference.

    Returns:
      r; at most the smallest share, which could be moved altogether.
    """
    limit = target.loss(action).mean() * (1 + tolerance)

    def is_flat(to: int, source: int, moved: float) -> bool:
        ratios = action.copy()
        ratios[to] += moved
        ratios[source] -= moved
        return bool(target.loss(ratios).mean() <= limit)

    radius = float(action.min()) * (1 - 1e-9)
    for to, source in permutations(range(len(action)), 2):
        # Most pairs are flat up to the worst of those before: one loss each.
        if is_flat(to, source, radius):
            continue
        low, high = 0.0, radius
        for _ in range(N_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if is_flat(to, source, middle) else (low, middle)
        radius = low
    return radius


def flat_boundary(
    target: Target, action: Float[np.ndarray, " 3"], tolerance: float
) -> Float[np.ndarray, "point 3"]:
    """Mixtures of three families around the action that cost just the tolerance.

    Args:
      target: the target run.
      action: the mixture that minimises the expected loss.
      tolerance: share of the expected loss that counts as no difference.

    Returns:
      corners of the region in which every mixture costs less, in order around it.
    """
    limit = target.loss(action).mean() * (1 + tolerance)
    # Two directions at right angles to each other and to the line of equal ratios.
    axes = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])
    angles = 2 * np.pi * np.arange(N_DIRECTIONS) / N_DIRECTIONS
    points = []
    for direction in np.stack([np.cos(angles), np.sin(angles)], -1) @ axes:
        falls = direction < 0
        low, high = 0.0, float((action[falls] / -direction[falls]).min()) * (1 - 1e-9)
        for _ in range(N_STEPS):
            middle = (low + high) / 2
            is_flat = target.loss(action + middle * direction).mean() <= limit
            low, high = (middle, high) if is_flat else (low, middle)
        points.append(action + low * direction)
    return np.array(points)


def flat_end(
    target: Target, action: np.ndarray, sign: float, tolerance: float
) -> Float[np.ndarray, " source"]:
    """How far each share can move alone before it costs the tolerance.

    The other shares keep their proportions, as far as their bounds let them; the end is
    found by bisection on log odds.
    """
    limit = target.risk(action) * (1 + tolerance)
    ends = np.ones(len(action))
    if len(action) == 1:
        return ends
    for i, share in enumerate(np.maximum(action, SMALLEST)):
        log_odds = np.log(share / (1 - share))
        low, high = 0.0, 20.0
        for _ in range(40):
            middle = (low + high) / 2
            moved = 1 / (1 + np.exp(-(log_odds + sign * middle)))
            ratios = _moved(target, action, i, moved)
            is_inside = ratios is not None and target.risk(ratios) <= limit
            low, high = (middle, high) if is_inside else (low, middle)
        ends[i] = 1 / (1 + np.exp(-(log_odds + sign * low)))
    return ends


def _moved(
    target: Target, action: np.ndarray, i: int, share: float
) -> np.ndarray | None:
    """The mixture with another share of one source; None if no such is allowed."""
    lower, upper, weights, most = target.feasible.limits
    others = np.arange(len(action)) != i
    low, high = lower[others], upper[others]
    rest = 1 - share
    if not (lower[i] <= share <= upper[i] and low.sum() <= rest <= high.sum()):
        return None
    ratios = np.empty_like(action)
    ratios[i] = share
    s = np.log(np.maximum(action[others], SMALLEST))[None]
    bounds = (low[None] / rest, np.minimum(high[None] / rest, 1.0))
    ratios[others] = rest * fill(s, np.ones_like(s), *bounds)[0]
    return ratios if (weights @ ratios <= most + 1e-9).all() else None
