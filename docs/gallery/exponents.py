"""Ratio exponent by tokens and size

Measured: `runs/debian-families`. Slope of log loss against log ratio over all mixtures
of one size and token count, without a model. Intervals: 90 %.
"""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from bayeslaw.plots import save_figure
from bayeslaw.plots.style import OKABE_ITO, WIDTH, figure_style

RESULTS = Path("benchmarks/results/replicates-debian-families.json")
found = json.loads(RESULTS.read_text())["exponents"]
families = list(dict.fromkeys(row["family"] for row in found))
sizes = sorted({row["N"] for row in found})

with figure_style():
    figure = Figure(figsize=(WIDTH, 2.9))
    panels = figure.subplots(1, len(families), sharey=True)
    for axes, family in zip(panels, families, strict=True):
        for i, (size, colour) in enumerate(zip(sizes, OKABE_ITO, strict=False)):
            rows = [r for r in found if (r["family"], r["N"]) == (family, size)]
            rows.sort(key=lambda row: row["D"])
            # Sizes beside each other, so that their intervals can be seen.
            D = np.array([row["D"] for row in rows]) * 1.06 ** (i - 1.5)
            gamma, lower, upper = (
                [row[name] for row in rows] for name in ("gamma", "lower", "upper")
            )
            label = f"N = {size / 1e3:.0f} k"
            axes.plot(D, gamma, color=colour, marker="os^D"[i], ms=3, lw=1, label=label)
            axes.vlines(D, lower, upper, color=colour)
        axes.set(xscale="log", title=family.replace("_", "-"))
        axes.set_xticks([2.6e5, 5.2e5, 1.05e6, 2.1e6], ["0.26", "0.5", "1", "2.1"])
        axes.minorticks_off()
    panels[0].set_ylabel("ratio exponent γ")
    panels[len(families) // 2].set_xlabel("training tokens D, millions")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(sizes))
save_figure(figure, Path("docs/gallery/generated/exponents.svg"))
