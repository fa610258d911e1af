"""The best mixture of every draw, and the one that is best over all draws."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float
from threadpoolctl import ThreadpoolController

from bayeslaw.decisions.solvers import linear, water_filling
from bayeslaw.decisions.solvers.feasibility import inside
from bayeslaw.decisions.solvers.interior import Limits, Solution, minimise
from bayeslaw.decisions.solvers.objectives import (
    Objective,
    Sum,
    Tail,
    Worst,
    WorstOverDraws,
    parts_of,
)
from bayeslaw.decisions.solvers.weighted_losses import Losses, Repetition

Risk = Literal["expected", "minimax", "cvar"]
# Second derivatives of a convex loss may be so far below 0 by rounding.
ROUNDING = 1e-9
# Values of one chunk of draws, so that they stay in the processor's cache.
CACHED_VALUES = 65_536


def best_per_draw(losses: Losses, limits: Limits, risk: Risk = "expected") -> Solution:
    """The mixture of each draw with the least loss between limits.

    Args:
      losses: weighted losses of the families.
      limits: what mixtures are allowed; at least one is.
      risk: "minimax" for the worst loss of a family, else the sum. The tail of one
        draw is the draw.

    Returns:
      mixtures (draw, source), and whether each was found to be optimal.

    Example:
      >>> free = no_limits(5)
      >>> best_per_draw(Losses(0 * a, a, g), free).ratios.sum(-1)
    """
    is_worst = risk == "minimax"
    if losses.transfer is not None or (is_worst and len(limits.most)):
        return _interior_per_draw(losses, limits, is_worst)
    lower, upper = limits.lower[None], limits.upper[None]
    useful = np.maximum(_useful_upper(losses, upper), lower)
    is_fed = useful.sum(-1) >= 1
    solve = water_filling.worst_per_draw if is_worst else water_filling.sum_per_draw
    if is_fed.all():
        ratios = solve(losses, lower, useful)
    else:
        # Text beyond its use must go somewhere: no draw of these is called solved.
        ratios = water_filling.fill(np.log(useful), np.ones_like(useful), lower, upper)
        ratios[is_fed] = solve(losses.take(is_fed), lower, useful[is_fed])
    is_solved = np.broadcast_to(is_fed, len(losses)).copy()
    if not is_worst:
        # Water-filling is right for falling losses even where they are not convex.
        is_solved &= is_convex(losses, ratios)
    beyond = (ratios @ limits.weights.T > limits.most + 1e-12).any(-1)
    if beyond.any():
        ratios[beyond], is_solved[beyond] = _limited_per_draw(
            losses.take(beyond), limits, ratios[beyond]
        )
    return Solution(ratios, is_solved)


def _useful_upper(
    losses: Losses, upper: Float[np.ndarray, "1 family"]
) -> Float[np.ndarray, "#draw family"]:
    if losses.repetition is None:
        return upper
    found = np.empty_like(losses.a)
    for part in parts_of(losses):
        found[part] = water_filling.useful_upper(
            losses.take(part), upper, together=False
        )
    return found


def _limited_per_draw(
    losses: Losses, limits: Limits, start: Float[np.ndarray, "draw source"]
) -> Solution:
    """Least sums of draws that break a linear limit without it."""
    if losses.repetition is not None:
        return _interior_per_draw(losses, limits, is_worst=False)
    n_chunk = max(1, CACHED_VALUES // start.shape[1])
    with _one_thread():
        parts = [
            linear.sum_per_draw(
                losses.take(slice(first, first + n_chunk)),
                limits,
                start[first : first + n_chunk],
            )
            for first in range(0, len(start), n_chunk)
        ]
    ratios, is_solved = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    if not is_solved.all():
        missed = ~is_solved
        inner = _interior_per_draw(losses.take(missed), limits, is_worst=False)
        ratios[missed], is_solved[missed] = inner
    return Solution(ratios, is_solved)


def best_mixture(
    losses: Losses, limits: Limits, risk: Risk = "expected", share: float = 0.1
) -> Solution:
    """The one mixture with the least risk over draws between limits (Bayes action).

    Args:
      losses: weighted losses of the families.
      limits: what mixtures are allowed; at least one is.
      risk: "expected" for the mean of the sum of losses, "minimax" for the mean of the
        worst loss of a family, "cvar" for the mean sum over the worst share of draws.
      share: that share, in (0, 1].

    Returns:
      one mixture (1, source), and whether it meets the first conditions of an optimum;
      they are enough where `is_convex`.
    """
    lower, upper = limits.lower[None], limits.upper[None]
    if losses.transfer is None and not len(limits.most) and risk == "expected":
        useful = water_filling.useful_upper(losses, upper, together=True)
        useful = np.maximum(useful, lower)
        if useful.sum() >= 1:
            ratios = water_filling.sum_in_expectation(losses, lower, useful)
            return Solution(ratios, np.ones(1, bool))
    start, inner = inside(limits)
    scaled = losses.scaled(1 / losses.at(start).sum(-1).mean())
    objective: Objective
    if risk == "minimax":
        # The centre of the limits is far from where the families' losses are level.
        typical = best_per_draw(_typical(losses), limits, risk).ratios
        start = 0.7 * typical / typical.sum() + 0.3 * start
        objective = WorstOverDraws(scaled.scaled(losses.a.shape[1]), start)
    elif risk == "cvar":
        objective = Tail(scaled, start, share=share)
    else:
        objective = Sum(scaled, together=True)
    with _one_thread():
        return minimise(objective, inner, start)


def _typical(losses: Losses) -> Losses:
    """One draw in the middle of all."""

    def middle(values: np.ndarray) -> np.ndarray:
        return values.mean(0, keepdims=True)

    worth, transfer = losses.repetition, losses.transfer
    return Losses(
        middle(losses.floor),
        np.exp(middle(np.log(losses.a))),
        np.exp(middle(np.log(losses.g))),
        worth and Repetition(*map(middle, worth)),
        None if transfer is None else middle(transfer),
    )


def _one_thread() -> AbstractContextManager[Any]:
    """Threads wait for each other at matrices of a hundred rows."""
    return _controller().limit(limits=1, user_api="blas")


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def _interior_per_draw(losses: Losses, limits: Limits, is_worst: bool) -> Solution:
    start, inner = inside(limits)
    size = losses.a.shape[1] if losses.transfer is None else losses.transfer[0].size
    is_dense = is_worst or losses.transfer is not None
    each = max(size, limits.lower.size ** (2 if is_dense else 1))
    n_chunk = max(1, CACHED_VALUES // each)
    parts = []
    for first in range(0, len(losses), n_chunk):
        part = losses.take(slice(first, first + n_chunk))
        starts = np.repeat(start, len(part), 0)
        part = part.scaled(1 / part.at(starts).sum(-1, keepdims=True))
        objective: Objective = Sum(part, together=False)
        if is_worst:
            objective = Worst(part.scaled(losses.a.shape[1]), starts, together=False)
        with _one_thread():
            parts.append(minimise(objective, inner, starts))
    ratios, is_solved = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Solution(ratios, is_solved & is_convex(losses, ratios))


def is_convex(
    losses: Losses, ratios: Float[np.ndarray, "batch source"], *, together: bool = False
) -> Bool[np.ndarray, " batch"]:
    """Whether losses bend upwards at mixtures, which repetition may prevent.

    Args:
      losses: of the families.
      ratios: one mixture for each draw, or one for all.
      together: whether it is the mean over draws that counts.
    """
    if losses.repetition is None:
        return np.ones(1 if together else len(losses), bool)
    _, bend = losses.by_ratio(losses.effective(ratios))
    if together:
        bend = bend.mean(0, keepdims=True)
    return (bend >= -ROUNDING).all(-1)
