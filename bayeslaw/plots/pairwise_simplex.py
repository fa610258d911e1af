"""Draws of the optimal mixture: scatter plots of pairs of families."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayeslaw.decisions import Decision
from bayeslaw.plots.mixture_marks import DRAW_LABEL, DRAW_STYLE, marks, thinned
from bayeslaw.plots.panels import round_values
from bayeslaw.plots.style import INK, WIDTH, family_colours, legible, styled

MAX_FAMILIES = 6
# Views hold this part of the draws, and a margin.
VIEW = (0.005, 0.995)
MARGIN = 0.12
PAIRS_WIDTH = 0.85 * WIDTH


@styled
def simplex_pairs(decision: Decision) -> Figure:
    """Draw the optimal mixtures of the posterior draws and the recommended one.

    Two families: a histogram. More: the lower triangle of pairs, of the `MAX_FAMILIES`
    families with the largest recommended ratios.

    Args:
      decision: result of `optimal_ratios` for two or more families.
    """
    n_families = len(decision.names)
    if n_families < 2:
        raise ValueError(f"a simplex needs two families or more, got {n_families}")
    return _histogram(decision) if n_families == 2 else _pairs(decision)


def shown_families(decision: Decision) -> list[str]:
    """The families that `simplex_pairs` shows, in the decision's order."""
    largest = sorted(decision.names, key=lambda name: -decision.ratios[name])
    return [name for name in decision.names if name in largest[:MAX_FAMILIES]]


def _histogram(decision: Decision) -> Figure:
    family = decision.names[0]
    figure = Figure(figsize=(WIDTH * 0.7, 2.8))
    axes = figure.subplots()
    axes.hist(
        decision.optimal_draws[:, 0],
        bins=40,
        color=family_colours(decision.names)[family],
        alpha=0.7,
    )
    axes.axvline(decision.ratios[family], color=INK, label="recommended")
    axes.set_xlabel(
        f"optimal sampling ratio of {family} (the rest: {decision.names[1]})"
    )
    axes.set_ylabel("posterior draws")
    axes.legend()
    return figure


def _pairs(decision: Decision) -> Figure:
    names = shown_families(decision)
    draws = thinned(decision)[:, [decision.names.index(name) for name in names]]
    centre = np.array([decision.ratios[name] for name in names])
    colours = family_colours(decision.names)
    # One scale for all panels, so that wide and narrow families can be compared.
    half = (1 + MARGIN) * np.abs(np.quantile(draws, VIEW, axis=0) - centre).max()
    size = len(names) - 1
    width = min(PAIRS_WIDTH, 0.6 + 2.8 * size)
    figure = Figure(figsize=(width, width))
    grid: Any = figure.subplots(size, size, squeeze=False)
    for row, column in np.ndindex(size, size):
        axes: Axes = grid[row, column]
        if column > row:
            axes.remove()
            continue
        pair = [column, row + 1]
        _draw_pair(axes, draws[:, pair], decision, [names[k] for k in pair])
        _limit_pair(axes, centre[pair], half)
        axes.tick_params(labelbottom=row == size - 1, labelleft=column == 0)
        if row == size - 1:
            axes.set_xlabel(names[column], color=legible(colours[names[column]]))
        if column == 0:
            axes.set_ylabel(names[row + 1], color=legible(colours[names[row + 1]]))
    _pairs_legend(figure, grid[0, 0].get_lines(), decision, names, centre, half)
    return figure


def _pairs_legend(
    figure: Figure,
    lines: list[Line2D],
    decision: Decision,
    names: list[str],
    centre: np.ndarray,
    half: float,
) -> None:
    """Say what the markers are, and which mixture lies outside all panels."""
    shown = [decision.names.index(name) for name in names]
    for line, mark in zip(lines[1:], marks(decision), strict=True):
        if (np.abs(mark.ratios[shown] - centre) < half).sum() < 2:
            line.set_label(f"{mark.name} (outside the panels)")
    figure.legend(
        handles=lines,
        title=f"Every panel spans {2 * half:.2g} in both directions.",
        loc="upper right",
        alignment="left",
    )


def _draw_pair(
    axes: Axes, draws: np.ndarray, decision: Decision, names: list[str]
) -> None:
    axes.plot(*draws.T, label=DRAW_LABEL, **DRAW_STYLE)
    pair = [decision.names.index(name) for name in names]
    for mark in marks(decision):
        x, y = mark.ratios[pair]
        axes.plot(
            x, y, marker=mark.marker, color=INK, linestyle="none", label=mark.name
        )


def _limit_pair(axes: Axes, centre: np.ndarray, half: float) -> None:
    for name, middle in zip("xy", centre, strict=True):
        low, high = middle - half, middle + half
        axes.set(
            **{f"{name}lim": (low, high), f"{name}ticks": round_values(low, high, 3)}
        )
