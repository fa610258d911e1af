"""Learning rate and width

Measured: held-out loss of proxies of `runs/debian-families` against the learning rate.
Points: mean of five families and two seeds. Bars: the two seeds.
"""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from bayeslaw.plots import save_figure
from bayeslaw.plots.style import OKABE_ITO, WIDTH, figure_style

RESULTS = Path("benchmarks/results/learning-rate-debian-families.json")
record = json.loads(RESULTS.read_text())
found = record["found"]
widths = sorted({row["width"] for row in found})
rates = sorted({row["rate"] for row in found})

with figure_style():
    figure = Figure(figsize=(0.7 * WIDTH, 3.2))
    axes = figure.subplots()
    for width, colour, marker in zip(widths, OKABE_ITO, "os^D", strict=False):
        losses = np.array(
            [
                [r["loss"] for r in found if (r["width"], r["rate"]) == (width, rate)]
                for rate in rates
            ]
        )
        axes.plot(
            rates,
            losses.mean(1),
            color=colour,
            marker=marker,
            markersize=4,
            label=f"width {width}",
        )
        axes.vlines(rates, losses.min(1), losses.max(1), color=colour, linewidth=1)
    axes.set_xscale("log")
    axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axes.minorticks_off()
    axes.set_xlabel("peak learning rate at the base width")
    axes.set_ylabel(f"held-out loss [{record['unit']}]")
    figure.legend(loc="outside lower center", ncols=len(widths))
save_figure(figure, Path("docs/gallery/generated/learning_rate.svg"))
