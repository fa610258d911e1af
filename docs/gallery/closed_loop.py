"""A closed loop, round by round

Measured: `runs/closed-loop`. Left: the regret that the loop believes, and the one that
an independent study judges, with its 90 % interval. Right: the ratios of each round
with their 90 % intervals, beside those of the independent study.
"""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from bayeslaw.plots import family_colours, save_figure
from bayeslaw.plots.style import INK, MUTED, WIDTH, figure_style, legible

RECORD = json.loads(Path("benchmarks/results/closed-loop.json").read_text())
rounds, judge = RECORD["rounds"], RECORD["judge"]
spent = [one["spent_by_the_loop"] / 1e12 for one in rounds]
believed = [100 * one["believed_regret"] for one in rounds]
judged, lower, upper = (
    100 * np.array([one[f"judged_{part}"] for one in rounds])
    for part in ("regret", "lower", "upper")
)
numbers = np.arange(1, len(rounds) + 1)
other = numbers[-1] + 0.6  # place of the independent study

with figure_style():
    figure = Figure(figsize=(WIDTH, 3.4))
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    left.plot(spent, believed, "o--", color=MUTED, label="believed by the loop")
    ends = (judged - lower, upper - judged)
    label = "judged by an independent study, 90 %"
    left.errorbar(spent, judged, ends, fmt="s-", color=INK, label=label)
    uniform = 100 * judge["regret_of_uniform"]
    label = "uniform ratios, judged by it"
    left.axhline(uniform, color=MUTED, linestyle=":", label=label)
    left.set(xlabel="FLOPs of the loop's runs [10¹²]", yscale="log")
    left.set_ylabel("regret [% of the loss]")
    left.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    left.yaxis.set_minor_formatter(NullFormatter())
    for i, (family, colour) in enumerate(family_colours([*judge["ratios"]]).items()):
        at = numbers + 0.08 * (i - 2)
        ratios, lower, upper = (
            [one[part][family] for one in rounds]
            for part in ("ratios", "lower", "upper")
        )
        colour = legible(colour)
        right.vlines(at, lower, upper, color=colour, linewidth=1)
        right.plot(at, ratios, "o-", color=colour, ms=3, lw=1, label=family)
        right.plot(other, judge["ratios"][family], "D", color=colour)
    right.set(xlabel="round", ylabel="sampling ratio", xlim=(0.6, other + 0.4))
    right.set_ylim(bottom=0)
    right.set_xticks([*numbers, other], [*map(str, numbers), "other\nstudy"])
    figure.legend(loc="outside lower center", ncols=4)
save_figure(figure, Path("docs/gallery/generated/closed_loop.svg"))
