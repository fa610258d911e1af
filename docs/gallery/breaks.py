"""Draws breaks.svg and breaks_reliability.svg, both of simulated scores, and
breaks_measured.svg of measured ones.

PYTHONPATH=benchmarks/breaks .venv/bin/python docs/gallery/breaks.py
"""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from published_pattern import published_pattern

from bayeslaw.data.scores import read_curves
from bayeslaw.data.scores.curve import Curve
from bayeslaw.downstream.break_analysis import breaks
from bayeslaw.plots import break_curves, to_svg
from bayeslaw.plots.style import INK, MUTED, OKABE_ITO, WIDTH, styled

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks/results/breaks.json"
MEASURED = ROOT / "runs/debian-translation/translations.csv"
PANELS = {
    "hierarchies": "tables of tasks and mixtures",
    "mixed": "a third broken, known families",
    "new": "a third broken, families not looked at",
}
PAIRS = 8000  # of the measured curves that are drawn
FEWEST = 10  # curves of a point
NOISES = {"normal": OKABE_ITO[0], "heavy": OKABE_ITO[2], "wrong se": OKABE_ITO[1]}


@styled
def reliability(arms: dict) -> Figure:
    """How often curves break of which it is said with some probability."""
    figure = Figure(figsize=(WIDTH, 3.3))
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (name, title) in zip(panels, PANELS.items(), strict=True):
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        for noise, colour in NOISES.items():
            said, was, count = _pooled(arms, f"{name}, large, {noise}, ")
            axes.plot(said, was, "o", color=colour, markersize=3)
            error = np.sqrt(was * (1 - was) / count)
            axes.vlines(said, was - error, was + error, color=colour, linewidth=1)
        axes.set_title(title)
        axes.set_xlabel("P(break) that was said")
    panels[0].set_ylabel("share that is broken")
    handles = [
        *(axes.plot([], [], "o", color=c, markersize=3)[0] for c in NOISES.values()),
        axes.plot([], [], color=INK, linewidth=1, linestyle=(0, (4, 3)))[0],
    ]
    labels = [
        "normal noise",
        "Student-t noise",
        "standard errors told half as large as they are",
    ]
    figure.legend(
        handles, [*labels, "as promised"], loc="outside lower center", ncols=4
    )
    return figure


def _pooled(arms: dict, prefix: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tenths of all numbers of checkpoints together."""
    parts = [
        (part["said"], part["was"], part["curves"])
        for name, arm in arms.items()
        if name.startswith(prefix)
        for part in arm["reliability"]
    ]
    said, was, count = (np.array(column) for column in zip(*parts, strict=True))
    tenth = np.minimum((10 * said).astype(int), 9)
    total = np.bincount(tenth, count)
    filled = total >= FEWEST
    return (
        np.bincount(tenth, count * said)[filled] / total[filled],
        np.bincount(tenth, count * was)[filled] / total[filled],
        total[filled],
    )


def _order(curve: Curve) -> int:
    """Source alone, target alone, both, the language of no part."""
    source, target = curve.task.split("-")
    return (source, target, curve.task, "ru").index(curve.pretraining_mix)


def main() -> None:
    """Draw the figures beside this script."""
    here = Path(__file__)
    decided = breaks(published_pattern(seed=0))
    here.with_suffix(".svg").write_text(to_svg(break_curves(decided)), encoding="utf-8")
    measured = breaks(read_curves(MEASURED))
    curves = [one.curve for one in measured.curves]
    # A row of panels for each task, the mixes in the same order.
    chosen = sorted(
        (i for i, curve in enumerate(curves) if curve.pairs == PAIRS),
        key=lambda i: (curves[i].task, _order(curves[i])),
    )
    figure = break_curves(measured, chosen)
    here.with_name("breaks_measured.svg").write_text(to_svg(figure), encoding="utf-8")
    arms = json.loads(RESULTS.read_text())
    here.with_name("breaks_reliability.svg").write_text(
        to_svg(reliability(arms)), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
