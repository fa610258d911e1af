"""Draws calibration.svg from the results of benchmarks/calibration.py.

.venv/bin/python docs/gallery/calibration.py
"""

import json
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayeslaw.plots.style import INK, MUTED, OKABE_ITO, WIDTH, styled, to_svg

RESULTS = Path(__file__).parents[2] / "benchmarks/results"
ARMS = ("on", "strong", "off")
QUANTITIES = {
    "optimal ratios": "optimal ratios at the target",
    "log loss at the target": "loss at the target",
}
LEVELS = {50: (MUTED, "s"), 90: (OKABE_ITO[0], "o")}


@styled
def coverage(records: list[dict]) -> Figure:
    """Share of truths held by the intervals of each arm, two quantities."""
    figure = Figure(figsize=(WIDTH, 2.7))
    n_studies = records[0]["studies"]
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (quantity, title) in zip(panels, QUANTITIES.items(), strict=True):
        for level, (colour, _) in LEVELS.items():
            axes.axvline(level, color=colour, linewidth=1, linestyle=(0, (4, 3)))
        for row, record in enumerate(records):
            (found,) = (c for c in record["coverage"] if c["quantity"] == quantity)
            _draw_arm(axes, row, found)
        axes.set_title(title)
        axes.set_xlim(0, 100)
        axes.set_xlabel(
            f"intervals that hold the truth, % ({n_studies} simulated studies)"
        )
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
    names = [
        record["about"].replace(", ", ",\n").replace(" x ", " × ") for record in records
    ]
    panels[0].set_yticks(range(len(records)), names)
    panels[0].set_ylim(len(records) - 0.5, -0.5)
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="none")
        for colour, marker in LEVELS.values()
    ]
    handles.append(Line2D([], [], color=INK, linewidth=1, linestyle=(0, (4, 3))))
    labels = ["50 % intervals", "90 % intervals, 2 standard errors", "as promised"]
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _draw_arm(axes: Axes, row: int, found: dict) -> None:
    for level, (colour, marker) in LEVELS.items():
        share = 100 * found[f"within_{level}"]
        axes.plot(share, row, marker=marker, markersize=5, color=colour)
    axes.errorbar(
        100 * found["within_90"],
        row,
        xerr=196 * found["se_90"],
        color=LEVELS[90][0],
        linewidth=1.5,
    )


def main() -> None:
    """Draw the figure beside this script."""
    records = [
        json.loads((RESULTS / f"calibration-{arm}.json").read_text()) for arm in ARMS
    ]
    Path(__file__).with_suffix(".svg").write_text(
        to_svg(coverage(records)), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
