"""What `bayeslaw breaks` prints."""

from typing import TYPE_CHECKING

from bayeslaw.downstream.wording import (
    EXPLANATION,
    Change,
    curve_names,
    probability_text,
    sentences,
)
from bayeslaw.terminal import print_lines, print_table

if TYPE_CHECKING:
    from bayeslaw.downstream.decisions import Breaks


def print_breaks(decided: "Breaks") -> None:
    """Print one line a curve, then what to know about them."""
    change, interval = Change(decided.matters), f"{decided.probability:.0%}"
    print_table(
        f"{decided.metric} in {decided.unit}, {decided.origin}: does it break, what to "
        "do?",
        ["curve", "P(break)", "by next", "gain", interval, "do", "margin"],
        [
            [
                name,
                probability_text(curve.card.p_break_seen),
                probability_text(curve.card.p_break),
                change(curve.card.gain.median),
                f"{change(curve.card.gain.lower)} {change(curve.card.gain.upper)}",
                curve.card.choice,
                f"{curve.card.margin:.2g}",
            ]
            for name, curve in zip(curve_names(decided), decided.curves, strict=True)
        ],
    )
    print()
    print_lines([*sentences(decided), *decided.notes, *EXPLANATION])
