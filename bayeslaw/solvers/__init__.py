"""Mixtures of least loss: per draw and over draws, free or between limits."""

from bayeslaw.solvers.best import Risk, best_mixture, best_per_draw, is_convex
from bayeslaw.solvers.interior import Limits, Solution
from bayeslaw.solvers.losses import Losses, Repetition
from bayeslaw.solvers.reach import no_limits, roomiest

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
