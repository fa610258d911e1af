"""Draws exponents.svg from the results of benchmarks/replicates.py.

.venv/bin/python docs/gallery/exponents.py
"""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from bayeslaw.plots.style import OKABE_ITO, WIDTH, styled, to_svg

RESULTS = Path(__file__).parents[2] / "benchmarks/results"
MARKERS = ("o", "s", "^", "D")


@styled
def exponents(found: list[dict]) -> Figure:
    """Ratio exponent against tokens, a panel a family and a line a size."""
    families = list(dict.fromkeys(row["family"] for row in found))
    sizes = sorted({row["N"] for row in found})
    figure = Figure(figsize=(WIDTH, 2.9))
    panels = figure.subplots(1, len(families), sharey=True)
    for axes, family in zip(panels, families, strict=True):
        for n, colour, marker in zip(sizes, OKABE_ITO, MARKERS, strict=False):
            own = [r for r in found if (r["family"], r["N"]) == (family, n)]
            own.sort(key=lambda row: row["D"])
            # Sizes beside each other, so that their intervals can be seen.
            D = np.array([r["D"] for r in own]) * 1.06 ** (sizes.index(n) - 1.5)
            axes.plot(
                D,
                [r["gamma"] for r in own],
                color=colour,
                marker=marker,
                markersize=3,
                linewidth=1,
                label=f"N = {n / 1e3:.0f} k" if axes is panels[0] else None,
            )
            axes.vlines(
                D, [r["lower"] for r in own], [r["upper"] for r in own], color=colour
            )
        axes.set_xscale("log")
        axes.set_xticks([2.6e5, 5.2e5, 1.05e6, 2.1e6], ["0.26", "0.5", "1", "2.1"])
        axes.minorticks_off()
        axes.set_title(family.replace("_", "-"))
    panels[0].set_ylabel("ratio exponent γ")
    panels[len(families) // 2].set_xlabel("training tokens D, millions")
    figure.legend(loc="outside lower center", ncols=len(sizes))
    return figure


def main() -> None:
    path = RESULTS / "replicates-debian-families.json"
    figure = exponents(json.loads(path.read_text())["exponents"])
    target = Path(__file__).with_name("exponents.svg")
    target.write_text(to_svg(figure), encoding="utf-8")


if __name__ == "__main__":
    main()
