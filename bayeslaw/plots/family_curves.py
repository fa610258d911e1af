"""The fitted law and the data: loss against size, tokens and ratio, per family."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayeslaw.inference import Fitted, Posterior
from bayeslaw.plots.curve_panels import MAX_REACH, CurvePanel, curve_panel
from bayeslaw.plots.panels import log_axis, round_values, spaced
from bayeslaw.plots.style import (
    INK,
    MUTED,
    WIDTH,
    compact,
    family_colours,
    legible,
    shade,
    styled,
)

# Input on the axis, input that tells lines apart, input held fixed.
PANELS = (("N", "D", "p"), ("D", "N", "p"), ("p", "N", "D"))
AXIS_LABELS = {
    "N": "non-embedding parameters N",
    "D": "training tokens D",
    "p": "sampling ratio p",
}
RATIO_TICKS = (0.01, 0.1, 1.0, 0.03, 0.3, 0.001, 0.05, 0.2, 0.5, 0.02, 0.003, 1e-4)
LINE_STYLES: tuple[Any, ...] = ("solid", "dashed", "dashdot", "dotted")
MARKERS = ("o", "s", "^", "D")
# Losses fall to the right, so the upper right corner of every panel is free.
CORNER: dict[str, Any] = {
    "xycoords": "axes fraction",
    "ha": "right",
    "va": "top",
    "bbox": {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.0},
}
BEYOND = "#f3f3f3"
TARGET_STYLE = (0, (1, 2))
# With more points than this a panel is drawn as an image.
MAX_VECTOR_POINTS = 400


@styled
def law_curves(
    posterior: Posterior,
    *,
    families: Sequence[str] | None = None,
    target: Mapping[str, float] | None = None,
    ratios: Mapping[str, float] | None = None,
    probability: float = 0.9,
) -> Figure:
    """Draw the expected loss of each family with its interval, and the observations.

    The other inputs of a panel are held at the values measured most often.
    Observations at other values are moved there along the fitted law and drawn hollow.

    Args:
      posterior: result of `fit` with a law of N, D and p.
      families: families to show; all if not given.
      target: N and D of the target run, marked if not too far from the data.
      ratios: recommended ratio of each family, marked.
      probability: probability of the band.
    """
    fitted = Fitted.of(posterior)
    everyone = list(fitted.families)
    shown = list(families or everyone)
    colours = family_colours(everyone)
    marks = dict(target or {})
    panels = [
        curve_panel(fitted, *names, end=marks.get(names[0]), probability=probability)
        for names in PANELS
    ]
    figure = Figure(figsize=(WIDTH, 0.9 + 2.15 * len(shown)))
    grid = figure.subplots(len(shown), len(PANELS), sharey="row", squeeze=False)
    rows = fitted.rows
    for axes_row, family in zip(grid.tolist(), shown, strict=True):
        if ratios:
            marks["p"] = ratios[family]
        for axes, panel in zip(axes_row, panels, strict=True):
            _draw_curves(axes, panel, everyone.index(family), colours[family])
            _draw_points(axes, panel, rows, family, colours[family])
            _draw_reach(axes, rows[panel.axis].values, panel.axis, marks)
            _label_x(axes, panel)
        _label_corners(axes_row, panels, everyone.index(family))
        _label_row(axes_row[0], family, colours[family])
        axes_row[0].set_ylabel(f"loss [{fitted.unit}]")
    for axes, last, panel in zip(grid[0], grid[-1], panels, strict=True):
        _level_legend(axes, panel)
        last.set_xlabel(AXIS_LABELS[panel.axis])
    _figure_legend(figure, probability, has_marks=bool(marks))
    return figure


def _draw_curves(axes: Axes, panel: CurvePanel, family: int, colour: str) -> None:
    for i in range(len(panel.levels)):
        tone = _tone(colour, i, len(panel.levels))
        lower, upper = panel.lower[i, :, family], panel.upper[i, :, family]
        axes.fill_between(panel.grid, lower, upper, color=tone, alpha=0.25, linewidth=0)
        axes.plot(
            panel.grid,
            panel.mean[i, :, family],
            color=tone,
            linestyle=LINE_STYLES[i],
            linewidth=1.2,
        )


def _draw_points(
    axes: Axes, panel: CurvePanel, rows: xr.Dataset, family: str, colour: str
) -> None:
    is_family = rows["family"].values == family
    x = rows[panel.axis].values
    for i in range(len(panel.levels)):
        tone = _tone(colour, i, len(panel.levels))
        on_line = is_family & (panel.level == i)
        for mask, face in (
            (on_line & ~panel.is_exact, "none"),
            (on_line & panel.is_exact, tone),
        ):
            axes.plot(
                x[mask],
                panel.moved[mask],
                linestyle="none",
                marker=MARKERS[i],
                markersize=3.5,
                markerfacecolor=face,
                markeredgecolor=tone,
                markeredgewidth=0.6,
                alpha=0.5 if face == "none" else 0.9,
                rasterized=is_family.sum() > MAX_VECTOR_POINTS,
            )


def _tone(colour: str, level: int, n_levels: int) -> tuple[float, float, float]:
    """Lighter for the smallest level, darker for the largest."""
    return shade(colour, 0.35 - 0.7 * level / max(n_levels - 1, 1))


def _draw_reach(
    axes: Axes, values: np.ndarray, name: str, marks: Mapping[str, float]
) -> None:
    """Shade what lies beyond the data and mark the target."""
    low, high = float(values.min()), float(values.max())
    mark = marks.get(name)
    if mark is None or not high / MAX_REACH < mark < high * MAX_REACH:
        return
    axes.axvline(mark, color=INK, linestyle=TARGET_STYLE, linewidth=1.0)
    if mark > high:
        axes.axvspan(high, 2 * mark, color=BEYOND, zorder=0)
    if mark < low:
        axes.axvspan(mark / 2, low, color=BEYOND, zorder=0)


def _label_x(axes: Axes, panel: CurvePanel) -> None:
    low, high = float(panel.grid[0]), float(panel.grid[-1])
    margin = (high / low) ** 0.04
    if panel.axis == "p":
        wanted = [*RATIO_TICKS, *round_values(low, high)]
    else:
        powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.log10(high) + 1)
        wanted = [low, high, *powers, *(3 * powers)]
    low, high = low / margin, high * margin
    axes.set_xlim(low, high)
    log_axis(axes, "x", spaced(wanted, low, high, 6))


def _label_row(axes: Axes, family: str, colour: str) -> None:
    low, high = axes.get_ylim()
    log_axis(axes, "y", spaced(round_values(low, high, 5), low, high, 9))
    axes.annotate(
        family, (0.98, 0.97), fontweight="bold", color=legible(colour), **CORNER
    )


def _label_corners(
    axes_row: Sequence[Axes], panels: Sequence[CurvePanel], family: int
) -> None:
    """Say where the third input is held, the first panel's below the family's name."""
    for axes, panel in zip(axes_row, panels, strict=True):
        height = 0.86 if panel is panels[0] else 0.97
        text = f"{panel.fixed} = {compact(float(panel.held[family]))}"
        axes.annotate(text, (0.98, height), fontsize=8, **CORNER)


def _level_legend(axes: Axes, panel: CurvePanel) -> None:
    n_levels = len(panel.levels)
    handles = [
        Line2D(
            [],
            [],
            color=_tone(MUTED, i, n_levels),
            linestyle=LINE_STYLES[i],
            marker=MARKERS[i],
            markersize=4,
            label=compact(level),
        )
        for i, level in enumerate(panel.levels)
    ]
    axes.legend(
        handles=handles,
        title=f"{panel.lines} =",
        alignment="left",
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=n_levels,
        columnspacing=0.8,
        handlelength=1.9,
        borderaxespad=0.2,
    )


def _figure_legend(figure: Figure, probability: float, *, has_marks: bool) -> None:
    def dot(face: str, label: str) -> Line2D:
        return Line2D(
            [],
            [],
            linestyle="none",
            marker="o",
            markersize=4,
            markerfacecolor=face,
            markeredgecolor=MUTED,
            label=label,
        )

    handles = [
        Line2D([], [], color=MUTED, label="posterior mean"),
        Patch(color=MUTED, alpha=0.3, label=f"{probability:.0%} interval of the mean"),
        dot(MUTED, "observed at these values"),
        dot("none", "observed at other values, moved along the law"),
    ]
    if has_marks:
        handles += [
            Line2D(
                [],
                [],
                color=INK,
                linestyle=TARGET_STYLE,
                label="target, recommended ratio",
            ),
            Patch(color=BEYOND, label="no data"),
        ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=3, columnspacing=1.2
    )
