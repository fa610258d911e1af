"""Prior predictive bands of a table's rows, with the observed losses."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayeslaw.checks import PriorPredictive
from bayeslaw.numbers import interval_levels
from bayeslaw.plots.panels import log_axis, panel_grid, spaced
from bayeslaw.plots.style import INK, MUTED, family_colours, legible, styled

# Probability of each band and how dark it is drawn.
BANDS = {0.99: 0.13, 0.9: 0.2, 0.5: 0.3}
AXIS_LABELS = {"N": "non-embedding parameters N", "D": "training tokens D"}
# Bars are this wide on a log axis, so that sizes stay apart.
HALF_WIDTH = 1.12
MAX_BARS = 12
# Bands wider than this around the data are cut: the data would be a line.
MAX_VIEW = 1e4


@styled
def prior_predictive_bands(
    predictive: PriorPredictive, *, against: Literal["N", "D"] = "N"
) -> Figure:
    """Draw the observed losses of each family over their prior predictive bands.

    A band at one N covers all rows with that N, whatever their D and ratios; if there
    are many different values, they are binned.

    Args:
      predictive: result of `prior_predictive`.
      against: input on the horizontal axis.
    """
    columns, families = predictive.rows, predictive.families
    colours = family_colours(families)
    figure, panels, lowest = panel_grid(len(families), height=2.1, share_y=True)
    for axes, family in zip(panels, families, strict=True):
        is_family = columns["family"] == family
        _draw_family(
            axes,
            columns[against][is_family],
            predictive.values[:, is_family],
            predictive.observed[is_family],
            colours[family],
        )
        axes.set_title(family, color=legible(colours[family]))
    _scale_axes(panels, predictive, columns[against])
    for axes in lowest:
        axes.set_xlabel(AXIS_LABELS[against])
    units = ", ".join(sorted({str(unit) for unit in columns["unit"]}))
    figure.supylabel(f"loss [{units}]", fontsize=9)
    handles: list[Line2D | Patch] = [
        Patch(
            color=MUTED,
            alpha=_seen(probability),
            label=f"prior predictive, {probability:.0%}",
        )
        for probability in reversed(BANDS)
    ]
    handles.append(
        Line2D([], [], linestyle="none", marker="o", markersize=4, color=INK)
    )
    handles[-1].set_label(f"observed ({', '.join(predictive.origins)})")
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _draw_family(
    axes: Axes, x: np.ndarray, values: np.ndarray, observed: np.ndarray, colour: str
) -> None:
    for left, right, is_here in _cells(x):
        here = values[:, is_here]
        for probability, alpha in BANDS.items():
            lower, upper = np.quantile(here, interval_levels(probability))
            axes.fill_between(
                [left, right], lower, upper, color=MUTED, alpha=alpha, linewidth=0
            )
    axes.plot(
        x,
        observed,
        linestyle="none",
        marker="o",
        markersize=3,
        markeredgewidth=0,
        alpha=0.6,
        color=colour,
    )


def _cells(x: np.ndarray) -> Iterator[tuple[float, float, np.ndarray]]:
    """End of each bar and the rows in it: one bar a value, or bins of many values."""
    values = np.unique(x)
    if len(values) <= MAX_BARS:
        for value in values:
            yield value / HALF_WIDTH, value * HALF_WIDTH, x == value
        return
    edges = np.geomspace(values[0], values[-1], MAX_BARS + 1)
    bin_of = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, MAX_BARS - 1)
    for i in np.unique(bin_of):
        yield edges[i], edges[i + 1], bin_of == i


def _seen(probability: float) -> float:
    """Darkness of a band in a figure: wider bands lie below it."""
    below = [alpha for other, alpha in BANDS.items() if other >= probability]
    return float(1 - np.prod([1 - alpha for alpha in below]))


def _scale_axes(
    panels: Sequence[Axes], predictive: PriorPredictive, x: np.ndarray
) -> None:
    ends = np.quantile(predictive.values, [0.005, 0.995], axis=0)
    low, high = ends[0].min(), ends[1].max()
    smallest, largest = predictive.observed.min(), predictive.observed.max()
    low = min(smallest, max(low, smallest / MAX_VIEW)) / 1.1
    high = max(largest, min(high, largest * MAX_VIEW)) * 1.1
    ticks = [m * 10.0**k for m in (1, 3, 2, 5) for k in range(-6, 9)]
    left, right = x.min() / HALF_WIDTH**2, x.max() * HALF_WIDTH**2
    powers = [m * 10.0**k for k in range(3, 16) for m in (1, 3)]
    wanted = [x.min(), x.max(), *np.unique(x), *powers]
    for axes in panels:
        log_axis(axes, "y", spaced(ticks, low, high, 8))
        log_axis(axes, "x", spaced(wanted, left, right, 5))
        axes.set_ylim(low, high)
        axes.set_xlim(left, right)
