"""Mixtures of least loss: per draw and over draws, free or between limits."""

from bayeslaw.decisions.solvers.best import Risk, best_mixture, best_per_draw, is_convex
from bayeslaw.decisions.solvers.feasibility import no_limits, roomiest
from bayeslaw.decisions.solvers.interior import Limits, Solution
from bayeslaw.decisions.solvers.weighted_losses import Losses, Repetition

__all__ = [
    "Limits",
    "Losses",
    "Repetition",
    "Risk",
    "Solution",
    "best_mixture",
    "best_per_draw",
    "is_convex",
    "no_limits",
    "roomiest",
]
