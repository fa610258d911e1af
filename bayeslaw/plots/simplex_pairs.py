"""Draws of the optimal mixture: scatter plots of pairs, and a ternary plot."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayeslaw.decision import Decision
from bayeslaw.plots.panels import round_values
from bayeslaw.plots.style import INK, MUTED, WIDTH, family_colours, legible, styled

MAX_DRAWS = 500
MAX_FAMILIES = 6
# Views hold this part of the draws, and a margin.
VIEW = (0.005, 0.995)
MARGIN = 0.12
PAIRS_WIDTH = 0.85 * WIDTH
MIXTURE_MARKERS = ("*", "P", "X", "v", "^", "<", ">")
# Hundreds of points a panel are smaller as an image.
DRAW_STYLE: dict[str, Any] = {
    "linestyle": "none",
    "marker": ".",
    "markersize": 4,
    "markeredgewidth": 0,
    "color": MUTED,
    "alpha": 0.6,
    "rasterized": True,
}
HEIGHT = np.sqrt(3) / 2


@styled
def simplex_pairs(decision: Decision) -> Figure:
    """Optimal mixtures of the posterior draws, with the recommended one.

    Two families: a histogram. More: the lower triangle of pairs, of the `MAX_FAMILIES`
    families with the largest recommended ratios; with three, a ternary plot beside.

    Args:
      decision: result of `optimal_ratios` for two or more families.
    """
    n_families = len(decision.families)
    if n_families < 2:
        raise ValueError(f"a simplex needs two families or more, got {n_families}")
    return _histogram(decision) if n_families == 2 else _pairs(decision)


def shown_families(decision: Decision) -> list[str]:
    """Families that `simplex_pairs` shows, in the decision's order."""
    largest = sorted(decision.families, key=lambda name: -decision.ratios[name])
    return [name for name in decision.families if name in largest[:MAX_FAMILIES]]


def _thinned(decision: Decision) -> np.ndarray:
    draws = decision.optimal_draws
    pick = np.linspace(0, len(draws) - 1, min(MAX_DRAWS, len(draws))).astype(int)
    return draws[pick]


def _histogram(decision: Decision) -> Figure:
    family = decision.families[0]
    figure = Figure(figsize=(WIDTH * 0.7, 2.8))
    axes = figure.subplots()
    axes.hist(
        decision.optimal_draws[:, 0],
        bins=40,
        color=family_colours(decision.families)[family],
        alpha=0.7,
    )
    axes.axvline(decision.ratios[family], color=INK, label="recommended")
    axes.set_xlabel(
        f"optimal sampling ratio of {family} (the rest: {decision.families[1]})"
    )
    axes.set_ylabel("posterior draws")
    axes.legend()
    return figure


def _pairs(decision: Decision) -> Figure:
    names = shown_families(decision)
    draws = _thinned(decision)[:, [decision.families.index(name) for name in names]]
    centre = np.array([decision.ratios[name] for name in names])
    colours = family_colours(decision.families)
    # One scale for all panels, so that wide and narrow families can be compared.
    half = (1 + MARGIN) * np.abs(np.quantile(draws, VIEW, axis=0) - centre).max()
    size = len(names) - 1
    width = min(PAIRS_WIDTH, 0.6 + 2.8 * size)
    figure = Figure(figsize=(width, width))
    grid: Any = figure.subplots(size, size, squeeze=False)
    for row, column in np.ndindex(size, size):
        axes: Axes = grid[row, column]
        if column > row:
            if len(decision.families) == 3:
                _draw_ternary(axes, decision)
            else:
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
    for line, (name, ratios, _) in zip(
        lines[1:], _named_mixtures(decision), strict=True
    ):
        at = np.array([ratios[family] for family in names])
        if (np.abs(at - centre) < half).sum() < 2:
            line.set_label(f"{name} (outside the squares)")
    is_corner_free = len(decision.families) > 3
    figure.legend(
        handles=lines,
        title=f"Every square spans {2 * half:.2g} in both directions.",
        loc="upper right" if is_corner_free else "outside lower center",
        alignment="left",
        ncols=1 if is_corner_free else 3,
    )


def _draw_pair(
    axes: Axes, draws: np.ndarray, decision: Decision, names: list[str]
) -> None:
    axes.plot(*draws.T, label="optimal mixture of one posterior draw", **DRAW_STYLE)
    for name, ratios, marker in _named_mixtures(decision):
        x, y = (ratios[family] for family in names)
        axes.plot(x, y, marker=marker, color=INK, linestyle="none", label=name)


def _limit_pair(axes: Axes, centre: np.ndarray, half: float) -> None:
    for name, middle in zip("xy", centre, strict=True):
        low, high = middle - half, middle + half
        axes.set(
            **{f"{name}lim": (low, high), f"{name}ticks": round_values(low, high, 3)}
        )


def _named_mixtures(
    decision: Decision,
) -> list[tuple[str, dict[str, float], str]]:
    """Name, ratios and marker of the recommended and the compared mixtures."""
    return [("recommended", decision.ratios, "D")] + [
        (verdict.name, verdict.ratios, marker)
        for verdict, marker in zip(decision.compared, MIXTURE_MARKERS, strict=False)
    ]


def _draw_ternary(axes: Axes, decision: Decision) -> None:
    """The triangle of all mixtures of three families, with the draws in it."""
    axes.set_axis_off()
    axes.set_aspect("equal")
    colours = family_colours(decision.families)
    for k, family in enumerate(decision.families):
        _ternary_axis(axes, k, family, colours[family])
    axes.plot(*_flat(_thinned(decision)).T, **DRAW_STYLE)
    for _, ratios, marker in _named_mixtures(decision):
        point = _flat(np.array([[ratios[family] for family in decision.families]]))
        axes.plot(*point.T, linestyle="none", marker=marker, color=INK, markersize=5)
    axes.set_xlim(-0.12, 1.12)
    axes.set_ylim(-0.12, HEIGHT + 0.08)


def _flat(ratios: np.ndarray) -> np.ndarray:
    """Mixtures of three as points of a triangle: first left, second right, third up."""
    return ratios @ np.array([[0.0, 0.0], [1.0, 0.0], [0.5, HEIGHT]])


def _ternary_axis(axes: Axes, k: int, family: str, colour: str) -> None:
    """Lines of equal ratio of one family, labelled on the side where they start."""
    i, j = (k + 1) % 3, (k + 2) % 3
    for ratio in (0.0, 0.2, 0.4, 0.6, 0.8):
        ends = np.zeros((2, 3))
        ends[:, k] = ratio
        ends[0, i] = ends[1, j] = 1 - ratio
        line = _flat(ends)
        axes.plot(*line.T, color=colour, linewidth=1.2 if ratio == 0 else 0.4)
        if ratio > 0:
            outward = (line[0] - line[1]) / np.linalg.norm(line[0] - line[1])
            axes.annotate(
                f"{ratio:g}",
                line[0] + 0.05 * outward,
                ha="center",
                va="center",
                color=legible(colour),
                fontsize=8,
            )
    corner = np.zeros((1, 3))
    corner[0, k] = 1.0
    place = _flat(corner)[0]
    shift = 0.05 if place[1] > 0 else -0.07
    axes.annotate(
        family,
        (place[0], place[1] + shift),
        ha="center",
        color=legible(colour),
        weight="bold",
    )
