"""Best mixtures under bounds, where a family's loss depends on its own ratio alone.

At the optimum all families between their bounds share a level: of the marginal gain
-dL_i/dp_i where the sum of losses counts, of the loss itself where the worst one does.
Either is a decreasing function h_i of x_i = log p_i, and one number decides all ratios.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from bayeslaw.decisions.solvers.weighted_losses import Losses

MAX_STEPS = 100
TOLERANCE = 1e-12
# Draws at a time: arrays of so many values stay in the processor's cache.
CACHED_VALUES = 32_768
BISECTIONS = 20
TINY = 1e-100

Ratios = Float[np.ndarray, "draw family"]
Bounds = Float[np.ndarray, "#draw family"]
# Level and its derivative, (draw, family) each, at log ratios.
Level = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def fill(s: Ratios, k: Ratios, lower: Bounds, upper: Bounds) -> Ratios:
    """Ratios with log p_i = (s_i - u) / k_i between bounds, u so that they sum to 1.

    Newton on the log of the sum, which is convex and decreasing in u without bounds; a
    bracket holds it where bounds bend it.

    Args:
      s: intercepts of the levels.
      k: minus their slopes, positive.
      lower: of each ratio, at least 0, the sum at most 1.
      upper: of each ratio, at most 1, the sum at least 1.
    """
    if np.all(lower <= 0) and np.all(upper >= 1):
        return _fill_free(s, 1 / k)
    return _fill_between(s, k, lower, upper)


def _fill_free(s: Ratios, inverse: Ratios) -> Ratios:
    # No ratio exceeds 1 at max(s), and their sum is not below 1: Newton from there
    # never overshoots.
    u = s.max(-1, keepdims=True)
    for _ in range(MAX_STEPS):
        p = np.exp((s - u) * inverse)
        total = p.sum(-1, keepdims=True)
        excess = np.log(total)
        if np.abs(excess).max() < TOLERANCE:
            return p / total
        u = u + excess * total / (p * inverse).sum(-1, keepdims=True)
    raise RuntimeError("ratios did not converge; exponents out of range?")


def _fill_between(s: Ratios, k: Ratios, lower: Bounds, upper: Bounds) -> Ratios:
    inverse = 1 / k
    # All ratios at their upper bounds, and all below their share of what is left over.
    left = (s - k * np.log(upper)).min(-1, keepdims=True)
    spread = lower + (1 - lower.sum(-1, keepdims=True)) / s.shape[1]
    right = (s - k * np.log(np.maximum(spread, TINY))).max(-1, keepdims=True)
    u = np.clip(s.max(-1, keepdims=True), left, right)
    for step in range(MAX_STEPS):
        p = np.exp(np.minimum((s - u) * inverse, 0.0))
        p = np.minimum(np.maximum(p, lower), upper)
        total = p.sum(-1, keepdims=True)
        excess = np.log(total)
        is_open = (p > lower) & (p < upper)
        left, right = np.where(excess >= 0, u, left), np.where(excess > 0, right, u)
        is_done = (np.abs(excess) < TOLERANCE) | (right - left <= 1e-15 * np.abs(u))
        if is_done.all():
            return _summing_to_one(p, is_open)
        slope = (p * inverse * is_open).sum(-1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = u + excess * total / slope
        is_inside = (newton > left) & (newton < right) & (step % 8 < 7)
        u = np.where(is_done, u, np.where(is_inside, newton, (left + right) / 2))
    raise RuntimeError("ratios between bounds did not converge; bounds out of range?")


def _summing_to_one(p: Ratios, is_open: np.ndarray) -> Ratios:
    """The last rounding goes to the ratios between their bounds."""
    open_sum = (p * is_open).sum(-1, keepdims=True)
    held = (p * ~is_open).sum(-1, keepdims=True)
    factor = np.where(open_sum > 0, (1 - held) / np.where(open_sum > 0, open_sum, 1), 1)
    return np.where(is_open, p * factor, p)


def level(of: Level, start: Ratios, lower: Bounds, upper: Bounds) -> Ratios:
    """Ratios at which decreasing levels agree, by Newton in the log ratios.

    Every step solves `fill` for straight levels that touch the curved ones.

    Raises:
      RuntimeError: it does not converge.
    """
    p = start
    for _ in range(MAX_STEPS):
        x = np.log(p)
        height, slope = of(x)
        new = fill(height - slope * x, -slope, lower, upper)
        step = np.abs(new - p).max()
        p = new
        if step < TOLERANCE:
            return p
    raise RuntimeError("levels did not converge; exponents out of range?")


def sum_per_draw(losses: Losses, lower: Bounds, upper: Bounds) -> Ratios:
    """The mixture of each draw with the least sum of losses."""
    return _by_parts(_least_sums, losses, lower, upper)


def worst_per_draw(losses: Losses, lower: Bounds, upper: Bounds) -> Ratios:
    """The mixture of each draw with the least worst loss of a family.

    Where bounds hold the worst family, the others' losses are water-filled among them.
    """
    return _by_parts(_least_worst, losses, lower, upper)


def _by_parts(
    solve: Callable[[Losses, Bounds, Bounds], Ratios],
    losses: Losses,
    lower: Bounds,
    upper: Bounds,
) -> Ratios:
    found = np.empty_like(losses.a)
    size = max(1, CACHED_VALUES // losses.n_sources)
    for start in range(0, len(losses), size):
        part = slice(start, start + size)
        bounds = (bound if len(bound) == 1 else bound[part] for bound in (lower, upper))
        found[part] = solve(losses.take(part), *bounds)
    return found


def _least_sums(losses: Losses, lower: Bounds, upper: Bounds) -> Ratios:
    def gain(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _, slope, bend = losses.moving(x)
        return _log_gain(x, slope, bend)

    start = fill(np.log(losses.a * losses.g), 1 + losses.g, lower, upper)
    return start if losses.repetition is None else level(gain, start, lower, upper)


def _log_gain(
    x: np.ndarray, slope: np.ndarray, bend: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log of the marginal gain -dL/dp and its derivative by x = log p.

    A family that more text harms at its least ratio stays there: its gain is tiny.
    """
    falls = slope < 0
    fall = np.where(falls, -slope, TINY)
    return np.log(fall) - x, np.where(falls, -bend / fall, 0.0) - 1


