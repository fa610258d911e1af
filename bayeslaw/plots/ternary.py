"""Mixtures of three families in a triangle, and a close-up around the optimum."""

from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.stats import gaussian_kde

from bayeslaw.decisions import Decision
from bayeslaw.plots.mixture_marks import (
    DRAW_LABEL,
    DRAW_STYLE,
    Mark,
    marks,
    thinned,
)
from bayeslaw.plots.panels import round_values
from bayeslaw.plots.style import FAINT, INK, MUTED, WIDTH, family_colours, legible

HEIGHT = np.sqrt(3) / 2
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, HEIGHT]])
N_GRID = 150  # of the density, a side
MARGIN = 0.08  # around the region that is enlarged, a share of its width
EDGE = (0.005, 0.995)  # draws that the enlarged part must hold

Lower = Float[np.ndarray, "3"]


def ternary(decision: Decision) -> Figure:
    """Draw optimal mixtures, densest region and flat region of three families.

    Left: the triangle of all mixtures. Right: the part around the optimum, also a
    triangle, whose corners are not pure families.
    """
    figure = Figure(figsize=(WIDTH, 5.4))
    whole, part = figure.subplots(1, 2, width_ratios=(1, 1.9))
    lower = _enlarged(decision)
    _draw_triangle(whole, decision, np.zeros(3), n_ticks=4, gap=0.085)
    whole.fill(*_points(_corners(lower), np.zeros(3)).T, fill=False, edgecolor=INK)
    _draw_triangle(part, decision, lower, n_ticks=7, gap=0.045)
    whole.set_title("all mixtures; the frame marks the right panel")
    part.set_title("around the recommended mixture")
    figure.legend(
        handles=_handles(decision, lower), loc="outside lower center", ncols=3
    )
    return figure


def _enlarged(decision: Decision) -> Lower:
    """Lowest ratios of the part that holds the draws and the flat region."""
    ends = np.quantile(decision.optimal_draws, EDGE, axis=0)
    # The lowest ratios alone fix a triangle; the highest follow from them.
    lowest = np.vstack([ends[:1], decision.flat.boundary]).min(0)
    size = 1 - lowest.sum()
    return np.maximum(lowest - MARGIN * size, 0.0)


def _corners(lower: Lower) -> np.ndarray:
    """Mixtures at the corners of the part above the lowest ratios."""
    return lower + (1 - lower.sum()) * np.eye(3)


def _points(ratios: np.ndarray, lower: Lower) -> np.ndarray:
    """Mixtures as points: first family left, second right, third up."""
    return (ratios - lower) / (1 - lower.sum()) @ CORNERS


def _draw_triangle(
    axes: Axes, decision: Decision, lower: Lower, *, n_ticks: int, gap: float
) -> None:
    """One triangle; `gap` is from a side to its labels, in sides of the triangle."""
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set(xlim=(-0.12, 1.12), ylim=(-2.5 * gap, HEIGHT + 2 * gap))
    if len(decision.flat.boundary):
        axes.fill(*_points(decision.flat.boundary, lower).T, color=FAINT, zorder=0.5)
    colours = family_colours(decision.names)
    for k, family in enumerate(decision.names):
        _draw_axis(axes, k, lower, legible(colours[family]), n_ticks, gap)
        shift = (0.0, gap) if k == 2 else (0.0, -2 * gap)
        axes.annotate(
            f"more {family}",
            CORNERS[k] + shift,
            ha="center",
            color=legible(colours[family]),
            weight="bold",
        )
    draws = thinned(decision)
    inside = (draws >= lower).all(-1)
    axes.plot(*_points(draws[inside], lower).T, **DRAW_STYLE)
    _draw_densest(axes, decision, lower)
    for mark in marks(decision):
        if (mark.ratios >= lower).all():
            axes.plot(*_points(mark.ratios, lower), **_mark_style(mark))


def _draw_axis(
    axes: Axes, k: int, lower: Lower, colour: Any, n_ticks: int, gap: float
) -> None:
    """Lines of equal ratio of one family, labelled on the side where they start."""
    i, j = (k + 1) % 3, (k + 2) % 3
    size = 1 - lower.sum()
    for ratio in [lower[k], *round_values(lower[k], lower[k] + size, n_ticks)]:
        rest = size - (ratio - lower[k])
        if rest < 0.05 * size or 0 < ratio - lower[k] < 0.03 * size:
            continue
        ends = np.tile(lower, (2, 1))
        ends[:, k] = ratio
        ends[0, i] += rest
        ends[1, j] += rest
        line = _points(ends, lower)
        is_side = ratio == lower[k]
        axes.plot(*line.T, color=colour, linewidth=1.2 if is_side else 0.4, zorder=1)
        if not is_side:
            outward = (line[0] - line[1]) / np.linalg.norm(line[0] - line[1])
            axes.annotate(
                f"{ratio:.3g}",
                line[0] + gap * outward,
                ha="center",
                va="center",
                color=colour,
                fontsize=8,
            )


def _draw_densest(axes: Axes, decision: Decision, lower: Lower) -> None:
    """Outline of the highest-density region at the decision's probability."""
    draws = _points(thinned(decision, most=2000), lower)
    density = gaussian_kde(draws.T)
    level = np.quantile(density(draws.T), 1 - decision.probability)
    spread = 4 * draws.std(0)
    x, y = (
        np.linspace(low, high, N_GRID)
        for low, high in zip(
            draws.mean(0) - spread, draws.mean(0) + spread, strict=True
        )
    )
    grid = np.stack(np.meshgrid(x, y)).reshape(2, -1)
    axes.contour(
        x,
        y,
        density(grid).reshape(N_GRID, N_GRID),
        levels=[level],
        colors=INK,
        linewidths=1.2,
    )


def _mark_style(mark: Mark) -> dict[str, Any]:
    is_own = mark.marker == "D"
    return {
        "linestyle": "none",
        "marker": mark.marker,
        "markersize": 6 if is_own else 7,
        "color": "white" if is_own else INK,
        "markeredgecolor": INK,
        "markeredgewidth": 1.4 if is_own else 0.5,
        "zorder": 4,
    }


def _handles(decision: Decision, lower: Lower) -> list[Line2D | Patch]:
    share = f"{decision.probability:.0%}"
    handles: list[Line2D | Patch] = [
        Line2D([], [], label=DRAW_LABEL, **DRAW_STYLE),
        Line2D([], [], color=INK, label=f"densest region that holds {share} of draws"),
        Patch(
            facecolor=FAINT,
            edgecolor=MUTED,
            linewidth=0.3,
            label="every mixture here costs < "
            f"{decision.flat.tolerance:.1%} of the loss",
        ),
    ]
    for mark in marks(decision):
        away = "" if (mark.ratios >= lower).all() else " (left only)"
        handles.append(Line2D([], [], label=mark.name + away, **_mark_style(mark)))
    return handles
