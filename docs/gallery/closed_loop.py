"""Draws closed_loop.svg: a loop that was run, round by round (measured).

.venv/bin/python docs/gallery/closed_loop.py
"""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from bayeslaw.plots import to_svg
from bayeslaw.plots.style import (
    INK,
    MUTED,
    WIDTH,
    family_colours,
    legible,
    styled,
)

STORY = Path(__file__).parents[2] / "benchmarks/results/closed-loop.json"


@styled
def story(record: dict) -> Figure:
    """Regret against what was spent, and the ratios of each round."""
    rounds = record["rounds"]
    spent = np.array([one["spent_by_the_loop"] for one in rounds]) / 1e12
    figure = Figure(figsize=(WIDTH, 3.4))
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    believed = [100 * one["believed_regret"] for one in rounds]
    judged = np.array(
        [
            [one[f"judged_{part}"] for part in ("regret", "lower", "upper")]
            for one in rounds
        ]
    )
    judged *= 100
    left.plot(spent, believed, "o--", color=MUTED, label="believed by the loop")
    left.errorbar(
        spent,
        judged[:, 0],
        [judged[:, 0] - judged[:, 1], judged[:, 2] - judged[:, 0]],
        fmt="s-",
        color=INK,
        label="judged by an independent study, 90 %",
    )
    left.axhline(
        100 * record["judge"]["regret_of_uniform"],
        color=MUTED,
        ls=":",
        label="uniform ratios, judged by it",
    )
    left.set(
        xlabel="FLOPs of the loop's runs [10¹²]",
        ylabel="regret [% of the loss]",
        yscale="log",
    )
    left.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    left.yaxis.set_minor_formatter(NullFormatter())
    colours = family_colours(tuple(rounds[0]["ratios"]))
    numbers = np.arange(1, len(rounds) + 1)
    for i, (family, colour) in enumerate(colours.items()):
        at = numbers + 0.08 * (i - 2)
        middle, lower, upper = (
            np.array([one[part][family] for one in rounds])
            for part in ("ratios", "lower", "upper")
        )
        shown = legible(colour)
        right.vlines(at, lower, upper, color=shown, linewidth=1)
        right.plot(
            at, middle, "o-", color=shown, markersize=3, linewidth=1, label=family
        )
        right.plot(
            numbers[-1] + 0.6, record["judge"]["ratios"][family], "D", color=shown
        )
    right.set(xlabel="round", ylabel="sampling ratio", xlim=(0.6, numbers[-1] + 1))
    right.set_ylim(bottom=0)
    right.set_xticks(
        [*numbers, numbers[-1] + 0.6], [*map(str, numbers), "other\nstudy"]
    )
    right.tick_params(axis="x", colors=INK)
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def main() -> None:
    """Draw the figure beside this script."""
    figure = story(json.loads(STORY.read_text()))
    Path(__file__).with_suffix(".svg").write_text(to_svg(figure), encoding="utf-8")


if __name__ == "__main__":
    main()
