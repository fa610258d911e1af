"""Draws selection.svg: regret against FLOPs by how runs were chosen (simulated).

.venv/bin/python docs/gallery/selection.py
"""

import json
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from bayeslaw.plots import to_svg
from bayeslaw.plots.style import INK, OKABE_ITO, WIDTH, legible, styled

RESULTS = Path(__file__).parents[2] / "benchmarks/results/selection.json"
PANELS = {
    "well specified": "the law is the fitted one",
    "misspecified": "the law is another one",
}
OURS = "bayeslaw"


@styled
def regrets(results: dict) -> Figure:
    """Mean regret of the ratios after each stage, one line a strategy."""
    figure = Figure(figsize=(WIDTH, 3.2))
    panels = figure.subplots(1, 2, sharey=True)
    names = [name for name in results["all"]["regret"] if name != OURS]
    colours = dict(zip(sorted(names), map(legible, OKABE_ITO), strict=False))
    for axes, (key, title) in zip(panels, PANELS.items(), strict=True):
        group = results[key]
        start = group["spent"][0]
        for name in [*sorted(names), OURS]:
            spent = [x / start for x in group["spent_by"][name]]
            regret = [100 * x for x in group["regret"][name]]
            is_ours = name == OURS
            axes.plot(
                spent,
                regret,
                "o-",
                color=INK if is_ours else colours[name],
                linewidth=2 if is_ours else 1,
                markersize=4 if is_ours else 2.5,
                label=name,
            )
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="FLOPs [those of the first nine runs]",
        )
        axes.set_title(f"{title} ({group['truths']} truths)")
        axes.set_xticks([2**n for n in range(7)], [str(2**n) for n in range(7)])
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    panels[0].set_ylabel("mean regret [% of the loss]")
    lines, labels = panels[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=3)
    return figure


def main() -> None:
    """Draw the figure beside this script."""
    figure = regrets(json.loads(RESULTS.read_text()))
    Path(__file__).with_suffix(".svg").write_text(to_svg(figure), encoding="utf-8")


if __name__ == "__main__":
    main()
