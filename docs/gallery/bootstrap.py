"""Posterior, bootstrap and delta method

Simulated: intervals of a predicted loss, 200 tables an arm. Bars: 95 % intervals of the
estimates. Faint: fits without a prior, on the same tables as in the first arm.
"""

import json
from pathlib import Path

from matplotlib.figure import Figure

from bayeslaw.plots import save_figure
from bayeslaw.plots.style import INK, MUTED, OKABE_ITO, WIDTH, figure_style

RESULTS = [
    Path("benchmarks/results/bootstrap-well.json"),
    Path("benchmarks/results/bootstrap-few.json"),
    Path("benchmarks/results/bootstrap-low.json"),
    Path("benchmarks/results/bootstrap-high.json"),
]
METHODS = {
    "posterior": "bayeslaw posterior",
    "bootstrap": "Huber fit, bootstrap",
    "delta": "least squares, delta method",
}
PANELS = {
    "intervals that hold the truth, %": ("within_50", "within_90"),
    "width of the 90 % interval, % of the loss": ("width_90",),
    "RMSE of the prediction, % of the loss": ("rmse",),
}
records = [json.loads(path.read_text()) for path in RESULTS]
arms = [record["about"].replace(", ", ",\n") for record in records]

with figure_style():
    figure = Figure(figsize=(WIDTH, 1.2 + 0.55 * len(records)))
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (label, statistics) in zip(panels, PANELS.items(), strict=True):
        for row, record in enumerate(records):
            for place, method in enumerate(METHODS):
                is_own = method in record["methods"]
                numbers = (record if is_own else records[0])["methods"][method]
                for statistic in statistics:
                    value, se = numbers[statistic]
                    axes.errorbar(
                        value,
                        row + 0.22 * (place - 1),
                        xerr=1.96 * se,
                        fmt="os^"[place],
                        markersize=5,
                        color=OKABE_ITO[place],
                        markerfacecolor="white" if "50" in statistic else None,
                        alpha=1.0 if is_own else 0.3,
                    )
        axes.set(xlabel=label, xlim=(0, 104 if len(statistics) > 1 else None))
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
    for level in (50, 90):
        panels[0].axvline(level, color=MUTED, linewidth=0.9, linestyle=":")
    panels[0].set_xticks((0, 25, 50, 75, 90))
    panels[2].set_xticks((0, 0.5, 1, 1.5))
    panels[0].set_yticks(range(len(arms)), arms)
    panels[0].set_ylim(len(arms) - 0.5, -0.5)
    for place, label in enumerate(METHODS.values()):
        panels[0].plot([], [], "os^"[place], color=OKABE_ITO[place], label=label)
    figure.legend(loc="outside lower center", ncols=len(METHODS))
    tables = records[0]["tables"]
    title = f"{tables} simulated tables each; filled: 90 % intervals, open: 50 %"
    figure.suptitle(title, fontsize=9, color=INK)
save_figure(figure, Path("docs/gallery/generated/bootstrap.svg"))
