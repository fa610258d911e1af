"""Coverage, width, score and error of a method over all tables of an arm."""

from collections.abc import Callable
from typing import Any

import numpy as np


def root_mean_square(values: np.ndarray) -> float:
    return np.sqrt(np.mean(values**2))


# How the numbers of all tables become one number of a method.
STATISTICS: dict[str, Callable[[np.ndarray], Any]] = {
    "within_50": np.mean,
    "within_90": np.mean,
    "width_90": np.median,
    "score_90": np.mean,
    "rmse": root_mean_square,
    "bias": np.mean,
}
COMPARED = ("width_90", "score_90", "rmse")


def per_table(
    points: np.ndarray, ends: np.ndarray, truth: np.ndarray
) -> dict[str, np.ndarray]:
    """What each statistic is made of, in percent of the true loss."""
    lower, low, high, upper = 100 * np.expm1(ends.T - truth)
    missed = np.maximum(lower, 0) - np.minimum(upper, 0)
    error = 100 * np.expm1(points - truth)
    return {
        "within_50": 100.0 * ((low <= 0) & (high >= 0)),
        "within_90": 100.0 * (missed == 0),
        "width_90": upper - lower,
        # Gneiting and Raftery 2007, doi 10.1198/016214506000001437, equation 43.
        "score_90": upper - lower + 20 * missed,
        "rmse": error,
        "bias": error,
    }


def ratio(
    name: str, one: dict[str, np.ndarray], other: dict[str, np.ndarray]
) -> list[float]:
    """A statistic of one method over that of another, on the same tables."""
    of = STATISTICS[name]
    both = np.stack([one[name], other[name]], axis=1)
    return with_se(lambda values: of(values[:, 0]) / of(values[:, 1]), both)


def with_se(of: Callable[[np.ndarray], Any], values: np.ndarray) -> list[float]:
    """A statistic over tables, and its standard error by resampling tables."""
    picks = np.random.default_rng(0).integers(len(values), size=(1000, len(values)))
    again = [of(values[pick]) for pick in picks]
    return [round(float(number), 4) for number in (of(values), np.std(again))]
