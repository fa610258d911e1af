"""Downstream scores against tokens of pretraining, with their posterior."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayeslaw.downstream import Breaks, CurveDecision, curve_names, equals
from bayeslaw.numbers import interval_levels
from bayeslaw.plots.style import (
    FAINT,
    INK,
    MUTED,
    OKABE_ITO,
    WIDTH,
    compact,
    legible,
    shade,
    styled,
)

COLUMNS = 4
PANEL_HEIGHT = 2.1
HOLDS, BREAKS = OKABE_ITO[0], OKABE_ITO[1]


@styled
def break_curves(decided: Breaks, chosen: Sequence[int] | None = None) -> Figure:
    """Draw a panel per curve: scores, their posterior, and the range to the next D_p.

    Args:
      decided: result of `breaks`.
      chosen: numbers of the curves to draw; all if None.
    """
    chosen = list(range(len(decided.curves))) if chosen is None else list(chosen)
    names = dict(zip(chosen, curve_names(decided, chosen), strict=True))
    columns = min(COLUMNS, len(chosen))
    rows = -(-len(chosen) // columns)
    tasks = {decided.curves[i].curve.task for i in chosen}
    shared_task = tasks.pop() if len(tasks) == 1 else ""
    figure = Figure(figsize=(WIDTH, 0.7 + PANEL_HEIGHT * rows))
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for axes, i in zip(panels.flat, chosen, strict=False):
        name = names[i].removeprefix(f"{shared_task}, ")
        _draw(axes, name, decided.curves[i], decided.probability)
    for axes in panels.flat[len(chosen) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel(f"{decided.metric} [{decided.unit}]")
    for column in range(columns):
        last = max(row for row in range(rows) if row * columns + column < len(chosen))
        panels[last, column].set_xlabel("pretraining tokens D_p")
        panels[last, column].tick_params(labelbottom=True)
    figure.legend(handles=_handles(decided), loc="outside lower center", ncols=6)
    return figure


def _draw(axes: Axes, name: str, curve: CurveDecision, probability: float) -> None:
    card = curve.card
    sign = 1 if curve.scale.larger_is_better else -1
    colour = BREAKS if card.p_break_seen > 0.5 else HOLDS
    D = np.geomspace(curve.points["D_p"].min(), card.D_next, 60)
    lower_level, upper_level = interval_levels(probability)
    low, middle, high = np.quantile(
        sign * curve.drawn.at(D), [lower_level, 0.5, upper_level], axis=0
    )
    axes.axvspan(card.D_last, card.D_next, color="#f4f4f4", linewidth=0)
    axes.fill_between(D, low, high, color=shade(colour, 0.75), linewidth=0)
    axes.plot(D, middle, color=colour, linewidth=1.4)
    se = np.nan_to_num(curve.points["se"])
    axes.errorbar(
        curve.points["D_p"],
        curve.points["value"],
        yerr=se,
        linestyle="none",
        marker="o",
        markersize=3,
        color=INK,
        elinewidth=0.8,
    )
    if curve.baseline is not None:
        axes.axhline(
            sign * curve.baseline.value, color=MUTED, linestyle="--", linewidth=1
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: compact(value))
    axes.minorticks_off()
    axes.set_title(name, loc="left", fontsize=8)
    axes.set_title(
        f"P(break){equals(card.p_break_seen)}",
        loc="right",
        fontsize=8,
        color=legible(colour),
    )


def _handles(decided: Breaks) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        Line2D([], [], linestyle="none", marker="o", color=INK, label="scores, ± se"),
        Line2D([], [], color=HOLDS, label="posterior median"),
        Patch(color=shade(HOLDS, 0.75), label=f"{decided.probability:.0%} interval"),
        Line2D([], [], color=BREAKS, label="P(break) > .5"),
        Patch(color=FAINT, label="beyond the last checkpoint"),
    ]
    if any(curve.baseline for curve in decided.curves):
        handles.append(
            Line2D([], [], color=MUTED, linestyle="--", label="without pretraining")
        )
    return handles
