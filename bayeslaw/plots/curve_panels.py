"""The data of the law curves: lines, bands, and observations moved onto them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from bayeslaw.inference import Fitted, predict
from bayeslaw.numbers import interval_levels

MAX_DRAWS = 400
# Ratios of expected losses hardly differ between draws: few are enough to move points.
MOVE_DRAWS = 50
MAX_LEVELS = 4
GRID_POINTS = 40
# A target farther out than this is not drawn: the data would shrink to a corner.
MAX_REACH = 1000.0


@dataclass(frozen=True)
class CurvePanel:
    """Loss against one input, one line per level of another, the third held fixed.

    Attributes:
      axis: input on the horizontal axis.
      lines: input that tells the lines apart.
      fixed: input held fixed.
      levels: values of `lines`, increasing.
      held: value of `fixed` for each family, the one measured most often.
      grid: values of `axis`.
      mean: posterior mean of the expected loss.
      lower: lower end of its interval.
      upper: upper end of its interval.
      level: line that each observation belongs to.
      moved: each observation moved along the law to its line.
      is_exact: whether an observation stood on its line already.
    """

    axis: str
    lines: str
    fixed: str
    levels: Float[np.ndarray, " level"]
    held: Float[np.ndarray, " family"]
    grid: Float[np.ndarray, " point"]
    mean: Float[np.ndarray, "level point family"]
    lower: Float[np.ndarray, "level point family"]
    upper: Float[np.ndarray, "level point family"]
    level: Int[np.ndarray, " observation"]
    moved: Float[np.ndarray, " observation"]
    is_exact: Bool[np.ndarray, " observation"]


def curve_panel(
    fitted: Fitted,
    axis: str,
    lines: str,
    fixed: str,
    *,
    end: float | None = None,
    probability: float = 0.9,
) -> CurvePanel:
    """Compute the curves of all families in one panel.

    Args:
      fitted: a posterior with a law of the three inputs.
      axis: input on the horizontal axis.
      lines: input that tells the lines apart.
      fixed: input held fixed.
      end: value of `axis` that the curves should reach, if not too far from the data.
      probability: probability of the interval.
    """
    rows = fitted.rows
    levels = _levels(rows[lines].values)
    held = _most_frequent(fitted, fixed)
    grid = _grid(rows[axis].values, axis, end)
    level, point = (part.ravel() for part in np.meshgrid(levels, grid, indexing="ij"))
    places = {axis: point[:, None], lines: level[:, None], fixed: held}
    draws = predict(fitted, max_draws=MAX_DRAWS, **places)
    draws = draws.reshape(-1, len(levels), len(grid), len(held))
    lower, upper = np.quantile(draws, interval_levels(probability), axis=0)
    index, moved, is_exact = _moved(fitted, (axis, lines, fixed), levels, held)
    return CurvePanel(
        axis=axis,
        lines=lines,
        fixed=fixed,
        levels=levels,
        held=held,
        grid=grid,
        mean=draws.mean(0),
        lower=lower,
        upper=upper,
        level=index,
        moved=moved,
        is_exact=is_exact,
    )


def _grid(values: np.ndarray, axis: str, end: float | None) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    if end is not None:
        low = end if high / MAX_REACH < end < low else low
        high = end if high < end < high * MAX_REACH else high
    if low == high:
        low, high = low / 1.5, high * 1.5
    return np.geomspace(low, min(high, 1.0) if axis == "p" else high, GRID_POINTS)


def _levels(values: np.ndarray) -> np.ndarray:
    unique = np.unique(values)
    if len(unique) <= MAX_LEVELS:
        return unique
    return unique[np.linspace(0, len(unique) - 1, MAX_LEVELS).round().astype(int)]


def _most_frequent(fitted: Fitted, name: str) -> np.ndarray:
    """For each family the value of an input with most rows, the largest of equals."""
    rows = fitted.rows
    found = []
    for family in fitted.families:
        of_family = rows[name].values[rows["family"].values == family]
        values, counts = np.unique(of_family, return_counts=True)
        found.append(values[counts == counts.max()].max())
    return np.array(found)


def _moved(
    fitted: Fitted,
    inputs: tuple[str, str, str],
    levels: np.ndarray,
    held: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Line, moved value and exactness of each observation, see `CurvePanel`."""
    axis, lines, fixed = inputs
    rows = fitted.rows
    index = fitted.posterior.get_index("family")
    family = index.get_indexer(rows["family"].values)
    here = {name: rows[name].values for name in inputs}
    level = np.abs(np.log(here[lines][:, None] / levels)).argmin(1)
    there = {axis: here[axis], lines: levels[level], fixed: held[family]}
    factor = _mean_of_rows(fitted, family, there) / _mean_of_rows(fitted, family, here)
    observed = fitted.observed
    is_exact = np.logical_and.reduce(
        [np.isclose(here[name], there[name], rtol=1e-3, atol=0) for name in inputs]
    )
    return level, observed * factor, is_exact


def _mean_of_rows(
    fitted: Fitted, family: np.ndarray, inputs: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Expected loss of each row's own family."""
    columns: dict[str, Any] = {name: values[:, None] for name, values in inputs.items()}
    draws = predict(fitted, max_draws=MOVE_DRAWS, **columns)
    return draws.mean(0)[np.arange(len(family)), family]
