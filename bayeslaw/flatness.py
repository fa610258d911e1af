"""How far a mixture can go before it costs a given share of the loss."""

from itertools import permutations

import numpy as np
from jaxtyping import Float

from bayeslaw.target import Target

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
