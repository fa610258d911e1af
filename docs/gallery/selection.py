"""Regret by how the next runs are chosen

Simulated: mean regret of the recommended ratios after each stage, one line a strategy.
In the left panel the true law is the one that is fitted, in the right panel it is not.
"""

import json
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from bayeslaw.plots import save_figure
from bayeslaw.plots.style import INK, OKABE_ITO, WIDTH, figure_style, legible

RESULTS = json.loads(Path("benchmarks/results/selection.json").read_text())
PANELS = {
    "well specified": "the law is the fitted one",
    "misspecified": "the law is another one",
}
OURS = "bayeslaw"
others = sorted(name for name in RESULTS["all"]["regret"] if name != OURS)
lines = {
    name: {"color": legible(colour), "linewidth": 1, "markersize": 2.5}
    for name, colour in zip(others, OKABE_ITO, strict=False)
} | {OURS: {"color": INK, "linewidth": 2, "markersize": 4}}

with figure_style():
    figure = Figure(figsize=(WIDTH, 3.2))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (key, title) in zip(panels, PANELS.items(), strict=True):
        group = RESULTS[key]
        for name, line in lines.items():
            spent = [x / group["spent"][0] for x in group["spent_by"][name]]
            regret = [100 * x for x in group["regret"][name]]
            axes.plot(spent, regret, "o-", label=name, **line)
        axes.set(
            title=f"{title} ({group['truths']} truths)",
            xlabel="FLOPs [those of the first nine runs]",
            xscale="log",
            yscale="log",
        )
        axes.set_xticks([2**n for n in range(7)], [str(2**n) for n in range(7)])
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_formatter(NullFormatter())
    panels[0].set_ylabel("mean regret [% of the loss]")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
save_figure(figure, Path("docs/gallery/generated/selection.svg"))
