"""Is a stated P(break) right?

Simulated: curves with all numbers of checkpoints together. Each point stands for ten
curves or more, with one standard error. Dashed: as stated.
"""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from bayeslaw.plots import save_figure
from bayeslaw.plots.style import MUTED, OKABE_ITO, WIDTH, figure_style

ARMS = json.loads(Path("benchmarks/results/breaks.json").read_text())
PANELS = {
    "hierarchies": "tables of tasks and mixtures",
    "mixed": "a third broken, known families",
    "new": "a third broken, families not looked at",
}
NOISES = {
    "normal": ("normal noise", OKABE_ITO[0]),
    "heavy": ("Student-t noise", OKABE_ITO[2]),
    "wrong se": ("standard errors stated at half their size", OKABE_ITO[1]),
}
FEWEST = 10  # curves of a point


def pooled(prefix: str) -> tuple[np.ndarray, ...]:
    """Stated and observed shares in tenths, all numbers of checkpoints together."""
    parts = [
        (part["said"], part["was"], part["curves"])
        for name, arm in ARMS.items()
        if name.startswith(prefix)
        for part in arm["reliability"]
    ]
    said, was, count = (np.array(column) for column in zip(*parts, strict=True))
    tenth = np.minimum((10 * said).astype(int), 9)
    sums = [np.bincount(tenth, weights) for weights in (count * said, count * was)]
    total = np.bincount(tenth, count)
    filled = total >= FEWEST
    return *(each[filled] / total[filled] for each in sums), total[filled]


with figure_style():
    figure = Figure(figsize=(WIDTH, 3.3))
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (name, title) in zip(panels, PANELS.items(), strict=True):
        axes.plot([0, 1], [0, 1], color=MUTED, linestyle="--", label="as stated")
        for noise, (label, colour) in NOISES.items():
            said, was, count = pooled(f"{name}, large, {noise}, ")
            se = np.sqrt(was * (1 - was) / count)
            axes.errorbar(said, was, se, fmt="o", ms=3, color=colour, label=label)
        axes.set(title=title, xlabel="stated P(break)")
    panels[0].set_ylabel("share of curves that are broken")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
save_figure(figure, Path("docs/gallery/generated/breaks_reliability.svg"))
