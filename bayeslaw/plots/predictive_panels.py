"""Predictive checks: does the model predict rows like those it was fitted to?"""

import numpy as np
from arviz_stats.ecdf_utils import ecdf_pit
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayeslaw.inference import Fitted, Posterior, pit, replicate
from bayeslaw.numbers import interval_levels
from bayeslaw.plots.panels import log_axis, panel_grid, round_values, spaced
from bayeslaw.plots.style import (
    FAINT,
    INK,
    MUTED,
    family_colours,
    legible,
    styled,
)

BAND_PROBABILITY = 0.99
BAND_SIMULATIONS = 500
# The band of n values is simulated at n points; larger tables are thinned.
MAX_BAND_ROWS = 1000
N_REPLICATES = 500


@styled
def pit_difference(posterior: Posterior) -> Figure:
    """Draw how far the predictive probabilities of the rows are from uniform.

    Values above zero on the left mean more low observations than predicted. An S shape
    means that predictions are too wide or too narrow.

    Args:
      posterior: result of `fit`.

    Source: Säilynoja et al. 2022, doi 10.1007/s11222-022-10090-6, for the band.
    """
    fitted = Fitted.of(posterior)
    families, family = fitted.families, fitted.rows["family"].values
    ranks = pit(fitted)
    parts = {name: ranks[family == name] for name in families}
    if len(families) > 1:
        parts = {"all families": ranks, **parts}
    colours = {"all families": INK, **family_colours(families)}
    figure, panels, lowest = panel_grid(len(parts), height=1.6, share_y=True)
    for axes, (name, part) in zip(panels, parts.items(), strict=True):
        _draw_difference(axes, part, colours[name])
        axes.set_title(f"{name} ({len(part)} rows)", color=legible(colours[name]))
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1])
    for axes in lowest:
        axes.set_xlabel("predictive probability")
    figure.supylabel("share of rows below − expected", fontsize=9)
    handles = [
        Line2D([], [], color=MUTED, label="observed"),
        Patch(
            color=FAINT, label=f"{BAND_PROBABILITY:.0%} simultaneous band if uniform"
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _draw_difference(axes: Axes, ranks: np.ndarray, colour: str) -> None:
    ranks = np.sort(ranks)
    if len(ranks) > 1:
        pick = np.linspace(0, len(ranks) - 1, min(len(ranks), MAX_BAND_ROWS)).astype(
            int
        )
        points, _, lower, upper = ecdf_pit(
            ranks[pick], BAND_PROBABILITY, BAND_SIMULATIONS
        )
        axes.fill_between(
            points, lower - points, upper - points, color=FAINT, linewidth=0
        )
    at = np.linspace(0, 1, 201)
    share = np.searchsorted(ranks, at, side="right") / len(ranks)
    axes.plot(at, share - at, color=colour, linewidth=1.3)
    axes.axhline(0, color=MUTED, linewidth=0.6)


@styled
def predictive_residuals(posterior: Posterior, probability: float = 0.9) -> Figure:
    """Draw observed against predicted loss of every row, with replicated rows.

    Args:
      posterior: result of `fit`.
      probability: probability of the interval.
    """
    fitted = Fitted.of(posterior)
    families, family = fitted.families, fitted.rows["family"].values
    observed = fitted.observed
    replicates = replicate(fitted, n_draws=N_REPLICATES)
    lower_level, upper_level = interval_levels(probability)
    lower, middle, upper = np.quantile(
        replicates, [lower_level, 0.5, upper_level], axis=0
    )
    colours = family_colours(families)
    figure, panels, lowest = panel_grid(len(families), height=1.9, share_y=True)
    for axes, name in zip(panels, families, strict=True):
        rows = family == name
        inside = (observed >= lower) & (observed <= upper)
        axes.vlines(
            middle[rows],
            100 * (lower / middle - 1)[rows],
            100 * (upper / middle - 1)[rows],
            color=FAINT,
            linewidth=1.2,
        )
        for mask, marker in ((rows & inside, "o"), (rows & ~inside, "X")):
            axes.plot(
                middle[mask],
                100 * (observed / middle - 1)[mask],
                linestyle="none",
                marker=marker,
                markersize=3 if marker == "o" else 4.5,
                color=colours[name],
                markeredgewidth=0,
                alpha=0.8,
                rasterized=rows.sum() > 1000,
            )
        axes.axhline(0, color=MUTED, linewidth=0.6)
        axes.set_title(
            f"{name}: {inside[rows].mean():.0%} inside the interval",
            color=legible(colours[name]),
        )
        low, high = middle[rows].min() / 1.02, middle[rows].max() * 1.02
        log_axis(axes, "x", spaced(round_values(low, high, 4), low, high, 6))
    for axes in lowest:
        axes.set_xlabel(f"predicted loss [{fitted.unit}]")
    figure.supylabel("observed − predicted [%]", fontsize=9)
    handles = [
        Line2D([], [], linestyle="none", marker="o", color=MUTED, label="observed"),
        Line2D([], [], linestyle="none", marker="X", color=MUTED, label="outside"),
        Patch(color=FAINT, label=f"{probability:.0%} interval of replicated rows"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure
