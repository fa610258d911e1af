"""Do intervals hold what they promise?

Simulated: share of 200 studies whose intervals hold the truth, for three pairs of truth
and model. Bars: two standard errors. Dashed: as promised.
"""

import json
from pathlib import Path

from matplotlib.figure import Figure

from bayeslaw.plots import save_figure
from bayeslaw.plots.style import MUTED, OKABE_ITO, WIDTH, figure_style

RESULTS = [
    Path("benchmarks/results/calibration-on.json"),
    Path("benchmarks/results/calibration-strong.json"),
    Path("benchmarks/results/calibration-off.json"),
]
QUANTITIES = {
    "optimal ratios": "optimal ratios at the target",
    "log loss at the target": "loss at the target",
}
records = [json.loads(path.read_text()) for path in RESULTS]
arms = [
    record["about"].replace(", ", ",\n").replace(" x ", " × ") for record in records
]

with figure_style():
    figure = Figure(figsize=(WIDTH, 2.7))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (quantity, title) in zip(panels, QUANTITIES.items(), strict=True):
        found = [
            next(each for each in record["coverage"] if each["quantity"] == quantity)
            for record in records
        ]
        for level, colour, marker in ((50, MUTED, "s"), (90, OKABE_ITO[0], "o")):
            axes.axvline(level, color=colour, linewidth=1, linestyle="--")
            axes.errorbar(
                [100 * each[f"within_{level}"] for each in found],
                range(len(found)),
                xerr=[200 * each["se_90"] for each in found] if level == 90 else None,
                fmt=marker,
                markersize=5,
                color=colour,
                label=f"{level} % intervals",
            )
        axes.set(title=title, xlim=(0, 100))
        studies = f"{records[0]['studies']} studies"
        axes.set_xlabel(f"intervals that hold the truth, % ({studies})")
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(arms)), arms)
    panels[0].set_ylim(len(arms) - 0.5, -0.5)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
save_figure(figure, Path("docs/gallery/generated/calibration.svg"))
