"""Draws learning_rate.svg from the results of benchmarks/learning_rate.py.

.venv/bin/python docs/gallery/learning_rate.py
"""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from bayeslaw.plots.style import OKABE_ITO, WIDTH, styled, to_svg

RESULTS = Path(__file__).parents[2] / "benchmarks/results"
MARKERS = ("o", "s", "^", "D")


@styled
def losses(found: list[dict], unit: str) -> Figure:
    """Held-out loss against the learning rate, one line for each width."""
    figure = Figure(figsize=(0.7 * WIDTH, 3.2))
    axes = figure.subplots()
    widths = sorted({row["width"] for row in found})
    for width, colour, marker in zip(widths, OKABE_ITO, MARKERS, strict=False):
        own = [row for row in found if row["width"] == width]
        rates = sorted({row["rate"] for row in own})
        each = np.array(
            [[r["loss"] for r in own if r["rate"] == rate] for rate in rates]
        )
        mean = each.mean(1)
        label = f"width {width}"
        axes.plot(rates, mean, color=colour, marker=marker, markersize=4, label=label)
        axes.vlines(rates, each.min(1), each.max(1), color=colour, linewidth=1)
    axes.set_xscale("log")
    axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axes.minorticks_off()
    axes.set_xlabel("peak learning rate at the base width")
    axes.set_ylabel(f"held-out loss [{unit}]")
    figure.legend(loc="outside lower center", ncols=len(widths))
    return figure


def main() -> None:
    path = RESULTS / "learning-rate-debian-families.json"
    record = json.loads(path.read_text())
    figure = losses(record["found"], record["unit"])
    target = Path(__file__).with_name("learning_rate.svg")
    target.write_text(to_svg(figure), encoding="utf-8")


if __name__ == "__main__":
    main()