def _least_worst(losses: Losses, lower: Bounds, upper: Bounds) -> Ratios:
    def height(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moving, slope, _ = losses.moving(x)
        total = losses.floor + moving
        return np.log(total), slope / total

    start = fill(np.log(losses.a), losses.g, lower, upper)
    is_power = losses.repetition is None and not losses.floor.any()
    return start if is_power else level(height, start, lower, upper)


def sum_in_expectation(losses: Losses, lower: Bounds, upper: Bounds) -> Ratios:
    """The one mixture with the least sum of losses averaged over draws, one row."""

    def gain(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _, slope, bend = losses.moving(x)
        return _log_gain(x, slope.mean(0, keepdims=True), bend.mean(0, keepdims=True))

    a = np.exp(np.log(losses.a).mean(0, keepdims=True))
    g = np.exp(np.log(losses.g).mean(0, keepdims=True))
    start = fill(np.log(a * g), 1 + g, lower, upper)
    return level(gain, start, lower, upper)


def useful_upper(losses: Losses, upper: Bounds, *, together: bool) -> Bounds:
    """Upper bounds no higher than the ratio beyond which more text would harm.

    Only repetition can do that. The end is found by bisection between a ratio of one
    epoch and the bound; the loss is flat there, so that a rough end does.

    Args:
      losses: without transfer.
      upper: of each ratio.
      together: for the mean over draws instead of each draw.
    """
    if losses.repetition is None:
        return upper

    def slope(some: Losses, x: np.ndarray) -> np.ndarray:
        slope = some.moving(x)[1]
        return slope.mean(0, keepdims=True) if together else slope

    shape = (1 if together else len(losses), losses.n_sources)
    found = np.broadcast_to(upper, shape).copy()
    is_harmful = slope(losses, np.log(found)) >= 0
    if not is_harmful.any():
        return upper
    if together:
        pick: Any = (slice(None), is_harmful[0])
        some = losses.take(pick)
    else:
        pick = is_harmful
        some = losses.take((is_harmful.nonzero()[0], is_harmful.nonzero()[1], None))
    assert some.repetition is not None
    end = np.log(found[pick] if together else found[pick][:, None])
    low = np.minimum(-np.log(some.repetition.epochs[: len(end)]), end)
    for _ in range(BISECTIONS):
        middle = (low + end) / 2
        beyond = slope(some, middle) >= 0
        low, end = np.where(beyond, low, middle), np.where(beyond, middle, end)
    found[pick] = np.exp(low) if together else np.exp(low)[:, 0]
    return found
