"""Recommended ratios with the interval of the optimum and the flat range."""

from collections.abc import Mapping
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayeslaw.decisions import Decision
from bayeslaw.plots.style import FAINT, INK, MUTED, WIDTH, family_colours, shade, styled

# Standard mixtures first, the user's own after them.
MIXTURE_MARKERS = ("|", "x", "+", "1", "2", "3", "4")
# Half the height of a flat range; rows are 1 apart.
BAND = 0.27


@styled
def ratio_intervals(
    decision: Decision, tried: Mapping[str, tuple[float, float]] | None = None
) -> Figure:
    """Draw each family's recommended ratio with its intervals.

    Args:
      decision: result of `optimal_ratios`.
      tried: smallest and largest ratio of each family in the runs.
    """
    colours = family_colours(decision.names)
    n_families = len(decision.names)
    figure = Figure(figsize=(WIDTH, 1.3 + 0.5 * n_families))
    axes = figure.subplots()
    for row, family in enumerate(decision.names):
        _draw_family(axes, row, decision, family, colours[family])
        if tried:
            _draw_tried(axes, row, tried[family])
    for mixture, marker in zip(decision.compared, cycle(MIXTURE_MARKERS), strict=False):
        axes.plot(
            [mixture.ratios[family] for family in decision.names],
            np.arange(n_families) - BAND - 0.1,
            linestyle="none",
            marker=marker,
            color=INK,
            markersize=7,
            markeredgewidth=1.2,
        )
    axes.set_yticks(range(n_families), decision.names)
    axes.set_ylim(n_families - 0.5, -0.55)
    axes.set_xlim(0.0, _right_end(decision))
    axes.set_xlabel("sampling ratio p")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    figure.legend(
        handles=_handles(decision, bool(tried)), loc="outside lower center", ncols=5
    )
    return figure


def _draw_family(
    axes: Axes, row: int, decision: Decision, family: str, colour: str
) -> None:
    one = decision.family(family)
    low, high = one.flat_lower, one.flat_upper
    axes.barh(row, high - low, 2 * BAND, low, color=shade(colour, 0.75))
    low, high = one.lower, one.upper
    # Taller than the marker, so that a narrow interval is not hidden behind it.
    axes.barh(row, high - low, BAND, low, color=shade(colour, 0.2))
    axes.plot(
        one.ratio,
        row,
        marker="D",
        markersize=4.5,
        color="white",
        markeredgecolor=shade(colour, -0.4),
        markeredgewidth=1.2,
    )


def _right_end(decision: Decision) -> float:
    """Ratios tried may reach far beyond all others, and would squeeze them."""
    shown = [max(one.flat_upper, one.upper) for one in decision.families]
    for mixture in decision.compared:
        shown += mixture.ratios.values()
    return min(1.02, 1.25 * max(shown))


def _draw_tried(axes: Axes, row: int, ends: tuple[float, float]) -> None:
    y = row + BAND + 0.1
    axes.plot(
        ends,
        [y, y],
        color=MUTED,
        linewidth=0.9,
        marker="|",
        markersize=4,
    )


def _handles(decision: Decision, has_tried: bool) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker="D",
            color="white",
            markeredgecolor=INK,
            label="recommended",
        ),
        Patch(
            color=MUTED,
            label=f"{decision.probability:.0%} interval of the optimal ratio",
        ),
        Patch(
            color=FAINT,
            label=f"flat range: costs < {decision.flat.tolerance:.1%} of the loss",
        ),
    ]
    if has_tried:
        handles.append(
            Line2D([], [], color=MUTED, marker="|", label="range of ratios in the runs")
        )
    return handles + [
        Line2D([], [], linestyle="none", marker=marker, color=INK, label=mixture.name)
        for mixture, marker in zip(
            decision.compared, cycle(MIXTURE_MARKERS), strict=False
        )
    ]
