"""Mixtures of many families as lines across one vertical scale per family."""

import numpy as np
from jaxtyping import Bool
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayeslaw.decisions import Decision
from bayeslaw.plots.mixture_marks import DRAW_LABEL, Mark, marks
from bayeslaw.plots.style import FAINT, INK, MUTED, WIDTH, family_colours, legible

MAX_LINES = 150
DASHES = ("--", ":", "-.", (0, (6, 2, 1, 2, 1, 2)), (0, (1, 3)), (0, (8, 3)))


def parallel_mixtures(decision: Decision) -> Figure:
    """Draw the optimal mixtures of the densest region, flat ranges and comparisons."""
    n_families = len(decision.names)
    figure = Figure(figsize=(WIDTH, 4.2))
    axes = figure.subplots()
    at = np.arange(n_families)
    flat = np.array([[one.flat_lower, one.flat_upper] for one in decision.families])
    axes.bar(at, flat[:, 1] - flat[:, 0], 0.34, flat[:, 0], color=FAINT, zorder=0.5)
    shown = decision.optimal_draws[densest(decision)]
    pick = np.linspace(0, len(shown) - 1, min(MAX_LINES, len(shown))).astype(int)
    axes.plot(
        at, shown[pick].T, color=MUTED, alpha=0.15, linewidth=0.8, rasterized=True
    )
    drawn = marks(decision)
    for i, mark in enumerate(drawn):
        axes.plot(at, mark.ratios, **_line_style(mark, i))
    _label(axes, decision, drawn)
    figure.legend(handles=_handles(decision), loc="outside lower center", ncols=3)
    return figure


def densest(decision: Decision) -> Bool[np.ndarray, " draw"]:
    """Which draws lie in the densest region at the decision's probability.

    The region is an ellipsoid in logs of ratios, as it is if these are Normal.
    """
    logs = np.log(decision.optimal_draws)
    # Logs of ratios have one constraint: without the last, centred, none is left.
    free = (logs - logs.mean(-1, keepdims=True))[:, :-1]
    centred = free - free.mean(0)
    distance = (centred @ np.linalg.pinv(np.atleast_2d(np.cov(free.T))) * centred).sum(
        -1
    )
    inside: np.ndarray = distance <= np.quantile(distance, decision.probability)
    return inside


def _line_style(mark: Mark, i: int) -> dict:
    is_own = i == 0
    return {
        "color": INK,
        "linestyle": "-" if is_own else DASHES[(i - 1) % len(DASHES)],
        "linewidth": 1.6 if is_own else 0.9,
        "marker": mark.marker,
        "markersize": 5,
        "markerfacecolor": "white" if is_own else INK,
        "label": mark.name,
    }


def _label(axes: Axes, decision: Decision, drawn: list[Mark]) -> None:
    colours = family_colours(decision.names)
    is_crowded = len(decision.names) > 8
    axes.set_xticks(
        range(len(decision.names)),
        decision.names,
        rotation=45 if is_crowded else 0,
        ha="right" if is_crowded else "center",
    )
    for text, family in zip(axes.get_xticklabels(), decision.names, strict=True):
        text.set_color(legible(colours[family]))
    highest = max(max(one.flat_upper, one.upper) for one in decision.families)
    highest = max(highest, *(mark.ratios.max() for mark in drawn))
    axes.set_ylim(0, 1.05 * highest)
    axes.set_xlim(-0.5, len(decision.names) - 0.5)
    axes.set_ylabel("sampling ratio p")
    axes.grid(axis="x", visible=False)


def _handles(decision: Decision) -> list[Line2D | Patch]:
    share = f"{decision.probability:.0%}"
    return [
        Line2D(
            [],
            [],
            color=MUTED,
            alpha=0.6,
            label=f"{DRAW_LABEL}, of the densest {share}",
        ),
        Patch(
            color=FAINT,
            label=f"flat range: costs < {decision.flat.tolerance:.1%} of the loss",
        ),
        *(
            Line2D([], [], **_line_style(mark, i))
            for i, mark in enumerate(marks(decision))
        ),
    ]
