"""Panels and axes from which figures are composed."""

import math
from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from bayeslaw.plots.style import WIDTH, compact


def panel_grid(
    n_panels: int, *, height: float, n_columns: int | None = None, share_y: bool = False
) -> tuple[Figure, list[Axes], list[Axes]]:
    """Make a figure with panels of equal size.

    Args:
      n_panels: how many.
      height: height of a panel, inches.
      n_columns: columns, three or four if not given, whichever leaves fewer gaps.
      share_y: whether all panels have one vertical scale.

    Returns:
      the figure, its panels, and those of them with no panel below.
    """
    if n_columns is None:
        n_columns = 3 if -n_panels % 3 < -n_panels % 4 else 4
    n_columns = min(n_columns, n_panels)
    n_rows = -(-n_panels // n_columns)
    width = min(WIDTH, 0.3 * WIDTH * n_columns + 0.7)
    figure = Figure(figsize=(width, 0.6 + height * n_rows))
    grid = figure.subplots(n_rows, n_columns, sharey=share_y, squeeze=False)
    panels = list(grid.ravel())
    for axes in panels[n_panels:]:
        axes.remove()
    return figure, panels[:n_panels], panels[:n_panels][-n_columns:]


def spaced(values: Sequence[float], low: float, high: float, most: int) -> list[float]:
    """Select values for a log axis, so that their labels do not overlap.

    Args:
      values: candidates, the most important first.
      low: lower end of the axis.
      high: upper end of the axis.
      most: how many labels fit on the axis.
    """
    gap = math.log(high / low) / most
    kept: list[float] = []
    for value in values:
        if low <= value <= high and all(
            abs(math.log(value / other)) >= gap for other in kept
        ):
            kept.append(float(value))
    return sorted(kept)


def log_axis(axes: Axes, name: Literal["x", "y"], ticks: Sequence[float]) -> None:
    """Make one axis logarithmic, with plain numbers only at the given ticks."""
    axes.set(**{f"{name}scale": "log"})
    axis = axes.xaxis if name == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(list(ticks)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
    axis.set_minor_locator(NullLocator())


def round_values(low: float, high: float, count: int = 4) -> list[float]:
    """About `count` round numbers between two bounds."""
    locator = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10])
    return [float(x) for x in locator.tick_values(low, high) if low <= x <= high]
